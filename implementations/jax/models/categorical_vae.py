"""Categorical variational autoencoder: 20 latent variables of 10 classes, relaxed by Gumbel-softmax."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from implementations.interface.contract import Arrays
from implementations.interface.models.categorical_vae import CLASSES, VARIABLES
from implementations.jax import divergences, gumbel
from implementations.jax.models.network import dense
from implementations.jax.models.vae import log_likelihood_bernoulli

__all__ = ["decode", "encode", "loss"]


def encode(parameters: Arrays, images: Array) -> Array:
    """Map images to the logits of the posterior."""
    hidden = jnp.tanh(dense(parameters, "encoder_1", images))
    hidden = jnp.tanh(dense(parameters, "encoder_2", hidden))
    logits = dense(parameters, "logits", hidden)
    return logits.reshape(*logits.shape[:-1], VARIABLES, CLASSES)  # [*batch, 200] -> [*batch, 20, 10]


def decode(parameters: Arrays, latents: Array) -> Array:
    """Map (relaxed) one-hot latents to the logits of the pixels."""
    flat = latents.reshape(*latents.shape[:-2], VARIABLES * CLASSES)  # [*batch, 20, 10] -> [*batch, 200]
    hidden = jnp.tanh(dense(parameters, "decoder_1", flat))
    hidden = jnp.tanh(dense(parameters, "decoder_2", hidden))
    return dense(parameters, "output", hidden)


def loss(parameters: Arrays, images: Array, noise: Array, temperature: Array) -> Array:
    """Relaxed negative evidence lower bound: KL(q || uniform) - log p(x | relaxed sample), a mean over images."""
    logits = encode(parameters, images)
    relaxed = gumbel.gumbel_softmax(logits, noise, temperature)  # [samples, images, 20, 10]
    log_likelihood = log_likelihood_bernoulli(decode(parameters, relaxed), images)  # [samples, images]
    kl = jnp.sum(divergences.kl_categorical(logits, jnp.zeros_like(logits)), axis=-1)  # [images]
    return jnp.mean(kl - jnp.mean(log_likelihood, axis=0))
