"""Schedules for the temperature of a relaxation, as functions of the training step."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from implementations.jax.precision import at_least_float32

__all__ = ["constant", "exponential", "linear"]


@at_least_float32
def constant(step: Array, initial: Array) -> Array:
    """Temperature that does not change: initial."""
    return jnp.broadcast_to(initial, jnp.broadcast_shapes(step.shape, initial.shape))


@at_least_float32
def exponential(step: Array, initial: Array, rate: Array, minimum: Array) -> Array:
    """Temperature that decays exponentially to a floor: max(minimum, initial * exp(-rate * step))."""
    return jnp.maximum(minimum, initial * jnp.exp(-rate * step))


@at_least_float32
def linear(step: Array, initial: Array, final: Array, steps: Array) -> Array:
    """Temperature that goes in a straight line, then stays: initial + (final - initial) min(step / steps, 1).

    As a convex combination, exact at both ends.
    """
    return initial * (jnp.maximum(steps - step, 0) / steps) + final * (jnp.minimum(step, steps) / steps)
