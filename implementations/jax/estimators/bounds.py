"""Gradients of bounds: the objective is a log weight, log w = log p(x, z) - log q(z; parameters)."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient
from jax.nn import logsumexp, softmax

from implementations.interface.contract import Arrays, Distribution
from implementations.jax.autodiff import per_replicate_gradient, require_event_shape
from implementations.jax.estimators.score_function import scored_sample

__all__ = ["dreg", "iwae", "sticking_the_landing", "vimco"]


def sticking_the_landing(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Pathwise gradient without the score term: parameters that the objective sees explicitly are held constant."""
    require_event_shape(parameters, noise)

    def surrogate(rows: Arrays) -> Array:
        return objective(distribution.sample(rows, noise), stop_gradient(rows), constants)

    return per_replicate_gradient(surrogate, parameters, replicates=noise.shape[0])


def iwae(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Pathwise gradient of the importance-weighted bound: d log((1/S) sum_s w_s) / d parameters."""
    require_event_shape(parameters, noise)

    def surrogate(rows: Arrays) -> Array:
        return _bound(objective(distribution.sample(rows, noise), rows, constants), axis=1)

    return per_replicate_gradient(surrogate, parameters, replicates=noise.shape[0])


def dreg(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Doubly reparameterized gradient of the bound of `iwae`: sum_s v_s^2 (d log w_s / d z_s) d z_s / d parameters."""
    require_event_shape(parameters, noise)

    def surrogate(rows: Arrays) -> Array:
        log_weights = objective(distribution.sample(rows, noise), stop_gradient(rows), constants)
        shares = softmax(stop_gradient(log_weights), axis=1)
        return jnp.sum(jnp.square(shares) * log_weights, axis=1, keepdims=True)

    return per_replicate_gradient(surrogate, parameters, replicates=noise.shape[0])


def vimco(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Score-function gradient of the importance-weighted bound, every sample's baseline made of the others.

    With samples held constant, the bound's own gradient is the second sum of the formula.
    """
    require_event_shape(parameters, noise)
    samples = noise.shape[1]
    if samples < 2:
        raise ValueError(
            f"samples is {samples}, must be at least 2: a sample's baseline is made of the others; draw more"
        )

    def surrogate(rows: Arrays) -> Array:
        _, log_weights, log_prob = scored_sample(distribution, objective, rows, constants, noise)
        bound = _bound(log_weights, axis=1)  # [replicates, 1, *factors]
        gain = stop_gradient(bound - _bounds_without(log_weights))
        return jnp.sum(gain * log_prob, axis=1, keepdims=True) + bound

    return per_replicate_gradient(surrogate, parameters, replicates=noise.shape[0])


def _bound(log_weights: Array, axis: int) -> Array:
    """Return log((1/S) sum_s w_s) over the axis of the samples, which is kept with length 1."""
    return logsumexp(log_weights, axis=axis, keepdims=True) - math.log(log_weights.shape[axis])


def _bounds_without(log_weights: Array) -> Array:
    """Return every sample's bound with its own log weight replaced by the mean of the others', in place of the sample.

    That mean is of the others alone: the difference of a sum over all and its own would cancel.
    """
    samples = log_weights.shape[1]
    own = jnp.eye(samples, dtype=bool)
    table = jnp.expand_dims(jnp.moveaxis(log_weights, 1, -1), -2)  # [replicates, *factors, 1, samples]
    others = jnp.sum(jnp.where(own, 0, table), axis=-1, keepdims=True) / (samples - 1)
    bounds = _bound(jnp.where(own, others, table), axis=-1)  # [replicates, *factors, samples, 1]
    return jnp.moveaxis(jnp.squeeze(bounds, -1), -1, 1)
