"""The normal distribution by `numpyro.distributions.Normal`, and the transforms of `numpyro.distributions`."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from numpyro.distributions import transforms

__all__ = [
    "cdf",
    "entropy",
    "icdf",
    "log_cdf",
    "log_prob",
    "prob",
    "reparameterize",
    "scale_from_exp",
    "scale_from_softplus",
    "scale_from_square",
    "softplus_inverse",
]


def reparameterize(loc: Array, scale: Array, noise: Array) -> Array:
    """Transform standard normal noise into a sample: loc + scale * noise.

    By `numpyro.distributions.transforms.AffineTransform`.
    """
    return transforms.AffineTransform(loc, scale)(noise)


def scale_from_softplus(unconstrained: Array) -> Array:
    """Map a real number to a positive scale by softplus: log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)).

    By `jax.nn.softplus`.
    """
    return jax.nn.softplus(unconstrained)


def scale_from_square(unconstrained: Array) -> Array:
    """Map a real number to a non-negative scale by its square: x^2.

    By `numpyro.distributions.transforms.PowerTransform`, whose stated domain is the positive numbers.
    """
    return transforms.PowerTransform(2)(unconstrained)


def scale_from_exp(unconstrained: Array) -> Array:
    """Map a log scale to a scale: exp(x).

    By `numpyro.distributions.transforms.ExpTransform`.
    """
    return transforms.ExpTransform()(unconstrained)


def softplus_inverse(scale: Array) -> Array:
    """Map a positive scale to the real number whose softplus it is: y + log(-expm1(-y)).

    By the inverse of `numpyro.distributions.transforms.SoftplusTransform`.
    """
    return transforms.SoftplusTransform().inv(scale)


def log_prob(value: Array, loc: Array, scale: Array) -> Array:
    """Log density of the normal: -(value - loc)^2 / (2 scale^2) - log(scale) - log(2 pi) / 2.

    By `numpyro.distributions.Normal.log_prob`.
    """
    return dist.Normal(loc, scale, validate_args=False).log_prob(value)


def prob(value: Array, loc: Array, scale: Array) -> Array:
    """Density of the normal: exp(-(value - loc)^2 / (2 scale^2)) / (scale sqrt(2 pi)).

    The exponential of `numpyro.distributions.Normal.log_prob`.
    """
    return jnp.exp(log_prob(value, loc, scale))


def cdf(value: Array, loc: Array, scale: Array) -> Array:
    """Cumulative distribution of the normal: erfc(-z / sqrt 2) / 2 with z = (value - loc) / scale.

    By `numpyro.distributions.Normal.cdf`.
    """
    return dist.Normal(loc, scale, validate_args=False).cdf(value)


def log_cdf(value: Array, loc: Array, scale: Array) -> Array:
    """Log of the cumulative distribution of the normal: log Phi(z) with z = (value - loc) / scale.

    By `numpyro.distributions.Normal.log_cdf`.
    """
    return dist.Normal(loc, scale, validate_args=False).log_cdf(value)


def icdf(probability: Array, loc: Array, scale: Array) -> Array:
    """Quantile of the normal: loc + scale * Phi^-1(probability).

    By `numpyro.distributions.Normal.icdf`.
    """
    return dist.Normal(loc, scale, validate_args=False).icdf(probability)


def entropy(loc: Array, scale: Array) -> Array:
    """Differential entropy of the normal: log(scale) + (1 + log(2 pi)) / 2; it does not depend on loc.

    By `numpyro.distributions.Normal.entropy`.
    """
    return dist.Normal(loc, scale, validate_args=False).entropy()
