"""The normal distribution N(loc, scale^2): reparameterization, scale transforms, and the four members."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import tensorflow as tf

from implementations.tensorflow import sampling
from implementations.tensorflow.autodiff import broadcast, divide
from implementations.tensorflow.bernoulli import softplus
from implementations.tensorflow.precision import at_least_float32

__all__ = [
    "cdf",
    "entropy",
    "icdf",
    "log_cdf",
    "log_prob",
    "prob",
    "reparameterize",
    "sample",
    "scale_from_exp",
    "scale_from_softplus",
    "scale_from_square",
    "softplus_inverse",
]

#: Coefficients of Wichura, Algorithm AS 241, 1988, PPND16: numerator and denominator, lowest power first.
_CENTRAL = (
    (3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3),
    (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3),
)  # fmt: skip
_MODERATE = (
    (1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
     1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9),
)  # fmt: skip
_FAR = (
    (6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7),
    (1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15),
)  # fmt: skip

#: Beyond 64 standard deviations the square root of the density is 0 in every dtype, whatever the scale multiplies.
_SATURATION = 64.0

#: From 6 standard deviations on, 22 levels of the continued fraction reach double precision.
_TAIL, _LEVELS = 6.0, 22


@at_least_float32
def reparameterize(loc: tf.Tensor, scale: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """Transform standard normal noise into a sample: loc + scale * noise."""
    return loc + scale * noise


@at_least_float32
def scale_from_softplus(unconstrained: tf.Tensor) -> tf.Tensor:
    """Map a real number to a positive scale by softplus: log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))."""
    return softplus(unconstrained)


@at_least_float32
def scale_from_square(unconstrained: tf.Tensor) -> tf.Tensor:
    """Map a real number to a non-negative scale by its square: x^2."""
    return tf.square(unconstrained)


@at_least_float32
def scale_from_exp(unconstrained: tf.Tensor) -> tf.Tensor:
    """Map a log scale to a scale: exp(x)."""
    return tf.exp(unconstrained)


@at_least_float32
def softplus_inverse(scale: tf.Tensor) -> tf.Tensor:
    """Map a positive scale to the real number whose softplus it is: y + log(-expm1(-y))."""
    return scale + tf.math.log(-tf.math.expm1(-scale))


@at_least_float32
def log_prob(value: tf.Tensor, loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Log density of the normal: -(value - loc)^2 / (2 scale^2) - log(scale) - log(2 pi) / 2."""
    z = divide(value - loc, scale)
    return -0.5 * z * z - tf.math.log(scale) - 0.5 * math.log(2.0 * math.pi)


