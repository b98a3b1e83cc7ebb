"""The normal distribution N(loc, scale^2): reparameterization, scale transforms, and the four members."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import Array

from implementations.jax import sampling
from implementations.jax.autodiff import divide, log
from implementations.jax.precision import at_least_float32

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

_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)
_INVERSE_SQRT_2PI = 1 / math.sqrt(2 * math.pi)
#: Beyond 64 standard deviations the square root of the density is 0 in every dtype, whatever the scale multiplies.
_SATURATION = 64.0
#: From 6 standard deviations on, 22 levels of the continued fraction reach double precision.
_TAIL, _LEVELS = 6.0, 22


@at_least_float32
def reparameterize(loc: Array, scale: Array, noise: Array) -> Array:
    """Transform standard normal noise into a sample: loc + scale * noise."""
    return loc + scale * noise


@at_least_float32
def scale_from_softplus(unconstrained: Array) -> Array:
    """Map a real number to a positive scale by softplus: log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))."""
    return softplus(unconstrained)


@jax.custom_jvp
def softplus(x: Array) -> Array:
    """Softplus, whose derivative is written exp(-softplus(-x)), which is sigmoid(x).

    One rule, right to every order and in both tails.
    """
    return jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x)))


@softplus.defjvp
def _softplus_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (x,), (x_dot,) = primals, tangents
    return softplus(x), jnp.exp(-softplus(-x)) * x_dot


@at_least_float32
def scale_from_square(unconstrained: Array) -> Array:
    """Map a real number to a non-negative scale by its square: x^2."""
    return jnp.square(unconstrained)


@at_least_float32
def scale_from_exp(unconstrained: Array) -> Array:
    """Map a log scale to a scale: exp(x)."""
    return jnp.exp(unconstrained)


@at_least_float32
def softplus_inverse(scale: Array) -> Array:
    """Map a positive scale to the real number whose softplus it is: y + log(-expm1(-y))."""
    return _softplus_inverse(scale)


@jax.custom_jvp
def _softplus_inverse(y: Array) -> Array:
    return y + jnp.log(-jnp.expm1(-y))


@_softplus_inverse.defjvp
def _softplus_inverse_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (y,), (y_dot,) = primals, tangents
    slope = 1 - jnp.exp(-y) / jnp.expm1(-y)  # = 1 / (1 - e^-y), a sum of positive terms
    return _softplus_inverse(y), slope * y_dot


@at_least_float32
def log_prob(value: Array, loc: Array, scale: Array) -> Array:
    """Log density of the normal: -(value - loc)^2 / (2 scale^2) - log(scale) - log(2 pi) / 2."""
    z = divide(value - loc, scale)
    return -0.5 * z * z - log(scale) - _LOG_SQRT_2PI


@at_least_float32
def prob(value: Array, loc: Array, scale: Array) -> Array:
    """Density of the normal: exp(-(value - loc)^2 / (2 scale^2)) / (scale sqrt(2 pi))."""
    return _prob(value, loc, scale)


@jax.custom_jvp
def _prob(value: Array, loc: Array, scale: Array) -> Array:
    """Two equal factors around the division, so that neither underflows before the result, nor the slope overflows."""
    root = jnp.exp(-0.25 * jnp.square(_saturated(divide(value - loc, scale))))
    return _INVERSE_SQRT_2PI * divide(root, scale) * root


@_prob.defjvp
def _prob_jvp(primals: tuple[Array, ...], tangents: tuple[Array, ...]) -> tuple[Array, Array]:
    value, loc, scale = primals
    value_dot, loc_dot, scale_dot = tangents
    z = _saturated(divide(value - loc, scale))
    factor = divide(jnp.exp(-0.25 * jnp.square(z)), scale)
    # d prob = prob / scale ((z^2 - 1) d scale - z d value + z d loc), prob / scale = factor^2 / sqrt(2 pi)
    by_scale = factor * (z - 1) * (z + 1)
    tangent = by_scale * scale_dot - factor * z * (value_dot - loc_dot)
    return _prob(*primals), _INVERSE_SQRT_2PI * factor * tangent


def _saturated(z: Array) -> Array:
    """Clip to where the density is not 0: its square must not overflow beside a factor that is 0."""
    return jnp.clip(z, -_SATURATION, _SATURATION)


@at_least_float32
def cdf(value: Array, loc: Array, scale: Array) -> Array:
    """Cumulative distribution of the normal: erfc(-z / sqrt 2) / 2 with z = (value - loc) / scale."""
    z = _saturated(divide(value - loc, scale))
    return 0.5 * jax.lax.erfc(-math.sqrt(0.5) * z)


@at_least_float32
def log_cdf(value: Array, loc: Array, scale: Array) -> Array:
    """Log of the cumulative distribution of the normal: log Phi(z) with z = (value - loc) / scale.

    In the lower tail -z^2 / 2 - log(h sqrt(2 pi)), where Phi = phi / h and the hazard h of t = -z is Laplace's
    continued fraction t + 1 / (t + 2 / (t + 3 / ...)): its derivatives do not cancel, as those of log erfc do.
    """
    z = jnp.minimum(divide(value - loc, scale), _SATURATION)
    upper, tail = z > 0.7, z < -_TAIL  # XLA's float64 log1p is off by 100 ulp on [-0.42, -0.3]
    probability = 0.5 * jax.lax.erfc(math.sqrt(0.5) * jnp.where(tail, 0, jnp.where(upper, z, -z)))
    body = jnp.where(upper, jnp.log1p(jnp.where(upper, -probability, 0)), jnp.log(jnp.where(upper, 0.5, probability)))
    depth = jnp.where(tail, -z, _TAIL)
    return jnp.where(tail, -0.5 * depth * depth - _LOG_SQRT_2PI - jnp.log(_hazard(depth)), body)


def _hazard(depth: Array) -> Array:
    """Density over tail probability of the standard normal, phi(t) / Phi(-t), for t above `_TAIL`."""
    fraction = depth
    for level in range(_LEVELS, 0, -1):
        fraction = depth + level / fraction
    return fraction


@at_least_float32
def icdf(probability: Array, loc: Array, scale: Array) -> Array:
    """Quantile of the normal: loc + scale * Phi^-1(probability)."""
    return loc + scale * jax.scipy.special.ndtri(probability)


@at_least_float32
def entropy(loc: Array, scale: Array) -> Array:
    """Differential entropy of the normal: log(scale) + (1 + log(2 pi)) / 2; it does not depend on loc."""
    shape = jnp.broadcast_shapes(loc.shape, scale.shape)
    return jnp.broadcast_to(log(scale) + (0.5 + _LOG_SQRT_2PI), shape)


def sample(seed: int, sample_shape: tuple[int, ...], loc: Array, scale: Array) -> Array:
    """Draw normal samples with the framework's own generator."""
    shape = (*sample_shape, *jnp.broadcast_shapes(loc.shape, scale.shape))
    return reparameterize(loc, scale, sampling.standard_normal(seed, shape, loc))
