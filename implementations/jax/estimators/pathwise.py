"""Pathwise (reparameterization) gradient."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array

from implementations.interface.contract import Arrays, Distribution
from implementations.jax.autodiff import per_replicate_gradient, require_event_shape

__all__ = ["pathwise", "pathwise_antithetic"]


def pathwise(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Pathwise gradient: the mean over samples of d f(g(noise, parameters)) / d parameters, x = g(noise, parameters).

    `jax.grad` differentiates through the sample: nothing is held constant.
    """
    require_event_shape(parameters, noise)

    def surrogate(rows: Arrays) -> Array:
        return objective(distribution.sample(rows, noise), rows, constants)

    return per_replicate_gradient(surrogate, parameters, replicates=noise.shape[0])


def pathwise_antithetic(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Pathwise gradient on pairs: the mean over samples of those at noise and at -noise."""
    require_event_shape(parameters, noise)
    return pathwise(distribution, objective, parameters, constants, jnp.concatenate([noise, -noise], axis=1))
