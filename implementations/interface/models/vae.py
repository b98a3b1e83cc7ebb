"""The article's variational autoencoder: 784-256-128-50, softplus scale, decoder 128-256-784, relu between.

Every loss has the signature (parameters, images, noise) and is the mean over images, in nats. Noise is standard
normal [samples, images, latents]; the reconstruction term is the mean over samples.
"""

from __future__ import annotations

from implementations.interface.contract import Array, Arrays
from implementations.interface.models.network import Layer

__all__ = ["decode", "encode", "log_likelihood_bernoulli", "loss_article", "loss_bernoulli", "loss_gaussian"]

PIXELS = 784
LATENTS = 50

ENCODER: tuple[Layer, ...] = (
    ("encoder_1", PIXELS, 256),
    ("encoder_2", 256, 128),
    ("loc", 128, LATENTS),
    ("scale", 128, LATENTS),
)
DECODER: tuple[Layer, ...] = (("decoder_1", LATENTS, 128), ("decoder_2", 128, 256), ("output", 256, PIXELS))


def encode(parameters: Arrays, images: Array) -> tuple[Array, Array]:
    """Map images to the posterior's loc and scale.

    Args:
        parameters: weights of the layers in `ENCODER`.
        images: [*batch, 784], values in [0, 1].

    Returns:
        loc and scale = softplus(...), each [*batch, 50].

    Reference:
        The source article, section 2, `build_encoder`.
    """
    raise NotImplementedError


def decode(parameters: Arrays, latents: Array) -> Array:
    """Map latents to the output layer: logits of the pixels (Bernoulli) or their means (Gaussian).

    Args:
        parameters: weights of the layers in `DECODER`.
        latents: [*batch, 50].

    Returns:
        [*batch, 784].

    Reference:
        The source article, section 2, `build_decoder`.
    """
    raise NotImplementedError


def log_likelihood_bernoulli(logits: Array, images: Array) -> Array:
    """Log-likelihood of images in nats, summed over pixels: sum_i x_i l_i - softplus(l_i).

    Args:
        logits: l, [*batch, 784].
        images: x in [0, 1], broadcast with logits.

    Returns:
        [*batch].
    """
    raise NotImplementedError


def loss_bernoulli(parameters: Arrays, images: Array, noise: Array) -> Array:
    """Negative evidence lower bound, Bernoulli likelihood: KL(q || N(0, I)) - E_q log p(x | z), a mean over images.

    Args:
        parameters: weights of `ENCODER` and `DECODER`.
        images: [images, 784], binary or in [0, 1].
        noise: standard normal noise [samples, images, 50].

    Returns:
        Nats per image, a scalar.

    Reference:
        Kingma and Welling, 2014, equation 10.
    """
    raise NotImplementedError


def loss_gaussian(parameters: Arrays, images: Array, noise: Array) -> Array:
    """Negative evidence lower bound with a Gaussian likelihood N(x; output, 1), a mean over images.

    The reconstruction term is sum_i (x_i - output_i)^2 / 2 + 784 log(2 pi) / 2: a sum over pixels, with its 1/2.

    Args, shapes and source as in `loss_bernoulli`.

    Returns:
        Nats per image, a scalar.
    """
    raise NotImplementedError


def loss_article(parameters: Arrays, images: Array, noise: Array) -> Array:
    """The article's literal loss: the mean over pixels of (x - output)^2, plus twice the KL; no bound on anything.

    Kept to measure what it does: beside the Gaussian likelihood, its KL term is weighted 784 times too heavily.

    Args, shapes as in `loss_bernoulli`.

    Returns:
        A scalar without a unit.

    Reference:
        The source article, section 2, `loss`.
    """
    raise NotImplementedError
