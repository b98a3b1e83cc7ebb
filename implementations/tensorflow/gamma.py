"""The gamma distribution: log density, and the derivative of a variate by its concentration."""

from __future__ import annotations

import tensorflow as tf

from implementations.tensorflow.autodiff import broadcast
from implementations.tensorflow.precision import at_least_float32

__all__ = ["log_prob", "sample_derivative"]

#: Step of the trapezoidal rule in t, and its nodes in steps.
_STEP, _NODES = 0.125, (-28, 37)

#: In psi(a + 1) - log a, of 1 / a, 1 / a^2, 1 / a^4, ..., for a from `_LARGE` on: Abramowitz and Stegun, 1964, 6.3.18.
_LEADING, _SERIES = 1 / 2, (-1 / 12, 1 / 120, -1 / 252, 1 / 240, -1 / 132, 691 / 32760, -1 / 12, 3617 / 8160)
_LARGE = 8.0


@at_least_float32
def log_prob(value: tf.Tensor, concentration: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
    """Log density of the gamma: (a - 1) log x + a log(rate) - rate x - log Gamma(a), a the concentration."""
    normalizer = tf.math.lgamma(concentration) - concentration * tf.math.log(rate)
    return (concentration - 1.0) * tf.math.log(value) - rate * value - normalizer


@at_least_float32
def sample_derivative(value: tf.Tensor, concentration: tf.Tensor) -> tf.Tensor:
    """Derivative of a standard gamma variate by its concentration at a fixed quantile: -(dF/da) / p, with F the cdf.

    `tf.raw_ops.RandomGammaGrad` is the derivative of a series or a continued fraction, and is off by up to 100 eps.
    """
    x, a = broadcast(value, concentration)
    depth = _difference(a) - tf.math.log(x / a)  # psi(a + 1) - log x
    below = depth >= 0.0

    steps = tf.cast(tf.range(*_NODES), x.dtype) * _STEP
    node = tf.exp(steps - tf.exp(-steps))
    weight = _STEP * node * (1.0 + tf.exp(-steps))
    unit = 1.0 / (tf.abs(a - x) + tf.sqrt(x) + 0.5)

    points = unit[..., tf.newaxis] * node  # [*event, nodes]
    x_, a_, depth_, below_ = (part[..., tf.newaxis] for part in (x, a, depth, below))
    log_points = tf.math.log1p(points)
    lower = (points + depth_) * tf.exp(-(a_ + 1.0) * points - x_ * tf.math.expm1(-points))
    upper = (log_points + 1.0 / a_ - depth_) * tf.exp((a_ - 1.0) * log_points - x_ * points)
    integral = unit * tf.reduce_sum(tf.where(below_, lower, upper) * weight, axis=-1)
    return tf.where(below, x / a * (depth + x * integral), x * integral)


def _difference(a: tf.Tensor) -> tf.Tensor:
    """Difference psi(a + 1) - log a, which cancels where a is large."""
    inverse = 1.0 / tf.maximum(a, _LARGE)
    series = tf.math.polyval([tf.constant(c, a.dtype) for c in (*reversed(_SERIES), 0.0)], tf.square(inverse))
    return tf.where(a >= _LARGE, _LEADING * inverse + series, tf.math.digamma(a + 1.0) - tf.math.log(a))
