"""The Bernoulli distribution by its logit, log p - log(1 - p), with values 0 and 1, and its relaxation."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from implementations.jax import sampling
from implementations.jax.gaussian import softplus
from implementations.jax.gumbel import temper
from implementations.jax.precision import at_least_float32

__all__ = ["cdf", "hard_sample", "log_prob", "prob", "relaxed_sample", "sample", "straight_through_sample"]


@at_least_float32
def log_prob(value: Array, logits: Array) -> Array:
    """Log mass of 0 or 1: value * log_sigmoid(logits) + (1 - value) * log_sigmoid(-logits).

    With log_sigmoid(x) = -softplus(-x).
    """
    return -softplus((1 - 2 * value) * logits)


@at_least_float32
def prob(value: Array, logits: Array) -> Array:
    """Mass of 0 or 1: sigmoid(logits) at 1 and sigmoid(-logits) at 0.

    As the exponential of `log_prob`: the derivative of `jax.nn.sigmoid`, s (1 - s), is 0 in the upper tail.
    """
    return jnp.exp(log_prob(value, logits))


@at_least_float32
def cdf(value: Array, logits: Array) -> Array:
    """Cumulative mass: 0 below 0, sigmoid(-logits) on [0, 1), and 1 from 1 on."""
    at_zero = jnp.exp(-softplus(logits))
    return jnp.where(value < 0, 0, jnp.where(value < 1, at_zero, 1))


@at_least_float32
def hard_sample(logits: Array, noise: Array) -> Array:
    """Exact sample by thresholding: 1 where logits + noise > 0, else 0. Its gradient is 0."""
    scores = logits + noise
    return (scores > 0).astype(scores.dtype)


@at_least_float32
def relaxed_sample(logits: Array, noise: Array, temperature: Array) -> Array:
    """Binary concrete sample: sigmoid((logits + noise) / temperature)."""
    return jnp.exp(-softplus(-temper(logits + noise, temperature)))


@at_least_float32
def straight_through_sample(logits: Array, noise: Array, temperature: Array) -> Array:
    """Sample of 0 or 1 forward, binary concrete gradient backward: (hard - stop(soft)) + soft."""
    soft = relaxed_sample(logits, noise, temperature)
    return (hard_sample(logits, noise) - jax.lax.stop_gradient(soft)) + soft


def sample(seed: int, sample_shape: tuple[int, ...], logits: Array) -> Array:
    """Draw Bernoulli samples with the framework's own generator."""
    return hard_sample(logits, sampling.standard_logistic(seed, (*sample_shape, *logits.shape), logits))
