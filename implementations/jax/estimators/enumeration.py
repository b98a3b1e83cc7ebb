"""Exact gradient of a discrete expectation."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array

from implementations.interface import outcomes
from implementations.interface.contract import Arrays, Distribution
from implementations.jax.autodiff import per_replicate_gradient, require_event_shape

__all__ = ["exact"]


def exact(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Exact gradient: the sum over the support of d (p(x) f(x)) / d parameters, the same in every replicate.

    Computed once, with the points of the support as the samples of one replicate.
    """
    if distribution.support is None:
        raise ValueError(
            f"a distribution with {distribution.noise} noise has no support that could be enumerated: "
            "use a discrete one, or another estimator"
        )
    require_event_shape(parameters, noise)
    outcomes.require_enumerable(distribution.noise, next(iter(parameters.values())).shape)
    points = jnp.expand_dims(distribution.support(parameters), 0)  # [1, points, *event]

    def expectation(rows: Arrays) -> Array:
        probability = jnp.exp(_of_point(distribution.log_prob(points, rows)))
        return jnp.sum(probability * _of_point(objective(points, rows, constants)), axis=1, keepdims=True)

    gradients = per_replicate_gradient(expectation, parameters, replicates=1)
    return {name: jnp.broadcast_to(row, (noise.shape[0], *row.shape[1:])) for name, row in gradients.items()}


def _of_point(terms: Array) -> Array:
    return jnp.sum(terms, axis=tuple(range(2, terms.ndim)))  # [1, points, ...] -> [1, points]
