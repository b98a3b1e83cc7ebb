"""The article's variational autoencoder: 784-256-128-50, softplus scale, decoder 128-256-784, relu between."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import Array

from implementations.interface.contract import Arrays
from implementations.interface.models.vae import PIXELS
from implementations.jax import article, bernoulli, divergences, gaussian
from implementations.jax.models.network import dense

__all__ = ["decode", "encode", "log_likelihood_bernoulli", "loss_article", "loss_bernoulli", "loss_gaussian"]


def encode(parameters: Arrays, images: Array) -> tuple[Array, Array]:
    """Map images to the posterior's loc and scale."""
    hidden = jax.nn.relu(dense(parameters, "encoder_1", images))
    hidden = jax.nn.relu(dense(parameters, "encoder_2", hidden))
    return dense(parameters, "loc", hidden), gaussian.scale_from_softplus(dense(parameters, "scale", hidden))


def decode(parameters: Arrays, latents: Array) -> Array:
    """Map latents to the output layer: logits of the pixels (Bernoulli) or their means (Gaussian)."""
    hidden = jax.nn.relu(dense(parameters, "decoder_1", latents))
    hidden = jax.nn.relu(dense(parameters, "decoder_2", hidden))
    return dense(parameters, "output", hidden)


def log_likelihood_bernoulli(logits: Array, images: Array) -> Array:
    """Log-likelihood of images in nats, summed over pixels: sum_i x_i l_i - softplus(l_i).

    As x log_sigmoid(l) + (1 - x) log_sigmoid(-l), free of cancellation where l is large and x is 1.
    """
    terms = images * bernoulli.log_prob(jnp.ones_like(images), logits) + (1 - images) * bernoulli.log_prob(
        jnp.zeros_like(images), logits
    )
    return jnp.sum(terms, axis=-1)


def _posterior(parameters: Arrays, images: Array, noise: Array) -> tuple[Array, Array, Array]:
    """Return loc and scale [images, latents], and the decoded samples [samples, images, pixels]."""
    loc, scale = encode(parameters, images)
    return loc, scale, decode(parameters, gaussian.reparameterize(loc, scale, noise))


def _negative_bound(loc: Array, scale: Array, log_likelihood: Array) -> Array:
    """Return KL(q || N(0, I)) minus the mean over samples of the log-likelihood, a mean over images."""
    kl = jnp.sum(divergences.kl_standard_normal(loc, scale), axis=-1)  # [images]
    return jnp.mean(kl - jnp.mean(log_likelihood, axis=0))  # [samples, images] -> scalar


def loss_bernoulli(parameters: Arrays, images: Array, noise: Array) -> Array:
    """Negative evidence lower bound, Bernoulli likelihood: KL(q || N(0, I)) - E_q log p(x | z), a mean over images."""
    loc, scale, logits = _posterior(parameters, images, noise)
    return _negative_bound(loc, scale, log_likelihood_bernoulli(logits, images))


def loss_gaussian(parameters: Arrays, images: Array, noise: Array) -> Array:
    """Negative evidence lower bound with a Gaussian likelihood N(x; output, 1), a mean over images."""
    loc, scale, output = _posterior(parameters, images, noise)
    squares = jnp.sum(jnp.square(images - output), axis=-1)  # [samples, images]
    return _negative_bound(loc, scale, -0.5 * squares - 0.5 * PIXELS * math.log(2 * math.pi))


def loss_article(parameters: Arrays, images: Array, noise: Array) -> Array:
    """The article's literal loss: the mean over pixels of (x - output)^2, plus twice the KL; no bound on anything."""
    loc, scale, output = _posterior(parameters, images, noise)
    kl_term = jnp.sum(article.kl_standard_normal(loc, scale), axis=-1)  # [images]
    return jnp.mean(jnp.square(images - output)) + jnp.mean(kl_term)
