"""The Bernoulli distribution by its logit, log p - log(1 - p), with values 0 and 1, and its relaxation."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from implementations.jax import sampling
from implementations.jax.gaussian import scale_from_softplus
from implementations.jax.gumbel import temper

__all__ = ["cdf", "hard_sample", "log_prob", "prob", "relaxed_sample", "sample", "straight_through_sample"]


def log_prob(value: Array, logits: Array) -> Array:
    """Log mass of 0 or 1: value * log_sigmoid(logits) + (1 - value) * log_sigmoid(-logits).

    With log_sigmoid(x) = -softplus(-x).
    """
    return -scale_from_softplus((1 - 2 * value) * logits)


def prob(value: Array, logits: Array) -> Array:
    """Mass of 0 or 1: sigmoid(logits) at 1 and sigmoid(-logits) at 0.

    As the exponential of `log_prob`: the derivative of `jax.nn.sigmoid`, s (1 - s), is 0 in the upper tail.
    """
    return jnp.exp(log_prob(value, logits))


def cdf(value: Array, logits: Array) -> Array:
    """Cumulative mass: 0 below 0, sigmoid(-logits) on [0, 1), and 1 from 1 on."""
    at_zero = jnp.exp(-scale_from_softplus(logits))
    return jnp.where(value < 0, 0, jnp.where(value < 1, at_zero, 1))


def hard_sample(logits: Array, noise: Array) -> Array:
    """Exact sample by thresholding: 1 where logits + noise > 0, else 0. Its gradient is 0."""
    scores = logits + noise
    return (scores > 0).astype(scores.dtype)


def relaxed_sample(logits: Array, noise: Array, temperature: Array) -> Array:
    """Binary concrete sample: sigmoid((logits + noise) / temperature)."""
    return jnp.exp(-scale_from_softplus(-temper(logits + noise, temperature)))


def straight_through_sample(logits: Array, noise: Array, temperature: Array) -> Array:
    """Sample of 0 or 1 forward, binary concrete gradient backward: (hard - stop(soft)) + soft."""
    soft = relaxed_sample(logits, noise, temperature)
    return (hard_sample(logits, noise) - jax.lax.stop_gradient(soft)) + soft


def sample(seed: int, sample_shape: tuple[int, ...], logits: Array) -> Array:
    """Draw Bernoulli samples with the framework's own generator."""
    return hard_sample(logits, sampling.standard_logistic(seed, (*sample_shape, *logits.shape), logits))
