"""Score-function (REINFORCE, likelihood-ratio) gradient, with and without a baseline."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from implementations.interface.contract import Arrays, Distribution
from implementations.jax.autodiff import per_replicate_gradient, require_event_shape

__all__ = [
    "score_function",
    "score_function_constant",
    "score_function_leave_one_out",
    "score_function_optimal",
]


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
    require_event_shape(parameters, noise, distribution.draws)
    samples = noise.shape[1]
    if samples < 2:
        raise ValueError(
            f"samples is {samples}, must be at least 2: a sample's baseline is the mean of the others; draw more"
        )

    def weight(f: Array) -> Array:
        return f - (jnp.sum(f, axis=1, keepdims=True) - f) / (samples - 1)

    return _weighted_score(distribution, objective, parameters, constants, noise, weight)


def score_function_constant(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Score-function gradient with a constant baseline: (f(x) - baseline) d log p(x; parameters) / d parameters."""

    def weight(f: Array) -> Array:
        return f - constants["baseline"]

    return _weighted_score(distribution, objective, parameters, constants, noise, weight)


def score_function_optimal(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Score-function gradient with the best constant baseline of every coordinate: (f(x) - baseline_i) score_i.

    As f score_i less baseline_i score_i, since a baseline of every coordinate is no weight of a sample.
    """
    weighted = score_function(distribution, objective, parameters, constants, noise)

    def log_prob(rows: Arrays) -> Array:
        return scored_sample(distribution, objective, rows, constants, noise).log_prob

    scores = per_replicate_gradient(log_prob, parameters, replicates=noise.shape[0])
    return {name: weighted[name] - constants[f"baseline.{name}"] * scores[name] for name in parameters}


def _weighted_score(
    distribution: Distribution,
    objective: Callable[..., Array],
    parameters: Arrays,
    constants: Arrays,
    noise: Array,
    weight: Callable[[Array], Array],
) -> Arrays:
    """Return the gradient of stop(weight(f)) log p + f; the second term is f's explicit dependence on parameters."""
    require_event_shape(parameters, noise, distribution.draws)

    def surrogate(rows: Arrays) -> Array:
        _, f, log_prob = scored_sample(distribution, objective, rows, constants, noise)
        return stop_gradient(weight(f)) * log_prob + f

    return per_replicate_gradient(surrogate, parameters, replicates=noise.shape[0])


class Scored(NamedTuple):
    """A sample, held constant, and what a score-function gradient is made of.

    Attributes:
        value: [replicates, samples, *event].
        f: the objective, [replicates, samples, *factors].
        log_prob: of the same shape as f.
    """

    value: Array
    f: Array
    log_prob: Array


def scored_sample(
    distribution: Distribution, objective: Callable[..., Array], rows: Arrays, constants: Arrays, noise: Array
) -> Scored:
    """Return a sample that is held constant, its objective, and its log-probability factor by factor."""
    value = stop_gradient(distribution.sample(rows, noise))
    f = objective(value, rows, constants)
    return Scored(value, f, over_event(distribution.log_prob(value, rows), f))


def over_event(each: Array, f: Array) -> Array:
    """Sum over the event axes that f has summed over: [replicates, samples, *event] -> f's axes."""
    return jnp.sum(each, axis=tuple(range(f.ndim, each.ndim)))
