"""Categorical variational autoencoder: 20 latent variables of 10 classes, relaxed by Gumbel-softmax.

Encoder 784-256-128-200, decoder 128-256-784, tanh between. Not relu: Adam turns the gradient of a weight, however
small, into a step of the learning rate, so that a relu whose input is within rounding of 0, on in one framework and
off in another, parts float32 trajectories for good (1e-3 after 200 steps was measured).
"""

from __future__ import annotations

from implementations.interface.contract import Array, Arrays
from implementations.interface.models.network import Layer

__all__ = ["decode", "encode", "loss"]

PIXELS = 784
VARIABLES = 20
CLASSES = 10

ENCODER: tuple[Layer, ...] = (("encoder_1", PIXELS, 256), ("encoder_2", 256, 128), ("logits", 128, VARIABLES * CLASSES))
DECODER: tuple[Layer, ...] = (("decoder_1", VARIABLES * CLASSES, 128), ("decoder_2", 128, 256), ("output", 256, PIXELS))


def encode(parameters: Arrays, images: Array) -> Array:
    """Map images to the logits of the posterior.

    Args:
        parameters: weights of the layers in `ENCODER`.
        images: [*batch, 784], values in [0, 1].

    Returns:
        [*batch, 20, 10].

    Reference:
        Jang, Gu and Poole, 2017, section 4.2.
    """
    raise NotImplementedError


def decode(parameters: Arrays, latents: Array) -> Array:
    """Map (relaxed) one-hot latents to the logits of the pixels.

    Args:
        parameters: weights of the layers in `DECODER`.
        latents: [*batch, 20, 10].

    Returns:
        [*batch, 784].
    """
    raise NotImplementedError


def loss(parameters: Arrays, images: Array, noise: Array, temperature: Array) -> Array:
    """Relaxed negative evidence lower bound: KL(q || uniform) - log p(x | relaxed sample), a mean over images.

    The KL is that of the categorical distribution itself, in closed form.

    Args:
        parameters: weights of `ENCODER` and `DECODER`.
        images: [images, 784], binary or in [0, 1].
        noise: standard Gumbel noise [samples, images, 20, 10].
        temperature: scalar above 0.

    Returns:
        Nats per image, a scalar.

    Reference:
        Jang, Gu and Poole, 2017, section 4.2, appendix A.
    """
    raise NotImplementedError