@at_least_float32
def prob(value: tf.Tensor, loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Density of the normal: exp(-(value - loc)^2 / (2 scale^2)) / (scale sqrt(2 pi))."""
    return _density(*broadcast(_saturated(divide(value - loc, scale)), scale))


@tf.custom_gradient
def _density(z: tf.Tensor, scale: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]:
    """Density at z, as a product with both roots of the exponential, which may underflow where the density does not."""

    def rule(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        density = upstream * _density(z, scale)
        return -density * z, -divide(density, scale)

    root = tf.exp(-0.25 * tf.square(z))
    return root * (1.0 / math.sqrt(2.0 * math.pi) / scale) * root, rule


def _saturated(z: tf.Tensor) -> tf.Tensor:
    """Clip to where the density is not 0: its square must not overflow beside a factor that is 0."""
    return tf.clip_by_value(z, -_SATURATION, _SATURATION)


@at_least_float32
def cdf(value: tf.Tensor, loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Cumulative distribution of the normal: erfc(-z / sqrt 2) / 2 with z = (value - loc) / scale."""
    z = _saturated(divide(value - loc, scale))
    return 0.5 * tf.math.erfc(-math.sqrt(0.5) * z)


@at_least_float32
def log_cdf(value: tf.Tensor, loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Log of the cumulative distribution of the normal: log Phi(z) with z = (value - loc) / scale.

    In the lower tail -z^2 / 2 - log(h sqrt(2 pi)), where Phi = phi / h and the hazard h of t = -z is Laplace's
    continued fraction t + 1 / (t + 2 / (t + 3 / ...)): its derivatives do not cancel, as those of log erfc do.
    """
    z = tf.minimum(divide(value - loc, scale), _SATURATION)
    upper, tail = z > 0.7, z < -_TAIL  # XLA's float64 log1p is off by 100 ulp on [-0.42, -0.3]
    zeros = tf.zeros_like(z)
    probability = 0.5 * tf.math.erfc(math.sqrt(0.5) * tf.where(tail, zeros, tf.where(upper, z, -z)))
    lower = tf.math.log(tf.where(upper, zeros + 0.5, probability))
    body = tf.where(upper, tf.math.log1p(tf.where(upper, -probability, zeros)), lower)
    depth = tf.where(tail, -z, tf.fill(z.shape, tf.constant(_TAIL, z.dtype)))
    in_tail = -0.5 * depth * depth - 0.5 * math.log(2.0 * math.pi) - tf.math.log(_hazard(depth))
    return tf.where(tail, in_tail, body)


def _hazard(depth: tf.Tensor) -> tf.Tensor:
    """Density over tail probability of the standard normal, phi(t) / Phi(-t), for t above `_TAIL`."""
    fraction = depth
    for level in range(_LEVELS, 0, -1):
        fraction = depth + level / fraction
    return fraction


@at_least_float32
def icdf(probability: tf.Tensor, loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Quantile of the normal: loc + scale * Phi^-1(probability).

    `tf.math.ndtri` is right one operation at a time, but XLA makes it of 2 p - 1, which is -1 at p = 1e-8.
    """
    return loc + scale * _standard_quantile(probability)


@tf.custom_gradient
def _standard_quantile(p: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """Quantile by Wichura's algorithm AS 241 (PPND16), with the derivative sqrt(2 pi) exp(r^2 / 2)."""

    def rule(upstream: tf.Tensor) -> tf.Tensor:
        return upstream * math.sqrt(2.0 * math.pi) * tf.exp(0.5 * tf.square(_standard_quantile(p)))

    centred = p - 0.5
    central = tf.abs(centred) <= 0.425
    half = tf.fill(p.shape, tf.constant(0.5, p.dtype))
    near = 0.180625 - tf.square(tf.where(central, centred, tf.zeros_like(p)))
    depth = tf.sqrt(-tf.math.log(tf.where(central, half, tf.minimum(p, 1.0 - p))))
    moderate = _ratio(_MODERATE, depth - 1.6)
    size = tf.where(depth <= 5.0, moderate, _ratio(_FAR, depth - 5.0))
    return tf.where(central, centred * _ratio(_CENTRAL, near), tf.sign(centred) * size), rule


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], x: tf.Tensor) -> tf.Tensor:
    """Quotient of two polynomials, lowest power first."""
    above, below = (
        functools.reduce(lambda value, coefficient: value * x + coefficient, reversed(row), tf.zeros_like(x))
        for row in coefficients
    )
    return above / below


@at_least_float32
def entropy(loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Differential entropy of the normal: log(scale) + (1 + log(2 pi)) / 2; it does not depend on loc."""
    nats = tf.math.log(scale) + 0.5 * (1.0 + math.log(2.0 * math.pi))
    return tf.broadcast_to(nats, tf.broadcast_static_shape(loc.shape, scale.shape))


def sample(seed: int, sample_shape: tuple[int, ...], loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Draw normal samples with the framework's own generator."""
    batch = tf.broadcast_static_shape(loc.shape, scale.shape)
    noise = sampling.standard_normal(seed, (*sample_shape, *batch), loc)  # [*sample_shape, *batch]
    return reparameterize(loc, scale, noise)
