"""The oracle of the models against roads that are not backpropagation: differences, closed forms, Adam's laws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness import data, noise
from harness.errors import BadInputError
from harness.oracle import networks
from harness.training import loop, models
from harness.training.weights import initial_weights

SEED = 5
IMAGES = 2
SAMPLES = 2
TEMPERATURE = np.longdouble("0.7")
CASES = [("vae", name) for name in networks.OBJECTIVES] + [("categorical_vae", "bernoulli")]

# Central difference with step h = eps^(1/3): truncation h^2 |L'''| and rounding eps |L| / h are both of the order
# eps^(2/3), times the loss over the norm of a gradient (about 10 to 1e4) and the number of additions in the loss.
STEP = np.finfo(np.longdouble).eps ** (np.longdouble(1) / 3)
DIFFERENCE_BUDGET = 1e5 * np.finfo(np.longdouble).eps ** (2 / 3)  # 2e-8 in the 80-bit type

Weights = dict[str, Any]


def inputs(model: str, dtype: Any = np.longdouble) -> tuple[Weights, Any, Any]:
    weights = {name: value.astype(dtype) for name, value in initial_weights(models.find(model).layers, SEED).items()}
    # biases off zero, so that nothing about them is hidden
    weights = {
        name: value
        + (noise.generator(SEED, "test", name).normal(size=value.shape) / 10 if name.endswith("bias") else 0)
        for name, value in weights.items()
    }
    images = data.digits()[0][loop.indices(SEED, 0, IMAGES, len(data.digits()[0]))].astype(dtype)
    return weights, images, loop.batch_noise(model, SEED, 0, SAMPLES, IMAGES).astype(dtype)


def loss(model: str, objective: str, images: Any, base_noise: Any) -> Callable[[Weights], tuple[Any, Weights]]:
    if model == "vae":
        return lambda weights: networks.vae_loss(objective, weights, images, base_noise)
    return lambda weights: networks.categorical_vae_loss(weights, images, base_noise, images.dtype.type(TEMPERATURE))


@pytest.mark.parametrize(("model", "objective"), CASES)
def test_gradient_is_the_limit_of_differences(model: str, objective: str) -> None:
    weights, images, base_noise = inputs(model)
    function = loss(model, objective, images, base_noise)
    _, gradients = function(weights)
    assert gradients.keys() == weights.keys()
    for name, gradient in gradients.items():
        assert gradient.shape == weights[name].shape
        assert gradient.dtype == np.longdouble
        direction = noise.generator(SEED, "direction", name).standard_normal(gradient.shape).astype(np.longdouble)
        ahead = function(weights | {name: weights[name] + STEP * direction})[0]
        behind = function(weights | {name: weights[name] - STEP * direction})[0]
        error = abs((ahead - behind) / (2 * STEP) - (gradient * direction).sum())
        assert error <= DIFFERENCE_BUDGET * np.sqrt((gradient**2).sum()), name


@pytest.mark.parametrize(("model", "objective"), CASES)
def test_float64_agrees_with_longdouble(model: str, objective: str) -> None:
    value, gradients = loss(model, objective, *inputs(model)[1:])(inputs(model)[0])
    weights, images, base_noise = inputs(model, np.float64)
    value_64, gradients_64 = loss(model, objective, images, base_noise)(weights)
    # the longest chain of additions is 784; errors of random sign grow with its square root, 28
    budget = 64 * np.finfo(np.float64).eps
    assert abs(value_64 - value) <= budget * abs(value)
    for name, gradient in gradients.items():
        assert np.linalg.norm((gradients_64[name] - gradient).astype(float)) <= budget * np.linalg.norm(
            gradient.astype(float)
        ), name


def _zero_weights_loss(objective: str, images: Any) -> float:
    """Loss where every weight is 0: outputs 0, loc 0, scale ln 2, whatever the noise."""
    scale = np.log(2)
    kl = 50 * ((scale**2 - 1) / 2 - np.log(scale))
    squares = (images**2).sum(-1).mean()
    return {
        "bernoulli": 784 * np.log(2) + kl,
        "gaussian": squares / 2 + 392 * np.log(2 * np.pi) + kl,
        "article": squares / 784 + 2 * kl,
    }[objective]


@pytest.mark.parametrize("objective", networks.OBJECTIVES)
def test_vae_without_weights_has_a_closed_form(objective: str) -> None:
    weights, images, base_noise = inputs("vae", np.float64)
    value, _ = networks.vae_loss(objective, {k: np.zeros_like(v) for k, v in weights.items()}, images, base_noise)
    # sums of 784 equal terms: 784 roundings at worst
    assert value == pytest.approx(_zero_weights_loss(objective, images), rel=784 * np.finfo(np.float64).eps)


def test_categorical_vae_with_constant_logits_has_a_closed_form() -> None:
    """Logits of one row per variable and no weights elsewhere: 784 ln 2 and the KL of one categorical, 20 times."""
    weights, images, base_noise = inputs("categorical_vae", np.float64)
    weights = {name: np.zeros_like(value) for name, value in weights.items()}
    probabilities = np.arange(1, 11) / 55
    weights["logits.bias"] = np.tile(np.log(probabilities), 20)
    value, _ = networks.categorical_vae_loss(weights, images, base_noise, 0.7)
    kl = 20 * (probabilities * np.log(10 * probabilities)).sum()
    assert value == pytest.approx(784 * np.log(2) + kl, rel=784 * np.finfo(np.float64).eps)


def test_encode_is_the_posterior_of_the_loss() -> None:
    """With a decoder of zeros the loss is 784 ln 2 plus the KL of what `encode` returns, and noise has no effect."""
    weights, images, base_noise = inputs("vae", np.float64)
    weights = {k: np.zeros_like(v) if k.startswith(("decoder", "output")) else v for k, v in weights.items()}
    loc, scale = networks.encode(weights, images)
    kl = ((loc**2 + scale**2 - 1) / 2 - np.log(scale)).sum(-1).mean()
    value, _ = networks.vae_loss("bernoulli", weights, images, base_noise)
    assert value == pytest.approx(784 * np.log(2) + kl, rel=784 * np.finfo(np.float64).eps)


def test_unknown_objective_names_the_nearest() -> None:
    with pytest.raises(BadInputError, match="bernoulli"):
        networks.vae_loss("bernouli", *inputs("vae"))


def test_adam_walks_at_the_learning_rate_under_a_constant_gradient() -> None:
    """A constant gradient g has m_hat = g and v_hat = g^2 at every step: each update is rate g / (|g| + 1e-8)."""
    start = {"x": np.array([1.0, -2.0, 3.0, 4.0], np.longdouble)}
    gradient = {"x": np.array([3.0, -1e-3, 1e-8, 0.0], np.longdouble)}
    x, state = start, networks.adam_initial(start)
    rate = np.longdouble("0.01")
    for _ in range(20):
        x, state = networks.adam(x, gradient, state, rate)
    truth = start["x"] - 20 * rate * gradient["x"] / (np.abs(gradient["x"]) + np.longdouble("1e-8"))
    # 20 updates; 1 - b2^t loses a factor 1000 at t = 1
    assert np.abs(x["x"] - truth).max() <= 20 * 1000 * np.finfo(np.longdouble).eps
    assert state.step == 20


def test_adam_moments_are_weighted_sums_of_the_past() -> None:
    """m_t = (1 - b1) sum_i b1^(t-i) g_i, v_t likewise of the squares; the update divides by 1 - b^t."""
    history = noise.generator(SEED, "adam").standard_normal((6, 3))
    x = {"x": np.zeros(3)}
    state = networks.adam_initial(x)
    previous = x
    for gradient in history:
        previous = x
        x, state = networks.adam(x, {"x": gradient}, state, 0.1)
    age = np.arange(6)[::-1, None]
    mean = (0.9**age * history).sum(0) / (0.9**age).sum()
    uncentered_variance = (0.999**age * history**2).sum(0) / (0.999**age).sum()
    truth = previous["x"] - 0.1 * mean / (np.sqrt(uncentered_variance) + 1e-8)
    np.testing.assert_allclose(x["x"], truth, rtol=1e-12)  # 1 - b2^6 = 0.006 costs 3 of 16 digits
