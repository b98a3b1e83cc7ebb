"""Antithetic gradients of Bernoulli variables by their logits."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array

from implementations.interface.contract import Arrays, Distribution
from implementations.jax import bernoulli
from implementations.jax.autodiff import per_replicate, require_event_shape

__all__ = ["arm", "disarm"]


def arm(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """ARM: (f(b) - f(b~)) (u - 1/2), with u = sigmoid(noise), b at noise and b~ at -noise.

    u - 1/2 = tanh(noise / 2) / 2 is no difference.
    """

    def weight(rows: Arrays, b: Array, opposite: Array) -> Array:  # noqa: ARG001
        return 0.5 * jnp.tanh(0.5 * noise)

    return _antithetic(distribution, objective, parameters, constants, noise, weight)


def disarm(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """DisARM: (1/2) (f(b) - f(b~)) (-1)^(b~_i) [b_i != b~_i] sigmoid(|logits_i|): ARM, its mean given b and b~."""

    def weight(rows: Arrays, b: Array, opposite: Array) -> Array:
        return 0.5 * (b - opposite) * bernoulli.prob(jnp.ones_like(b), jnp.abs(rows["logits"]))

    return _antithetic(distribution, objective, parameters, constants, noise, weight)


def _antithetic(
    distribution: Distribution,
    objective: Callable[..., Array],
    parameters: Arrays,
    constants: Arrays,
    noise: Array,
    weight: Callable[[Arrays, Array, Array], Array],
) -> Arrays:
    """Return the mean over samples of (f(b) - f(b~)) weight(parameters, b, b~), the weight of the event's shape."""
    if distribution.noise != "logistic":
        raise ValueError(
            f"a distribution with {distribution.noise} noise has no antithetic bits: use bernoulli, or score_function"
        )
    require_event_shape(parameters, noise)
    rows = per_replicate(parameters, replicates=noise.shape[0])
    b, opposite = distribution.sample(rows, noise), distribution.sample(rows, -noise)
    difference = objective(b, rows, constants) - objective(opposite, rows, constants)  # [replicates, samples, *factors]
    each = jnp.expand_dims(
        difference, tuple(range(difference.ndim, noise.ndim))
    )  # beside [replicates, samples, *event]
    return {"logits": jnp.mean(each * weight(rows, b, opposite), axis=1)}
