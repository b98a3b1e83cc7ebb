"""Categorical variational autoencoder: 20 latent variables of 10 classes, relaxed by Gumbel-softmax."""

from __future__ import annotations

import tensorflow as tf

from implementations.interface.models.categorical_vae import CLASSES, VARIABLES
from implementations.tensorflow.divergences import kl_categorical
from implementations.tensorflow.gumbel import gumbel_softmax
from implementations.tensorflow.models.network import dense
from implementations.tensorflow.models.vae import log_likelihood_bernoulli

__all__ = ["decode", "encode", "loss"]


def encode(parameters: dict[str, tf.Tensor], images: tf.Tensor) -> tf.Tensor:
    """Map images to the logits of the posterior."""
    hidden = tf.tanh(dense(parameters, "encoder_1", images))
    hidden = tf.tanh(dense(parameters, "encoder_2", hidden))
    logits = dense(parameters, "logits", hidden)  # [*batch, 200]
    return tf.reshape(logits, (*images.shape[:-1], VARIABLES, CLASSES))  # [*batch, 20, 10]


def decode(parameters: dict[str, tf.Tensor], latents: tf.Tensor) -> tf.Tensor:
    """Map (relaxed) one-hot latents to the logits of the pixels."""
    flat = tf.reshape(latents, (*latents.shape[:-2], VARIABLES * CLASSES))  # [*batch, 200]
    hidden = tf.tanh(dense(parameters, "decoder_1", flat))
    hidden = tf.tanh(dense(parameters, "decoder_2", hidden))
    return dense(parameters, "output", hidden)


def loss(parameters: dict[str, tf.Tensor], images: tf.Tensor, noise: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
    """Relaxed negative evidence lower bound: KL(q || uniform) - log p(x | relaxed sample), a mean over images."""
    logits = encode(parameters, images)
    latents = gumbel_softmax(logits, noise, temperature)  # [samples, images, 20, 10]
    log_likelihood = log_likelihood_bernoulli(decode(parameters, latents), images)  # [samples, images]
    kl = tf.reduce_sum(kl_categorical(logits, tf.zeros_like(logits)), axis=-1)  # [images]
    return tf.reduce_mean(kl - log_likelihood)
