"""The relaxed categorical (Concrete, Gumbel-softmax) distribution, in log space (ExpConcrete)."""

from __future__ import annotations

import math

import tensorflow as tf

from implementations.tensorflow import sampling
from implementations.tensorflow.autodiff import divide
from implementations.tensorflow.categorical import log_softmax
from implementations.tensorflow.gumbel import centred_scores
from implementations.tensorflow.precision import at_least_float32

__all__ = ["log_prob", "log_sample", "prob", "sample", "simplex_log_prob"]


@at_least_float32
def log_sample(logits: tf.Tensor, noise: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
    """Sample in log space from noise: log_softmax((logits + noise) / temperature) over the last axis."""
    divisor = temperature[..., tf.newaxis]  # [*batch, 1]
    scores = centred_scores(logits, noise)
    impossible = tf.equal(scores, float("-inf"))
    tempered = divide(tf.where(impossible, tf.zeros_like(scores), scores), divisor)
    return log_softmax(tf.where(impossible, tf.constant(float("-inf"), scores.dtype), tempered))


@at_least_float32
def log_prob(log_value: tf.Tensor, logits: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
    """Log density of y = log x: log (n-1)! + (n-1) log T + sum_i s_i - n logsumexp(s), s = logits - T y."""
    classes = logits.shape[-1]
    scores = logits - temperature[..., tf.newaxis] * log_value  # [*batch, n]
    normalised = log_softmax(scores)  # s_i - logsumexp(s)
    constant = math.lgamma(classes) + (classes - 1) * tf.math.log(temperature)
    return constant + tf.reduce_sum(normalised, axis=-1)


@at_least_float32
def prob(log_value: tf.Tensor, logits: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
    """Density of y = log x: the exponential of `log_prob`."""
    return tf.exp(log_prob(log_value, logits, temperature))


@at_least_float32
def simplex_log_prob(log_value: tf.Tensor, logits: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
    """Log density of the point x = exp(y) itself: `log_prob` minus sum_i y_i."""
    return log_prob(log_value, logits, temperature) - tf.reduce_sum(log_value, axis=-1)


def sample(seed: int, sample_shape: tuple[int, ...], logits: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
    """Draw relaxed categorical samples in log space with the framework's own generator."""
    batch = tf.broadcast_static_shape(logits.shape[:-1], temperature.shape)
    shape = (*sample_shape, *batch, logits.shape[-1])  # [*sample_shape, *batch, n]
    return log_sample(logits, sampling.standard_gumbel(seed, shape, logits), temperature)
