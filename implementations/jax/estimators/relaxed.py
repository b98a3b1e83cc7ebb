"""Gradients of discrete distributions through the Gumbel-softmax (binary concrete) relaxation."""

from __future__ import annotations

from collections.abc import Callable

from jax import Array
from jax.lax import stop_gradient

from implementations.interface.contract import Arrays, Distribution
from implementations.jax.autodiff import per_replicate_gradient, require_event_shape

__all__ = ["gumbel_softmax", "straight_through_gumbel"]


def gumbel_softmax(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Relaxed gradient: the mean over samples of d f(relaxed_sample) / d parameters."""
    relaxed_sample = _relaxation(distribution)
    require_event_shape(parameters, noise)

    def surrogate(rows: Arrays) -> Array:
        return objective(relaxed_sample(rows, noise, constants["temperature"]), rows, constants)

    return per_replicate_gradient(surrogate, parameters, replicates=noise.shape[0])


def straight_through_gumbel(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Straight-through Gumbel gradient: f and f' at the discrete sample, d x / d parameters at the relaxed one."""
    relaxed_sample = _relaxation(distribution)
    require_event_shape(parameters, noise)

    def surrogate(rows: Arrays) -> Array:
        soft = relaxed_sample(rows, noise, constants["temperature"])
        hard = distribution.sample(rows, noise)
        return objective((hard - stop_gradient(soft)) + soft, rows, constants)

    return per_replicate_gradient(surrogate, parameters, replicates=noise.shape[0])


def _relaxation(distribution: Distribution) -> Callable[..., Array]:
    """Return the relaxation of a discrete distribution.

    Raises:
        ValueError: it has none.
    """
    if distribution.relaxed_sample is None:
        raise ValueError(
            f"a distribution with {distribution.noise} noise has no relaxation: use a discrete one, or pathwise"
        )
    return distribution.relaxed_sample
