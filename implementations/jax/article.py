"""The source article's formulas, taken literally, so that their distance from the mathematics can be measured."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from implementations.jax import gumbel
from implementations.jax.precision import at_least_float32

__all__ = ["gumbel_softmax", "gumbel_softmax_without_noise", "kl_standard_normal"]


@at_least_float32
def kl_standard_normal(loc: Array, scale: Array) -> Array:
    """The article's KL term: loc^2 + scale^2 - log(scale^2) - 1, which is twice the KL of N(loc, scale^2) from N(0, 1).

    Term by term as the article writes it, cancellation near 0 included.
    """
    return jnp.square(loc) + jnp.square(scale) - jnp.log(jnp.square(scale)) - 1.0


@at_least_float32
def gumbel_softmax(probs: Array, noise: Array, temperature: Array) -> Array:
    """The article's Gumbel step: softmax((probs + noise) / temperature), noise on the probabilities."""
    return gumbel.gumbel_softmax(probs, noise, temperature)


@at_least_float32
def gumbel_softmax_without_noise(probs: Array, temperature: Array) -> Array:
    """The article's code line: softmax(probs / temperature), which leaves the noise out and so is deterministic."""
    return gumbel.gumbel_softmax(probs, jnp.zeros_like(probs), temperature)
