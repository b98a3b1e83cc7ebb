"""Gradients that nobody here wrote, dropout, numpyro's ELBO and implicit ones, each against a closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.measuring.measure import measure
from harness.subjects.from_jax import from_jax
from harness.subjects.from_tensorflow import from_tensorflow
from harness.subjects.from_torch import from_torch
from harness.testing.assertions import assert_unbiased

#: A linear unit behind dropout with keep probability q: z_i = m_i x_i / q. With e = w.x - y, the expectation of
#: (w.z - y)^2 is e^2 + (1 / q - 1) sum w_i^2 x_i^2, and its gradient by w_i 2 e x_i + 2 (1 / q - 1) w_i x_i^2.
X, W, Y, KEEP = np.array([1.0, -2.0, 0.5, 1.5]), np.array([0.3, 0.1, -0.4, 0.7]), 0.25, 0.7
DROPOUT = 2 * (W @ X - Y) * X + 2 * (1 / KEEP - 1) * W * X**2


def test_torch_dropout() -> None:
    import torch

    layer = torch.nn.Sequential(torch.nn.Dropout(1 - KEEP), torch.nn.Linear(4, 1, bias=False)).double()
    with torch.no_grad():
        layer[1].weight[:] = torch.tensor(W)
    x = torch.tensor(X)

    def loss() -> torch.Tensor:
        return ((layer(x) - Y) ** 2).sum()

    found = assert_unbiased(from_torch(loss, layer), {"1.weight": DROPOUT[None]}, at_most=40_000, detect=0.1)
    assert found.worst.startswith("1.weight[0, ")
    layer.eval()  # without dropout the mean is another one
    with pytest.raises(AssertionError, match="biased"):
        assert_unbiased(from_torch(loss, layer), {"1.weight": DROPOUT[None]}, at_most=2_000)


def test_keras_dropout() -> None:
    import keras
    import tensorflow as tf

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(1 - KEEP), keras.layers.Dense(1, use_bias=False)])
    model.layers[-1].kernel.assign(W[:, None].astype(np.float32))
    x = tf.constant(X[None], tf.float32)

    def loss() -> tf.Tensor:
        return tf.reduce_sum((model(x, training=True) - Y) ** 2)

    (variable,) = model.trainable_variables
    assert_unbiased(from_tensorflow(loss, model), {variable.path: DROPOUT[:, None]}, detect=0.25, level=1e-3)


def test_numpyro_elbo() -> None:
    """The ELBO of a normal model and posterior.

    With z ~ N(0, 1), x given z ~ N(z, 1) and q = N(m, s^2), -ELBO is a constant and
    (s^2 + m^2 - 1) / 2 - log s + ((x - m)^2 + s^2) / 2.
    """
    import jax.numpy as jnp
    import numpyro
    from numpyro import distributions, infer

    observed, m, log_s = 1.5, 0.4, -0.3

    def model() -> None:
        z = numpyro.sample("z", distributions.Normal(0.0, 1.0))
        numpyro.sample("x", distributions.Normal(z, 1.0), obs=observed)

    def guide() -> None:
        loc = numpyro.param("m", m)
        scale = jnp.exp(numpyro.param("log_s", log_s))
        numpyro.sample("z", distributions.Normal(loc, scale))

    elbo = infer.Trace_ELBO()
    at = {"m": jnp.float32(m), "log_s": jnp.float32(log_s)}
    subject = from_jax(lambda parameters, key: elbo.loss(key, parameters, model, guide), at)
    truth = {"m": 2 * m - observed, "log_s": 2 * math.exp(2 * log_s) - 1}
    assert_unbiased(subject, truth, detect=0.1)
    with pytest.raises(AssertionError, match="biased"):
        assert_unbiased(subject, truth | {"log_s": 2 * math.exp(2 * log_s)}, detect=0.2)


def test_implicit_gradients_of_gamma() -> None:
    """E (z - k)^2 = a / b^2 + (a / b - k)^2 for z ~ Gamma(a, b)."""
    import torch

    a, b, k = 2.5, 1.5, 1.0
    parameters = {name: torch.tensor(value, dtype=torch.float64, requires_grad=True) for name, value in
                  (("concentration", a), ("rate", b))}  # fmt: skip

    def loss() -> torch.Tensor:
        return (torch.distributions.Gamma(**parameters).rsample() - k) ** 2

    truth = {"concentration": 1 / b**2 + 2 * (a / b - k) / b, "rate": -2 * a / b**3 - 2 * (a / b - k) * a / b**2}
    subject = from_torch(loss, parameters)
    assert_unbiased(subject, truth, detect=0.2, level=1e-4)
    assert measure(subject, replicates=2_000).trusted is not False
