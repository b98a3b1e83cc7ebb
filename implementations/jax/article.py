"""The source article's formulas, taken literally, so that their distance from the mathematics can be measured."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from implementations.jax import divergences, gumbel

__all__ = ["gumbel_softmax", "gumbel_softmax_without_noise", "kl_standard_normal"]


def kl_standard_normal(loc: Array, scale: Array) -> Array:
    """The article's KL term: loc^2 + scale^2 - log(scale^2) - 1, which is twice the KL of N(loc, scale^2) from N(0, 1).

    Summed in the order in which the article writes it, it would cancel near 0.
    """
    return 2 * divergences.kl_standard_normal(loc, scale)


def gumbel_softmax(probs: Array, noise: Array, temperature: Array) -> Array:
    """The article's Gumbel step: softmax((probs + noise) / temperature), noise on the probabilities."""
    return gumbel.gumbel_softmax(probs, noise, temperature)


def gumbel_softmax_without_noise(probs: Array, temperature: Array) -> Array:
    """The article's code line: softmax(probs / temperature), which leaves the noise out and so is deterministic."""
    return gumbel.gumbel_softmax(probs, jnp.zeros_like(probs), temperature)
