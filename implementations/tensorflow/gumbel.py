"""The Gumbel distribution, and the Gumbel-softmax relaxation that is built on its noise."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from implementations.tensorflow import sampling
from implementations.tensorflow.autodiff import broadcast, divide
from implementations.tensorflow.categorical import one_hot_argmax, softmax
from implementations.tensorflow.precision import at_least_float32

__all__ = [
    "cdf",
    "gumbel_softmax",
    "gumbel_softmax_from_probs",
    "hard_sample",
    "log_prob",
    "noise_from_uniform",
    "prob",
    "sample",
    "straight_through_gumbel_softmax",
]

#: The smallest normal number, and the largest number below 1, by dtype.
_UNIT_INTERVAL = {
    tf.float16: (2.0**-14, 1.0 - 2.0**-11),
    tf.bfloat16: (2.0**-126, 1.0 - 2.0**-8),
    tf.float32: (2.0**-126, 1.0 - 2.0**-24),
    tf.float64: (2.0**-1022, 1.0 - 2.0**-53),
}

#: Below this z, density and distribution are 0 in every dtype: exp(-exp(10)) is below the smallest double.
_VANISHING = -10.0

#: Below minus this, exp is 0 in every dtype.
_SATURATION = 1e3


def noise_from_uniform(uniform: tf.Tensor) -> tf.Tensor:
    """Transform uniform noise into standard Gumbel noise: -log(-log u).

    XLA's float64 log1p is off by 100 ulp on [-0.42, -0.3], so it is used nearer to 0 only.
    """
    smallest, largest = _UNIT_INTERVAL[uniform.dtype]
    return _quantile(tf.clip_by_value(uniform, smallest, largest))


@at_least_float32
def _quantile(u: tf.Tensor) -> tf.Tensor:
    near_one = u > 0.75
    half = tf.fill(u.shape, tf.constant(0.5, u.dtype))  # keeps the branch that is not taken differentiable
    lower = tf.math.log(tf.where(near_one, half, u))
    upper = tf.math.log1p(tf.where(near_one, u, half) - 1.0)
    return -tf.math.log(-tf.where(near_one, upper, lower))


@tf.custom_gradient
def _standard_log_density(z: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """Log density -z - exp(-z), with derivative expm1(-z), where the tape's exp(-z) - 1 cancels at the mode."""
    return -z - tf.exp(-z), lambda upstream: upstream * tf.math.expm1(-z)


@at_least_float32
def log_prob(value: tf.Tensor, loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Log density of the Gumbel: -z - exp(-z) - log(scale) with z = (value - loc) / scale."""
    return _standard_log_density(divide(value - loc, scale)) - tf.math.log(scale)


@at_least_float32
def prob(value: tf.Tensor, loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Density of the Gumbel: exp(-z - exp(-z)) / scale with z = (value - loc) / scale."""
    return _density(*broadcast(tf.maximum(divide(value - loc, scale), _VANISHING), scale))


@tf.custom_gradient
def _density(z: tf.Tensor, scale: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]:
    """Density at z, as a product with both roots of the exponential, which may underflow where the density does not."""

    def rule(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        density = upstream * _density(z, scale)
        return density * tf.math.expm1(-z), -divide(density, scale)

    root = tf.exp(0.5 * _standard_log_density(z))
    return root * (1.0 / scale) * root, rule


@at_least_float32
def cdf(value: tf.Tensor, loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Cumulative distribution of the Gumbel: exp(-exp(-z)) with z = (value - loc) / scale."""
    z = tf.maximum(divide(value - loc, scale), _VANISHING)
    return tf.exp(-tf.exp(-z))


def centred_scores(logits: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """Sum of logits and noise, less its maximum: softmax does not change, and no temperature makes it overflow."""
    scores = logits + noise
    return scores - tf.stop_gradient(tf.reduce_max(scores, axis=-1, keepdims=True))


@at_least_float32
def gumbel_softmax(logits: tf.Tensor, noise: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
    """Relaxed one-hot sample from logits: softmax((logits + noise) / temperature) over the last axis.

    A score so low that its component is 0 is cut off before the division: its gradient, 0, is not 0 * inf.
    """
    divisor = temperature[..., tf.newaxis]  # [*batch, 1]
    scores = tf.maximum(centred_scores(logits, noise), -_SATURATION * tf.stop_gradient(divisor))
    return softmax(divide(scores, divisor))


@at_least_float32
def gumbel_softmax_from_probs(probs: tf.Tensor, noise: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
    """Relaxed one-hot sample from probabilities: softmax((log(probs) + noise) / temperature) over the last axis."""
    possible = probs > 0.0
    safe = tf.where(possible, probs, tf.ones_like(probs))
    logits = tf.where(possible, tf.math.log(safe), tf.constant(float("-inf"), probs.dtype))
    return gumbel_softmax(logits, noise, temperature)


@at_least_float32
def hard_sample(logits: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """Exact one-hot sample by the Gumbel-max trick: one_hot(argmax(logits + noise))."""
    return one_hot_argmax(logits + noise)


@at_least_float32
def straight_through_gumbel_softmax(logits: tf.Tensor, noise: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
    """One-hot sample forward, Gumbel-softmax gradient backward: (hard - stop(soft)) + soft."""
    soft = gumbel_softmax(logits, noise, temperature)
    return (hard_sample(logits, noise) - tf.stop_gradient(soft)) + soft


def sample(seed: int, sample_shape: tuple[int, ...], loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Draw Gumbel samples with the framework's own generator."""
    batch = tf.broadcast_static_shape(loc.shape, scale.shape)
    noise = sampling.standard_gumbel(seed, (*sample_shape, *batch), loc)  # [*sample_shape, *batch]
    return loc + scale * noise
