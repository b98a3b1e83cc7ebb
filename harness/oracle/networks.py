"""Truth for the models: value and gradient, with backpropagation derived by hand, and Adam as it is printed.

Everything is generic in the NumPy dtype of its parameters. In `np.longdouble` it is the truth for float64, on
batches of a few images: there is no BLAS in that type. Networks are rows of two-dimensional arrays, so that each
layer y = x W + b gives back dW = x^T dy, db = sum of dy over rows, dx = dy W^T.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.errors import unknown
from implementations.interface.models import categorical_vae as categorical_contract

#: An array of the dtype in which the truth is computed.
Real = NDArray[Any]
Parameters = Mapping[str, Real]

ENCODER_HIDDEN = ("encoder_1", "encoder_2")
DECODER_HIDDEN = ("decoder_1", "decoder_2")


def _affine(parameters: Parameters, name: str, rows: Real) -> Real:
    result: Real = rows @ parameters[f"{name}.kernel"] + parameters[f"{name}.bias"]
    return result


def _affine_backward(parameters: Parameters, name: str, rows: Real, upstream: Real) -> tuple[dict[str, Real], Real]:
    gradients = {f"{name}.kernel": rows.T @ upstream, f"{name}.bias": upstream.sum(0)}
    return gradients, upstream @ parameters[f"{name}.kernel"].T


class Activation(NamedTuple):
    """What stands between layers.

    Attributes:
        value: of the input.
        slope: the derivative, as a function of the output.
    """

    value: Callable[[Real], Real]
    slope: Callable[[Real], Real]


# relu' is 1 where its output is above 0, and 0 elsewhere
RELU = Activation(lambda x: np.maximum(x, 0), lambda y: np.where(y > 0, y.dtype.type(1), y.dtype.type(0)))
# tanh' = 1 - tanh^2
TANH = Activation(np.tanh, lambda y: (1 - y) * (1 + y))


def _hidden(parameters: Parameters, names: tuple[str, ...], rows: Real, activation: Activation = RELU) -> list[Real]:
    """Return the input of each layer of a chain activation(x W + b), and the last output."""
    activations = [rows]
    for name in names:
        activations.append(activation.value(_affine(parameters, name, activations[-1])))
    return activations


def _hidden_backward(
    parameters: Parameters,
    names: tuple[str, ...],
    activations: list[Real],
    upstream: Real,
    activation: Activation = RELU,
) -> tuple[dict[str, Real], Real]:
    gradients: dict[str, Real] = {}
    for name, rows, output in zip(reversed(names), activations[-2::-1], activations[:0:-1], strict=True):
        layer, upstream = _affine_backward(parameters, name, rows, upstream * activation.slope(output))
        gradients |= layer
    return gradients, upstream


def _softplus(x: Real) -> Real:
    result: Real = np.logaddexp(x, 0)
    return result


def _sigmoid(x: Real) -> Real:
    # log sigmoid(x) = -softplus(-x)
    result: Real = np.exp(-_softplus(-x))
    return result


def _bernoulli(outputs: Real, images: Real) -> tuple[Real, Real]:
    # -log p(x) = softplus(l) - x l for each pixel
    return (_softplus(outputs) - images * outputs).sum(-1), _sigmoid(outputs) - images


def _gaussian(outputs: Real, images: Real) -> tuple[Real, Real]:
    residual = outputs - images
    constant = images.shape[-1] * np.log(8 * np.arctan(residual.dtype.type(1))) / 2  # 8 arctan 1 = 2 pi
    return (residual**2).sum(-1) / 2 + constant, residual


def _squared_mean(outputs: Real, images: Real) -> tuple[Real, Real]:
    residual = outputs - images
    return (residual**2).mean(-1), 2 * residual / images.shape[-1]


@dataclass(frozen=True)
class Objective:
    """A loss of the variational autoencoder, reconstruction + kl_weight * KL.

    Attributes:
        reconstruction: (outputs, images) -> the term of each row, and its derivative by the outputs.
        kl_weight: 1 for an evidence lower bound.
    """

    reconstruction: Callable[[Real, Real], tuple[Real, Real]]
    kl_weight: int


#: The losses of `models.vae`: each is called loss_NAME there.
OBJECTIVES = {
    "bernoulli": Objective(_bernoulli, 1),
    "gaussian": Objective(_gaussian, 1),
    "article": Objective(_squared_mean, 2),
}


def _decoder(
    parameters: Parameters,
    latents: Real,
    images: Real,
    reconstruction: Callable[[Real, Real], tuple[Real, Real]],
    activation: Activation = RELU,
) -> tuple[Real, dict[str, Real], Real]:
    """Return the reconstruction term, mean over samples and images, and its gradients by weights and latents.

    Args:
        parameters: weights.
        latents: [samples, images, latents].
        images: [images, pixels].
        reconstruction: as in `Objective`.
        activation: between the layers.
    """
    rows = latents.reshape(-1, latents.shape[-1])  # [samples images, latents]
    targets = np.tile(images, (len(latents), 1))  # [samples images, pixels]
    activations = _hidden(parameters, DECODER_HIDDEN, rows, activation)
    terms, upstream = reconstruction(_affine(parameters, "output", activations[-1]), targets)
    output, upstream = _affine_backward(parameters, "output", activations[-1], upstream / len(rows))
    hidden, upstream = _hidden_backward(parameters, DECODER_HIDDEN, activations, upstream, activation)
    return terms.mean(), output | hidden, upstream.reshape(latents.shape)  # [samples, images, latents]


def encode(parameters: Parameters, images: Real) -> tuple[Real, Real]:
    """Map images to the posterior of the variational autoencoder: loc and scale = log(1 + exp(u)).

    Args:
        parameters: weights of the encoder.
        images: [images, 784].

    Returns:
        loc and scale, each [images, 50].
    """
    hidden = _hidden(parameters, ENCODER_HIDDEN, images)[-1]
    return _affine(parameters, "loc", hidden), _softplus(_affine(parameters, "scale", hidden))


def vae_loss(name: str, parameters: Parameters, images: Real, noise: Real) -> tuple[Real, dict[str, Real]]:
    """Value and gradient of `models.vae.loss_NAME`: mean of the reconstruction term plus kl_weight times the KL.

    Args:
        name: a key of `OBJECTIVES`.
        parameters: weights, all of one dtype.
        images: [images, 784].
        noise: standard normal noise [samples, images, 50].

    Returns:
        The loss, and its gradient by every parameter under the parameter's name.

    Raises:
        BadInputError: there is no such objective.

    Reference:
        Kingma and Welling, 2014, equation 10; the derivatives by the chain rule.
    """
    if name not in OBJECTIVES:
        raise unknown("objective", name, OBJECTIVES)
    objective = OBJECTIVES[name]
    activations = _hidden(parameters, ENCODER_HIDDEN, images)
    loc = _affine(parameters, "loc", activations[-1])
    unconstrained = _affine(parameters, "scale", activations[-1])
    scale = _softplus(unconstrained)
    reconstruction, gradients, by_latents = _decoder(parameters, loc + scale * noise, images, objective.reconstruction)

    weight = objective.kl_weight / loc.dtype.type(len(images))
    kl = ((loc**2 + scale**2 - 1) / 2 - np.log(scale)).sum()
    # dKL/dloc = loc, dKL/dscale = scale - 1 / scale; dz/dloc = 1, dz/dscale = noise
    by_loc = by_latents.sum(0) + weight * loc
    by_scale = (by_latents * noise).sum(0) + weight * (scale - 1 / scale)
    loc_gradients, loc_upstream = _affine_backward(parameters, "loc", activations[-1], by_loc)
    # softplus' = sigmoid
    scale_gradients, scale_upstream = _affine_backward(
        parameters, "scale", activations[-1], by_scale * _sigmoid(unconstrained)
    )
    encoder, _ = _hidden_backward(parameters, ENCODER_HIDDEN, activations, loc_upstream + scale_upstream)
    return reconstruction + weight * kl, gradients | loc_gradients | scale_gradients | encoder


def _softmax(x: Real) -> Real:
    weights = np.exp(x - x.max(-1, keepdims=True))
    result: Real = weights / weights.sum(-1, keepdims=True)
    return result


def _softmax_backward(probabilities: Real, upstream: Real) -> Real:
    # dp_i/dx_j = p_i (delta_ij - p_j)
    result: Real = probabilities * (upstream - (probabilities * upstream).sum(-1, keepdims=True))
    return result


def categorical_vae_loss(
    parameters: Parameters, images: Real, noise: Real, temperature: Real | float
) -> tuple[Real, dict[str, Real]]:
    """Value and gradient of `models.categorical_vae.loss`: KL(q || uniform) - log p(x | relaxed sample).

    Args:
        parameters: weights, all of one dtype.
        images: [images, 784].
        noise: standard Gumbel noise [samples, images, 20, 10].
        temperature: above 0.

    Returns:
        The loss, and its gradient by every parameter under the parameter's name.

    Reference:
        Jang, Gu and Poole, 2017, section 4.2; the derivatives by the chain rule.
    """
    activations = _hidden(parameters, ENCODER_HIDDEN, images, TANH)
    shape = (len(images), categorical_contract.VARIABLES, categorical_contract.CLASSES)
    logits = _affine(parameters, "logits", activations[-1]).reshape(shape)  # [images, variables, classes]
    relaxed = _softmax((logits + noise) / temperature)  # [samples, images, variables, classes]
    latents = relaxed.reshape(*relaxed.shape[:2], -1)  # [samples, images, variables classes]
    reconstruction, gradients, by_latents = _decoder(parameters, latents, images, _bernoulli, TANH)

    probabilities = _softmax(logits)
    log_probabilities = np.log(probabilities)
    number = logits.dtype.type
    # KL(p || uniform) = sum p log p + log n, so that dKL/dp_i = log p_i + 1, and softmax' takes constants to 0
    kl = (probabilities * log_probabilities).sum() / len(images) + shape[1] * np.log(number(shape[2]))
    by_kl = _softmax_backward(probabilities, log_probabilities) / len(images)
    by_relaxed = _softmax_backward(relaxed, by_latents.reshape(relaxed.shape)) / temperature
    upstream = (by_kl + by_relaxed.sum(0)).reshape(len(images), -1)  # [images, variables classes]
    logits_gradients, upstream = _affine_backward(parameters, "logits", activations[-1], upstream)
    encoder, _ = _hidden_backward(parameters, ENCODER_HIDDEN, activations, upstream, TANH)
    return reconstruction + kl, gradients | logits_gradients | encoder


@dataclass(frozen=True)
class Moments:
    """State of Adam after `step` updates: exponential averages of the gradient and of its square."""

    step: int
    first: dict[str, Real]
    second: dict[str, Real]


def adam_initial(parameters: Parameters) -> Moments:
    """Return the state before the first update: zeros."""
    return Moments(
        0,
        {name: np.zeros_like(value) for name, value in parameters.items()},
        {name: np.zeros_like(value) for name, value in parameters.items()},
    )


def adam(
    parameters: Parameters, gradients: Parameters, state: Moments, learning_rate: Real | float
) -> tuple[dict[str, Real], Moments]:
    """Adam update: x - rate * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + 1e-8), with b1 = 0.9, b2 = 0.999.

    Args:
        parameters: weights before the update.
        gradients: of the same names and shapes.
        state: from `adam_initial` or an earlier call.
        learning_rate: above 0.

    Returns:
        Weights and state after the update.

    Reference:
        Kingma and Ba, Adam, 2015, algorithm 1.
    """
    step = state.step + 1
    updated: dict[str, Real] = {}
    first: dict[str, Real] = {}
    second: dict[str, Real] = {}
    for name, gradient in gradients.items():
        # decimals are read in the dtype itself: as float64 literals they would be wrong by 1e-17
        decay_1, decay_2, epsilon = map(gradient.dtype.type, ("0.9", "0.999", "1e-8"))
        first[name] = decay_1 * state.first[name] + (1 - decay_1) * gradient
        second[name] = decay_2 * state.second[name] + (1 - decay_2) * gradient**2
        mean = first[name] / (1 - decay_1**step)
        uncentered_variance = second[name] / (1 - decay_2**step)
        updated[name] = parameters[name] - learning_rate * mean / (np.sqrt(uncentered_variance) + epsilon)
    return updated, Moments(step, first, second)
