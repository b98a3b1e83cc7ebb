"""The bounds of the variational autoencoders by hand, as functions of the latents: value, slope, explicit derivatives.

A decoder is two hidden layers and an output l, the logits of the pixels: log p(x | z) = sum_i x_i l_i - softplus(l_i),
so that d / d l = x - sigmoid(l), and each layer y = act(h W + b) gives back (dy act'(y)) W^T. On numbers that carry
the size of their terms, in long double, image by image: one factor of the objective is one image.

Reference:
    Kingma and Welling, 2014, equation 3; Jang, Gu and Poole, 2017, section 4.2; the derivatives by the chain rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from harness.oracle.sized import Real, Sized, log, sigmoid, sized, softmax, softplus, square, tanh, times, where

Arrays = Mapping[str, Real]

HIDDEN = ("decoder_1", "decoder_2")


class Activation(NamedTuple):
    """What stands between layers: its value, and the derivative as a function of its output."""

    value: Callable[[Sized], Sized]
    slope: Callable[[Sized], Sized]


def _zeros(x: Sized) -> Sized:
    return sized(np.zeros_like(x.value))


RELU = Activation(lambda x: where(x.value > 0, x, _zeros(x)), lambda y: sized((y.value > 0).astype(np.longdouble)))
# tanh' = 1 - tanh^2
TANH = Activation(tanh, lambda y: (1 - y) * (1 + y))


def _affine(constants: Arrays, name: str, rows: Sized) -> Sized:
    return times(rows, constants[f"{name}.kernel"]) + constants[f"{name}.bias"]


def _layers(constants: Arrays, latents: Sized, activation: Activation) -> list[Sized]:
    """Return the output of each hidden layer, then the logits of the pixels."""
    outputs: list[Sized] = []
    for name in HIDDEN:
        outputs.append(activation.value(_affine(constants, name, outputs[-1] if outputs else latents)))
    return [*outputs, _affine(constants, "output", outputs[-1])]


def log_likelihood(constants: Arrays, latents: Sized, activation: Activation) -> Sized:
    """Return log p(x | z), [replicates, samples, images].

    Args:
        constants: "images" [images, pixels] and the decoder's weights.
        latents: [replicates, samples, images, latents].
        activation: between the layers.
    """
    logits = _layers(constants, latents, activation)[-1]
    return (logits * constants["images"] - softplus(logits)).sum(-1)


def log_likelihood_slope(constants: Arrays, latents: Sized, activation: Activation) -> Sized:
    """Return the derivative of `log_likelihood` by the latents, of their shape."""
    *hidden, logits = _layers(constants, latents, activation)
    upstream = sized(constants["images"]) - sigmoid(logits)
    for name, output in zip(("output", *reversed(HIDDEN[1:])), reversed(hidden), strict=True):
        upstream = times(upstream, constants[f"{name}.kernel"].T) * activation.slope(output)
    return times(upstream, constants[f"{HIDDEN[0]}.kernel"].T)


def vae(z: Sized, parameters: Arrays, constants: Arrays) -> Sized:
    """Return log p(x | z) - sum_j (loc_j^2 + scale_j^2 - 1) / 2 - log scale_j."""
    loc, scale = (sized(parameters[name]) for name in ("loc", "scale"))
    divergence = ((square(loc) + square(scale) - 1) * 0.5 - log(scale)).sum(-1)  # [images]
    return log_likelihood(constants, z, RELU) - divergence


def vae_slope(z: Sized, _: Arrays, constants: Arrays) -> Sized:
    """Return the derivative of `vae` by z."""
    return log_likelihood_slope(constants, z, RELU)


def vae_explicit(z: Sized, parameters: Arrays, constants: Arrays) -> dict[str, Sized]:
    """Return -loc and 1 / scale - scale, for every sample."""
    del constants
    loc, scale = (sized(parameters[name]) for name in ("loc", "scale"))
    return {"loc": _for_each(-loc, z), "scale": _for_each(1 / scale - scale, z)}


def _for_each(value: Sized, x: Sized) -> Sized:
    return value.map(lambda part: np.broadcast_to(part, x.value.shape))


def _flat(x: Sized) -> Sized:
    """Return [..., variables, classes] as [..., variables classes]."""
    return x.map(lambda part: part.reshape(*part.shape[:-2], -1))


def _log_probs(parameters: Arrays) -> tuple[Sized, Sized]:
    logits = sized(parameters["logits"])
    probs = softmax(logits)
    return probs, log(probs)


def categorical_vae(x: Sized, parameters: Arrays, constants: Arrays) -> Sized:
    """Return log p(x | z) - sum over variables of (sum_k p_k log p_k + log n)."""
    probs, log_probs = _log_probs(parameters)
    classes = probs.value.shape[-1]
    divergence = ((probs * log_probs).sum(-1) + np.log(np.longdouble(classes))).sum(-1)  # [images]
    bound: Sized = log_likelihood(constants, _flat(x), TANH) - divergence
    return bound


def categorical_vae_slope(x: Sized, _: Arrays, constants: Arrays) -> Sized:
    """Return the derivative of `categorical_vae` by x."""
    slope = log_likelihood_slope(constants, _flat(x), TANH)
    return slope.map(lambda part: part.reshape(x.value.shape))


def categorical_vae_explicit(x: Sized, parameters: Arrays, constants: Arrays) -> dict[str, Sized]:
    """Return -p_k (log p_k - sum_j p_j log p_j): the derivative of -KL, since softmax' takes constants to 0."""
    del constants
    probs, log_probs = _log_probs(parameters)
    centred = log_probs - (probs * log_probs).sum(-1, keepdims=True)
    return {"logits": _for_each(-(probs * centred), x)}
