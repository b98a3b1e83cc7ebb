"""The categorical distribution over n classes, by logits, with one-hot values."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from implementations.jax import gumbel, sampling
from implementations.jax.precision import at_least_float32

__all__ = ["cdf", "log_prob", "prob", "sample"]


@at_least_float32
def log_prob(value: Array, logits: Array) -> Array:
    """Log mass of a one-hot value: sum_i value_i log_softmax(logits)_i, with 0 (-inf) = 0."""
    log_probs = jnp.where(value == 0, 0, gumbel.log_softmax(logits))  # no 0 * -inf, neither here nor in the gradient
    return jnp.sum(value * log_probs, axis=-1)


@at_least_float32
def prob(value: Array, logits: Array) -> Array:
    """Mass of a one-hot value: sum_i value_i softmax(logits)_i."""
    return jnp.sum(value * gumbel.softmax(logits), axis=-1)


@at_least_float32
def cdf(value: Array, logits: Array) -> Array:
    """Cumulative mass up to and including the class of a one-hot value: sum over j <= k of softmax(logits)_j.

    Above 1/2 as 1 minus the mass above the class, so that the last class gives exactly 1 and gradient 0.
    """
    included = jax.lax.cumsum(value, axis=value.ndim - 1, reverse=True)  # 1 up to the class, 0 above it
    probs = gumbel.softmax(logits)
    below = jnp.sum(included * probs, axis=-1)
    above = jnp.sum((1 - included) * probs, axis=-1)
    return jnp.where(below < above, below, 1 - above)


def sample(seed: int, sample_shape: tuple[int, ...], logits: Array) -> Array:
    """Draw one-hot categorical samples with the framework's own generator, by the Gumbel-max trick."""
    return gumbel.hard_sample(logits, sampling.standard_gumbel(seed, (*sample_shape, *logits.shape), logits))
