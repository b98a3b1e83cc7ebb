"""The beta distribution: log density."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array
from jax.scipy.special import gammaln

from implementations.jax.precision import at_least_float32

__all__ = ["log_prob"]


@at_least_float32
def log_prob(value: Array, concentration1: Array, concentration0: Array) -> Array:
    """Log density of the beta: (a - 1) log x + (b - 1) log(1 - x) - log B(a, b), a of x, b of 1 - x."""
    powers = (concentration1 - 1) * jnp.log(value) + (concentration0 - 1) * jnp.log1p(-value)
    return powers + gammaln(concentration1 + concentration0) - gammaln(concentration1) - gammaln(concentration0)
