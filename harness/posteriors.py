"""The problems that the models make: the posterior of a few images, and the decoder, at given weights.

What a gradient estimator has to deal with in a variational autoencoder ends at the parameters of the posterior: from
there to the encoder's weights the chain rule is the same matrix for every estimator. So a problem is the posterior of
some images, its parameters free, and the images and the decoder's weights as constants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from harness.data import binarized, digits
from harness.training.weights import initial_weights
from implementations.interface.models import categorical_vae, vae
from implementations.interface.models.network import Layer, parameter_shapes

Floats = dict[str, NDArray[np.float64]]

#: How many images.
IMAGES = 8

#: Of the initial weights.
WEIGHTS_SEED = 0


def images() -> NDArray[np.float64]:
    """Return the images, black and white, of different digits [IMAGES, 784].

    The digits are sorted by class: equal steps through them take one image from each of several classes.
    """
    every_image, _ = digits()
    return binarized(every_image[:: len(every_image) // IMAGES][:IMAGES])


def _affine(weights: Mapping[str, NDArray[np.float64]], name: str, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = rows @ weights[f"{name}.kernel"] + weights[f"{name}.bias"]
    return result


def _hidden(
    weights: Mapping[str, NDArray[np.float64]],
    layers: tuple[Layer, ...],
    rows: NDArray[np.float64],
    activation: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> NDArray[np.float64]:
    for name, _, _ in layers:
        rows = activation(_affine(weights, name, rows))
    return rows


def of_vae(weights: Mapping[str, NDArray[np.float64]]) -> tuple[Floats, Floats]:
    """Return loc and scale [images, latents] of the posterior, and the images and the decoder's weights.

    Args:
        weights: of `models.vae`, in float64.
    """
    shown = images()
    hidden = _hidden(weights, vae.ENCODER[:2], shown, lambda x: np.maximum(x, 0.0))
    scale = np.logaddexp(_affine(weights, "scale", hidden), 0.0)
    decoder = {name: weights[name] for name in parameter_shapes(vae.DECODER)}
    return {"loc": _affine(weights, "loc", hidden), "scale": scale}, {"images": shown, **decoder}


def of_categorical_vae(weights: Mapping[str, NDArray[np.float64]]) -> tuple[Floats, Floats]:
    """Return the logits [images, variables, classes] of the posterior, and the images and the decoder's weights.

    Args:
        weights: of `models.categorical_vae`, in float64.
    """
    shown = images()
    hidden = _hidden(weights, categorical_vae.ENCODER[:2], shown, np.tanh)
    shape = (IMAGES, categorical_vae.VARIABLES, categorical_vae.CLASSES)
    decoder = {name: weights[name] for name in parameter_shapes(categorical_vae.DECODER)}
    return {"logits": _affine(weights, "logits", hidden).reshape(shape)}, {"images": shown, **decoder}


@cache
def initial_vae() -> tuple[Floats, Floats]:
    """Return `of_vae` at the initial weights."""
    return of_vae(initial_weights(vae.ENCODER + vae.DECODER, WEIGHTS_SEED))


@cache
def initial_categorical_vae() -> tuple[Floats, Floats]:
    """Return `of_categorical_vae` at the initial weights."""
    return of_categorical_vae(initial_weights(categorical_vae.ENCODER + categorical_vae.DECODER, WEIGHTS_SEED))
