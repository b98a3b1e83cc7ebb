"""The normal distribution N(loc, scale^2): reparameterization, scale transforms, and the four members."""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

from implementations.tensorflow import sampling
from implementations.tensorflow.autodiff import broadcast, divide
from implementations.tensorflow.bernoulli import softplus

__all__ = [
    "cdf",
    "entropy",
    "log_prob",
    "prob",
    "reparameterize",
    "sample",
    "scale_from_exp",
    "scale_from_softplus",
    "scale_from_square",
    "softplus_inverse",
]


def reparameterize(loc: tf.Tensor, scale: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """Transform standard normal noise into a sample: loc + scale * noise."""
    return loc + scale * noise


def scale_from_softplus(unconstrained: tf.Tensor) -> tf.Tensor:
    """Map a real number to a positive scale by softplus: log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))."""
    return softplus(unconstrained)


def scale_from_square(unconstrained: tf.Tensor) -> tf.Tensor:
    """Map a real number to a non-negative scale by its square: x^2."""
    return tf.square(unconstrained)


def scale_from_exp(unconstrained: tf.Tensor) -> tf.Tensor:
    """Map a log scale to a scale: exp(x)."""
    return tf.exp(unconstrained)


def softplus_inverse(scale: tf.Tensor) -> tf.Tensor:
    """Map a positive scale to the real number whose softplus it is: y + log(-expm1(-y))."""
    return scale + tf.math.log(-tf.math.expm1(-scale))


def log_prob(value: tf.Tensor, loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Log density of the normal: -(value - loc)^2 / (2 scale^2) - log(scale) - log(2 pi) / 2."""
    z = divide(value - loc, scale)
    return -0.5 * tf.square(z) - tf.math.log(scale) - 0.5 * math.log(2.0 * math.pi)


def prob(value: tf.Tensor, loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Density of the normal: exp(-(value - loc)^2 / (2 scale^2)) / (scale sqrt(2 pi))."""
    return _density(*broadcast(divide(value - loc, scale), scale))


@tf.custom_gradient
def _density(z: tf.Tensor, scale: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]:
    """Density at z, as a product with both roots of the exponential, which may underflow where the density does not."""

    def rule(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        density = upstream * _density(z, scale)
        return -density * z, -divide(density, scale)

    root = tf.exp(-0.25 * tf.square(z))
    return root * (1.0 / math.sqrt(2.0 * math.pi) / scale) * root, rule


def cdf(value: tf.Tensor, loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Cumulative distribution of the normal: erfc(-z / sqrt 2) / 2 with z = (value - loc) / scale."""
    z = divide(value - loc, scale)
    return 0.5 * tf.math.erfc(-math.sqrt(0.5) * z)


def entropy(loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Differential entropy of the normal: log(scale) + (1 + log(2 pi)) / 2; it does not depend on loc."""
    nats = tf.math.log(scale) + 0.5 * (1.0 + math.log(2.0 * math.pi))
    return tf.broadcast_to(nats, tf.broadcast_static_shape(loc.shape, scale.shape))


def sample(seed: int, sample_shape: tuple[int, ...], loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Draw normal samples with the framework's own generator."""
    batch = tf.broadcast_static_shape(loc.shape, scale.shape)
    noise = sampling.standard_normal(seed, (*sample_shape, *batch), loc)  # [*sample_shape, *batch]
    return reparameterize(loc, scale, noise)
