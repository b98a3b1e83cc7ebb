"""Gradients of discrete distributions through the Gumbel-softmax (binary concrete) relaxation."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from implementations.interface.contract import Arrays, Distribution
from implementations.jax.autodiff import per_replicate_gradient, require_draws, require_event_shape

__all__ = ["gumbel_rao", "gumbel_softmax", "straight_through", "straight_through_gumbel"]


def gumbel_softmax(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Relaxed gradient: the mean over samples of d f(relaxed_sample) / d parameters."""
    relaxed_sample = relaxation(distribution)
    require_event_shape(parameters, noise)

    def surrogate(rows: Arrays) -> Array:
        return objective(relaxed_sample(rows, noise, constants["temperature"]), rows, constants)

    return per_replicate_gradient(surrogate, parameters, replicates=noise.shape[0])


def straight_through_gumbel(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Straight-through Gumbel gradient: f and f' at the discrete sample, d x / d parameters at the relaxed one."""
    relaxed_sample = relaxation(distribution)
    require_event_shape(parameters, noise)

    def surrogate(rows: Arrays) -> Array:
        soft = relaxed_sample(rows, noise, constants["temperature"])
        hard = distribution.sample(rows, noise)
        return objective(_moving_with(soft, hard), rows, constants)

    return per_replicate_gradient(surrogate, parameters, replicates=noise.shape[0])


def straight_through(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Straight-through gradient: f and f' at the discrete sample b, d mean / d parameters in place of its derivative.

    One mean serves all samples of a replicate.
    """
    relaxation(distribution)
    require_event_shape(parameters, noise)

    def surrogate(rows: Arrays) -> Array:
        hard = distribution.sample(rows, noise)
        return objective(_moving_with(distribution.mean(rows), hard), rows, constants)

    return per_replicate_gradient(surrogate, parameters, replicates=noise.shape[0])


def gumbel_rao(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Straight-through Gumbel gradient, its mean given the discrete sample estimated by K relaxations.

    The objective is evaluated once for each sample: f' is the same for all K.
    """
    relaxed_sample = relaxation(distribution)
    require_draws(parameters, noise)

    def surrogate(rows: Arrays) -> Array:
        hard = distribution.sample(rows, noise[:, :, 0])  # [replicates, samples, *event]
        # Beside the axis of the K draws: parameters [replicates, 1, 1, *event], sample [replicates, samples, 1, *event]
        rows_k, hard_k = {name: jnp.expand_dims(row, 2) for name, row in rows.items()}, jnp.expand_dims(hard, 2)
        given_hard = stop_gradient(distribution.conditional_noise(rows_k, hard_k, noise[:, :, 1:]))
        soft = jnp.mean(relaxed_sample(rows_k, given_hard, constants["temperature"]), axis=2)
        return objective(_moving_with(soft, hard), rows, constants)

    return per_replicate_gradient(surrogate, parameters, replicates=noise.shape[0])


def _moving_with(soft: Array, hard: Array) -> Array:
    """Return `hard`, to the last bit, with the derivative of `soft`."""
    return hard + (soft - stop_gradient(soft))


def relaxation(distribution: Distribution) -> Callable[..., Array]:
    """Return the relaxation of a discrete distribution.

    Raises:
        ValueError: it has none.
    """
    if distribution.relaxed_sample is None:
        raise ValueError(
            f"a distribution with {distribution.noise} noise has no relaxation: use a discrete one, or pathwise"
        )
    return distribution.relaxed_sample
