"""The relaxed categorical sample by `jax.nn.log_softmax`; NumPyro has no such distribution."""

from __future__ import annotations

import jax
from jax import Array

__all__ = ["log_sample"]


def log_sample(logits: Array, noise: Array, temperature: Array) -> Array:
    """Sample in log space from noise: log_softmax((logits + noise) / temperature) over the last axis.

    By `jax.nn.log_softmax`: the line that JAX's users write, since JAX and NumPyro have no relaxed categorical.
    """
    return jax.nn.log_softmax((logits + noise) / temperature[..., None])
