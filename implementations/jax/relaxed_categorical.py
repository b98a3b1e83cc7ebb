"""The relaxed categorical (Concrete, Gumbel-softmax) distribution, in log space (ExpConcrete)."""

from __future__ import annotations

import math

import jax.numpy as jnp
from jax import Array

from implementations.jax import sampling
from implementations.jax.autodiff import log
from implementations.jax.gumbel import log_softmax, tempered_scores
from implementations.jax.precision import at_least_float32

__all__ = ["log_prob", "log_sample", "prob", "sample", "simplex_log_prob"]


@at_least_float32
def log_sample(logits: Array, noise: Array, temperature: Array) -> Array:
    """Sample in log space from noise: log_softmax((logits + noise) / temperature) over the last axis."""
    return log_softmax(tempered_scores(logits, noise, temperature))


@at_least_float32
def log_prob(log_value: Array, logits: Array, temperature: Array) -> Array:
    """Log density of y = log x: log (n-1)! + (n-1) log T + sum_i s_i - n logsumexp(s), s = logits - T y.

    The last two terms are the sum of log_softmax(s).
    """
    scores = logits - temperature[..., None] * log_value  # temperature [*batch] -> [*batch, 1]
    classes = scores.shape[-1]
    constant = math.lgamma(classes) + (classes - 1) * log(temperature)
    return constant + jnp.sum(log_softmax(scores), axis=-1)


@at_least_float32
def prob(log_value: Array, logits: Array, temperature: Array) -> Array:
    """Density of y = log x: the exponential of `log_prob`."""
    return jnp.exp(log_prob(log_value, logits, temperature))


@at_least_float32
def simplex_log_prob(log_value: Array, logits: Array, temperature: Array) -> Array:
    """Log density of the point x = exp(y) itself: `log_prob` minus sum_i y_i."""
    return log_prob(log_value, logits, temperature) - jnp.sum(log_value, axis=-1)


def sample(seed: int, sample_shape: tuple[int, ...], logits: Array, temperature: Array) -> Array:
    """Draw relaxed categorical samples in log space with the framework's own generator."""
    batch = jnp.broadcast_shapes(logits.shape[:-1], temperature.shape)
    noise = sampling.standard_gumbel(seed, (*sample_shape, *batch, logits.shape[-1]), logits)
    return log_sample(logits, noise, temperature)
