"""Score-function (REINFORCE, likelihood-ratio) gradient, with and without a baseline."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from implementations.interface.contract import Arrays, Distribution
from implementations.jax.autodiff import per_replicate_gradient, require_event_shape

__all__ = ["score_function", "score_function_leave_one_out"]


def score_function(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Score-function gradient: the mean over samples of f(x) d log p(x; parameters) / d parameters, x held constant."""
    return _weighted_score(distribution, objective, parameters, constants, noise, weight=lambda f: f)


def score_function_leave_one_out(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Score-function gradient with the mean of the other samples as baseline: f_s - sum over t != s of f_t / (S - 1).

    The baselines of a replicate come from one sum over its samples, held constant by `stop_gradient`.
    """
    require_event_shape(parameters, noise)
    samples = noise.shape[1]
    if samples < 2:
        raise ValueError(
            f"samples is {samples}, must be at least 2: a sample's baseline is the mean of the others; draw more"
        )

    def weight(f: Array) -> Array:
        return f - (jnp.sum(f, axis=1, keepdims=True) - f) / (samples - 1)

    return _weighted_score(distribution, objective, parameters, constants, noise, weight)


def _weighted_score(
    distribution: Distribution,
    objective: Callable[..., Array],
    parameters: Arrays,
    constants: Arrays,
    noise: Array,
    weight: Callable[[Array], Array],
) -> Arrays:
    """Return the gradient of stop(weight(f)) log p + f; the second term is f's explicit dependence on parameters."""
    require_event_shape(parameters, noise)

    def surrogate(rows: Arrays) -> Array:
        value = stop_gradient(distribution.sample(rows, noise))
        f = objective(value, rows, constants)  # [replicates, samples, *factors]
        log_prob = distribution.log_prob(value, rows)
        # Over the event axes that f has summed over: [replicates, samples, *factors]
        log_prob = jnp.sum(log_prob, axis=tuple(range(f.ndim, log_prob.ndim)))
        return stop_gradient(weight(f)) * log_prob + f

    return per_replicate_gradient(surrogate, parameters, replicates=noise.shape[0])
