"""The categorical distribution by `numpyro.distributions.Categorical`, whose values are class indices."""

from __future__ import annotations

import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array

__all__ = ["log_prob", "prob"]


def log_prob(value: Array, logits: Array) -> Array:
    """Log mass of a one-hot value: sum_i value_i log_softmax(logits)_i, with 0 (-inf) = 0.

    By `numpyro.distributions.Categorical.log_prob` at the class of the one-hot value.
    """
    return dist.Categorical(logits=logits, validate_args=False).log_prob(jnp.argmax(value, axis=-1))


def prob(value: Array, logits: Array) -> Array:
    """Mass of a one-hot value: sum_i value_i softmax(logits)_i.

    The exponential of `numpyro.distributions.Categorical.log_prob`.
    """
    return jnp.exp(log_prob(value, logits))
