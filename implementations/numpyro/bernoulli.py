"""The Bernoulli distribution by `numpyro.distributions.Bernoulli`, and the lines of its `RelaxedBernoulli`."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from numpyro.distributions import transforms

__all__ = ["cdf", "log_prob", "prob", "relaxed_sample"]


def log_prob(value: Array, logits: Array) -> Array:
    """Log mass of 0 or 1: value * log_sigmoid(logits) + (1 - value) * log_sigmoid(-logits).

    By `numpyro.distributions.Bernoulli.log_prob`.
    """
    return dist.Bernoulli(logits=logits, validate_args=False).log_prob(value)


def prob(value: Array, logits: Array) -> Array:
    """Mass of 0 or 1: sigmoid(logits) at 1 and sigmoid(-logits) at 0.

    The exponential of `numpyro.distributions.Bernoulli.log_prob`.
    """
    return jnp.exp(log_prob(value, logits))


def cdf(value: Array, logits: Array) -> Array:
    """Cumulative mass: 0 below 0, sigmoid(-logits) on [0, 1), and 1 from 1 on.

    By `jax.scipy.stats.bernoulli.cdf`; `numpyro.distributions.Bernoulli` has no `cdf`.
    """
    return jax.scipy.stats.bernoulli.cdf(value, dist.Bernoulli(logits=logits, validate_args=False).probs)


def relaxed_sample(logits: Array, noise: Array, temperature: Array) -> Array:
    """Binary concrete sample: sigmoid((logits + noise) / temperature).

    The lines of `numpyro.distributions.RelaxedBernoulli.sample`, which draws its noise itself.
    """
    return transforms.SigmoidTransform()(logits / temperature + noise * (1 / temperature))
