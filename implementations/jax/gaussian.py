"""The normal distribution N(loc, scale^2): reparameterization, scale transforms, and the four members."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import Array

from implementations.jax import sampling
from implementations.jax.autodiff import divide

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

_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)
_INVERSE_SQRT_2PI = 1 / math.sqrt(2 * math.pi)


def reparameterize(loc: Array, scale: Array, noise: Array) -> Array:
    """Transform standard normal noise into a sample: loc + scale * noise."""
    return loc + scale * noise


@jax.custom_jvp
def scale_from_softplus(unconstrained: Array) -> Array:
    """Map a real number to a positive scale by softplus: log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)).

    Its derivative is written exp(-softplus(-x)), which is sigmoid(x): one rule, right to every order and in both tails.
    """
    return jnp.maximum(unconstrained, 0) + jnp.log1p(jnp.exp(-jnp.abs(unconstrained)))


@scale_from_softplus.defjvp
def _softplus_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (x,), (x_dot,) = primals, tangents
    return scale_from_softplus(x), jnp.exp(-scale_from_softplus(-x)) * x_dot


def scale_from_square(unconstrained: Array) -> Array:
    """Map a real number to a non-negative scale by its square: x^2."""
    return jnp.square(unconstrained)


def scale_from_exp(unconstrained: Array) -> Array:
    """Map a log scale to a scale: exp(x)."""
    return jnp.exp(unconstrained)


@jax.custom_jvp
def softplus_inverse(scale: Array) -> Array:
    """Map a positive scale to the real number whose softplus it is: y + log(-expm1(-y))."""
    return scale + jnp.log(-jnp.expm1(-scale))


@softplus_inverse.defjvp
def _softplus_inverse_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (y,), (y_dot,) = primals, tangents
    slope = 1 - jnp.exp(-y) / jnp.expm1(-y)  # = 1 / (1 - e^-y), a sum of positive terms
    return softplus_inverse(y), slope * y_dot


def log_prob(value: Array, loc: Array, scale: Array) -> Array:
    """Log density of the normal: -(value - loc)^2 / (2 scale^2) - log(scale) - log(2 pi) / 2."""
    z = divide(value - loc, scale)
    return -0.5 * z * z - jnp.log(scale) - _LOG_SQRT_2PI


@jax.custom_jvp
def prob(value: Array, loc: Array, scale: Array) -> Array:
    """Density of the normal: exp(-(value - loc)^2 / (2 scale^2)) / (scale sqrt(2 pi)).

    As two equal factors around the division, so that neither underflows before the result, nor the slope overflows.
    """
    root = jnp.exp(-0.25 * jnp.square(divide(value - loc, scale)))
    return _INVERSE_SQRT_2PI * divide(root, scale) * root


@prob.defjvp
def _prob_jvp(primals: tuple[Array, ...], tangents: tuple[Array, ...]) -> tuple[Array, Array]:
    value, loc, scale = primals
    value_dot, loc_dot, scale_dot = tangents
    z = divide(value - loc, scale)
    factor = divide(jnp.exp(-0.25 * jnp.square(z)), scale)
    # d prob = prob / scale ((z^2 - 1) d scale - z d value + z d loc), prob / scale = factor^2 / sqrt(2 pi)
    by_scale = factor * (z - 1) * (z + 1)
    tangent = by_scale * scale_dot - factor * z * (value_dot - loc_dot)
    return prob(*primals), _INVERSE_SQRT_2PI * factor * tangent


def cdf(value: Array, loc: Array, scale: Array) -> Array:
    """Cumulative distribution of the normal: erfc(-z / sqrt 2) / 2 with z = (value - loc) / scale."""
    z = divide(value - loc, scale)
    return 0.5 * jax.lax.erfc(-math.sqrt(0.5) * z)


def entropy(loc: Array, scale: Array) -> Array:
    """Differential entropy of the normal: log(scale) + (1 + log(2 pi)) / 2; it does not depend on loc."""
    shape = jnp.broadcast_shapes(loc.shape, scale.shape)
    return jnp.broadcast_to(jnp.log(scale) + (0.5 + _LOG_SQRT_2PI), shape)


def sample(seed: int, sample_shape: tuple[int, ...], loc: Array, scale: Array) -> Array:
    """Draw normal samples with the framework's own generator."""
    shape = (*sample_shape, *jnp.broadcast_shapes(loc.shape, scale.shape))
    return reparameterize(loc, scale, sampling.standard_normal(seed, shape, loc))
