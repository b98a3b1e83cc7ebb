"""Score-function (REINFORCE, likelihood-ratio) gradient, with and without a baseline."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from implementations.interface.contract import Distribution
from implementations.tensorflow.autodiff import check_noise_shape, per_replicate_gradient

__all__ = [
    "score_function",
    "score_function_constant",
    "score_function_leave_one_out",
    "score_function_optimal",
]


def score_function(
    distribution: Distribution,
    objective: Callable[..., tf.Tensor],
    parameters: dict[str, tf.Tensor],
    constants: dict[str, tf.Tensor],
    noise: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """Score-function gradient: the mean over samples of f(x) d log p(x; parameters) / d parameters, x held constant."""
    return _score_function(distribution, objective, parameters, constants, noise, tf.identity)


def score_function_leave_one_out(
    distribution: Distribution,
    objective: Callable[..., tf.Tensor],
    parameters: dict[str, tf.Tensor],
    constants: dict[str, tf.Tensor],
    noise: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """Score-function gradient with the mean of the other samples as baseline: f_s - sum over t != s of f_t / (S - 1).

    The sum of the others is the sum of all less their own, so no samples-by-samples array is formed.
    """
    check_samples(noise)
    return _score_function(distribution, objective, parameters, constants, noise, lambda f: f - mean_of_others(f))


def score_function_constant(
    distribution: Distribution,
    objective: Callable[..., tf.Tensor],
    parameters: dict[str, tf.Tensor],
    constants: dict[str, tf.Tensor],
    noise: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """Score-function gradient with a constant baseline: (f(x) - baseline) d log p(x; parameters) / d parameters."""
    return _score_function(distribution, objective, parameters, constants, noise, lambda f: f - constants["baseline"])


def score_function_optimal(
    distribution: Distribution,
    objective: Callable[..., tf.Tensor],
    parameters: dict[str, tf.Tensor],
    constants: dict[str, tf.Tensor],
    noise: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """Score-function gradient with the best constant baseline of every coordinate: (f(x) - baseline_i) score_i.

    A baseline is the same for every sample, so it multiplies the mean score.
    """
    gradient = score_function(distribution, objective, parameters, constants, noise)

    def log_prob(rows: dict[str, tf.Tensor]) -> tf.Tensor:
        return distribution.log_prob(tf.stop_gradient(distribution.sample(rows, noise)), rows)

    score = per_replicate_gradient(log_prob, parameters, noise.shape[0])
    return {name: gradient[name] - constants[f"baseline.{name}"] * score[name] for name in parameters}


def check_samples(noise: tf.Tensor) -> None:
    """Refuse noise without a second sample, of which a leave-one-out baseline is made.

    Raises:
        ValueError: noise has fewer than two samples.
    """
    samples = noise.shape[1] if noise.shape.rank > 1 else 0
    if samples < 2:
        raise ValueError(f"noise has {samples} samples per replicate, but leave-one-out needs at least 2: draw more")


def mean_of_others(f: tf.Tensor) -> tf.Tensor:
    """Return for every sample the mean of f over all samples but that one."""
    return (tf.reduce_sum(f, axis=1, keepdims=True) - f) / (f.shape[1] - 1)  # [replicates, samples, *factors]


def sum_to_rank(terms: tf.Tensor, rank: int) -> tf.Tensor:
    """Return terms summed over the axes from `rank` on: the event axes that the objective sums over."""
    return tf.reduce_sum(terms, axis=list(range(rank, terms.shape.rank)))


def weighted_score(
    distribution: Distribution, value: tf.Tensor, rows: dict[str, tf.Tensor], weight: tf.Tensor
) -> tf.Tensor:
    """Return a surrogate whose gradient is weight d log p(value) / d parameters.

    The weight, [replicates, samples, *factors], is held constant here, the value by the caller.
    """
    return tf.stop_gradient(weight) * sum_to_rank(distribution.log_prob(value, rows), weight.shape.rank)


def _score_function(
    distribution: Distribution,
    objective: Callable[..., tf.Tensor],
    parameters: dict[str, tf.Tensor],
    constants: dict[str, tf.Tensor],
    noise: tf.Tensor,
    weight: Callable[[tf.Tensor], tf.Tensor],
) -> dict[str, tf.Tensor]:
    """Gradient of stop(weight(f)) log p + f; the second f carries its explicit dependence on the parameters."""
    check_noise_shape(parameters, noise, draws=distribution.draws or None)

    def surrogate(rows: dict[str, tf.Tensor]) -> tf.Tensor:
        value = tf.stop_gradient(distribution.sample(rows, noise))
        f = objective(value, rows, constants)  # [replicates, samples, *factors]
        return weighted_score(distribution, value, rows, weight(f)) + f

    return per_replicate_gradient(surrogate, parameters, noise.shape[0])
