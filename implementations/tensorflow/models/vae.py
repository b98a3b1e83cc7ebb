"""The article's variational autoencoder: 784-256-128-50, softplus scale, decoder 128-256-784, relu between."""

from __future__ import annotations

import math

import tensorflow as tf

from implementations.interface.models.vae import PIXELS
from implementations.tensorflow.divergences import kl_standard_normal
from implementations.tensorflow.gaussian import reparameterize, scale_from_softplus
from implementations.tensorflow.models.network import dense

__all__ = ["decode", "encode", "log_likelihood_bernoulli", "loss_article", "loss_bernoulli", "loss_gaussian"]


def encode(parameters: dict[str, tf.Tensor], images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Map images to the posterior's loc and scale."""
    hidden = tf.nn.relu(dense(parameters, "encoder_1", images))
    hidden = tf.nn.relu(dense(parameters, "encoder_2", hidden))
    return dense(parameters, "loc", hidden), scale_from_softplus(dense(parameters, "scale", hidden))


def decode(parameters: dict[str, tf.Tensor], latents: tf.Tensor) -> tf.Tensor:
    """Map latents to the output layer: logits of the pixels (Bernoulli) or their means (Gaussian)."""
    hidden = tf.nn.relu(dense(parameters, "decoder_1", latents))
    hidden = tf.nn.relu(dense(parameters, "decoder_2", hidden))
    return dense(parameters, "output", hidden)


def log_likelihood_bernoulli(logits: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    """Log-likelihood of images in nats, summed over pixels: sum_i x_i l_i - softplus(l_i)."""
    return tf.reduce_sum(images * logits - scale_from_softplus(logits), axis=-1)


def loss_bernoulli(parameters: dict[str, tf.Tensor], images: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """Negative evidence lower bound, Bernoulli likelihood: KL(q || N(0, I)) - E_q log p(x | z), a mean over images."""
    logits, kl = _output_and_kl(parameters, images, noise)
    return tf.reduce_mean(kl - log_likelihood_bernoulli(logits, images))


def loss_gaussian(parameters: dict[str, tf.Tensor], images: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """Negative evidence lower bound with a Gaussian likelihood N(x; output, 1), a mean over images."""
    output, kl = _output_and_kl(parameters, images, noise)
    squared_error = tf.reduce_sum(tf.square(images - output), axis=-1)  # [samples, images]
    return tf.reduce_mean(kl + 0.5 * squared_error) + 0.5 * PIXELS * math.log(2.0 * math.pi)


def loss_article(parameters: dict[str, tf.Tensor], images: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """The article's literal loss: the mean over pixels of (x - output)^2, plus twice the KL; no bound on anything."""
    output, kl = _output_and_kl(parameters, images, noise)
    return tf.reduce_mean(tf.square(images - output)) + 2.0 * tf.reduce_mean(kl)


def _output_and_kl(
    parameters: dict[str, tf.Tensor], images: tf.Tensor, noise: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the decoder's output [samples, images, pixels] and the KL from N(0, I) [images]."""
    loc, scale = encode(parameters, images)
    output = decode(parameters, reparameterize(loc, scale, noise))
    return output, tf.reduce_sum(kl_standard_normal(loc, scale), axis=-1)
