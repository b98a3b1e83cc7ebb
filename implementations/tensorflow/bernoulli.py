"""The Bernoulli distribution by its logit, log p - log(1 - p), with values 0 and 1, and its relaxation."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from implementations.tensorflow import sampling
from implementations.tensorflow.autodiff import divide
from implementations.tensorflow.precision import at_least_float32

__all__ = ["cdf", "hard_sample", "log_prob", "prob", "relaxed_sample", "sample", "straight_through_sample"]

#: Beyond this, sigmoid is 0 or 1 and its derivative 0 in every dtype: exp(-1000) is below the smallest double.
_SATURATION = 1e3


@tf.custom_gradient
def sigmoid(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """Logistic function s(x) with derivative s(x) s(-x), where the tape's s (1 - s) cancels for large x."""
    return tf.math.sigmoid(x), lambda upstream: upstream * sigmoid(x) * sigmoid(-x)


@tf.custom_gradient
def softplus(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """Softplus log(1 + exp(x)), with derivative s(x)."""
    value = tf.maximum(x, 0.0) + tf.math.log1p(tf.exp(-tf.abs(x)))
    return value, lambda upstream: upstream * sigmoid(x)


def log_sigmoid(x: tf.Tensor) -> tf.Tensor:
    """Logarithm of the logistic function, -softplus(-x)."""
    return -softplus(-x)


@at_least_float32
def log_prob(value: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Log mass of 0 or 1: value * log_sigmoid(logits) + (1 - value) * log_sigmoid(-logits)."""
    return log_sigmoid((2.0 * value - 1.0) * logits)


@at_least_float32
def prob(value: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Mass of 0 or 1: sigmoid(logits) at 1 and sigmoid(-logits) at 0."""
    return sigmoid((2.0 * value - 1.0) * logits)


@at_least_float32
def cdf(value: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Cumulative mass: 0 below 0, sigmoid(-logits) on [0, 1), and 1 from 1 on."""
    at_zero = sigmoid(-logits)
    return tf.where(value < 0.0, tf.zeros_like(at_zero), tf.where(value < 1.0, at_zero, tf.ones_like(at_zero)))


@at_least_float32
def hard_sample(logits: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """Exact sample by thresholding: 1 where logits + noise > 0, else 0. Its gradient is 0."""
    return tf.cast(logits + noise > 0.0, logits.dtype)


@at_least_float32
def relaxed_sample(logits: tf.Tensor, noise: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
    """Binary concrete sample: sigmoid((logits + noise) / temperature).

    A saturated score is clipped before the division, whose overflow would make the gradient 0 * inf.
    """
    bound = _SATURATION * tf.stop_gradient(temperature)
    score = tf.minimum(tf.maximum(logits + noise, -bound), bound)
    return sigmoid(divide(score, temperature))


@at_least_float32
def straight_through_sample(logits: tf.Tensor, noise: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
    """Sample of 0 or 1 forward, binary concrete gradient backward: (hard - stop(soft)) + soft."""
    soft = relaxed_sample(logits, noise, temperature)
    return (hard_sample(logits, noise) - tf.stop_gradient(soft)) + soft


def sample(seed: int, sample_shape: tuple[int, ...], logits: tf.Tensor) -> tf.Tensor:
    """Draw Bernoulli samples with the framework's own generator."""
    noise = sampling.standard_logistic(seed, (*sample_shape, *logits.shape), logits)  # [*sample_shape, *batch]
    return hard_sample(logits, noise)
