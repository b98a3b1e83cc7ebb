"""The gamma distribution: log density, and the derivative of a variate by its concentration."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array
from jax.scipy.special import digamma, gammaln

from implementations.jax.precision import at_least_float32

__all__ = ["log_prob", "sample_derivative"]


@at_least_float32
def log_prob(value: Array, concentration: Array, rate: Array) -> Array:
    """Log density of the gamma: (a - 1) log x + a log(rate) - rate x - log Gamma(a), a the concentration."""
    log_x = jnp.log(value)
    return concentration * (log_x + jnp.log(rate)) - log_x - rate * value - gammaln(concentration)


@at_least_float32
def sample_derivative(value: Array, concentration: Array) -> Array:
    """Derivative of a standard gamma variate by its concentration at a fixed quantile: -(dF/da) / p, with F the cdf.

    `jax.lax.random_gamma_grad` sums series with up to 2000 terms, and is off by up to 100 eps.
    """
    x, a = jnp.broadcast_arrays(value, concentration)
    d = _digamma_minus_log(a) - jnp.log(x / a)  # psi(a + 1) - log x
    lower = d >= 0
    falls_in = 1 / (jnp.abs(a - x) + jnp.sqrt(x) + 0.5)

    def summand(t: Array) -> Array:
        u = falls_in * jnp.exp(t - jnp.exp(-t))
        under = (u + d) * jnp.exp(-(a + 1) * u - x * jnp.expm1(-u))
        log1p = jnp.log1p(u)
        over = (log1p + 1 / a - d) * jnp.exp((a - 1) * log1p - x * u)
        return jnp.where(lower, under, over) * u * (1 + jnp.exp(-t))

    step = 1 / 8
    nodes = step * jnp.arange(-28, 37, dtype=x.dtype)  # t from -3.5 to 4.5
    nodes = nodes.reshape(-1, *(1 for _ in x.shape))  # [nodes, 1, ..., 1]
    integral = step * jnp.sum(summand(nodes), axis=0)
    return jnp.where(lower, x / a * (d + x * integral), x * integral)


def _digamma_minus_log(a: Array) -> Array:
    """Difference psi(a + 1) - log a, from 8 on by its asymptotic series, in which nothing cancels.

    Abramowitz and Stegun, 1964, 6.3.18.
    """
    r = 1 / jnp.maximum(a, 8)
    series = [3617 / 8160, -1 / 12, 691 / 32760, -1 / 132, 1 / 240, -1 / 252, 1 / 120, -1 / 12, 0]
    asymptotic = r / 2 + jnp.polyval(jnp.array(series, a.dtype), r * r)
    return jnp.where(a >= 8, asymptotic, digamma(a + 1) - jnp.log(a))
