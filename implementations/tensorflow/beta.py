"""The beta distribution: log density."""

from __future__ import annotations

import tensorflow as tf

from implementations.tensorflow.precision import at_least_float32

__all__ = ["log_prob"]


@at_least_float32
def log_prob(value: tf.Tensor, concentration1: tf.Tensor, concentration0: tf.Tensor) -> tf.Tensor:
    """Log density of the beta: (a - 1) log x + (b - 1) log(1 - x) - log B(a, b), a of x, b of 1 - x."""
    powers = (concentration1 - 1.0) * tf.math.log(value) + (concentration0 - 1.0) * tf.math.log1p(-value)
    of_each = tf.math.lgamma(concentration1) + tf.math.lgamma(concentration0)
    return powers + (tf.math.lgamma(concentration1 + concentration0) - of_each)
