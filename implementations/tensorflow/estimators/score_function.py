"""Score-function (REINFORCE, likelihood-ratio) gradient, with and without a baseline."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from implementations.interface.contract import Distribution
from implementations.tensorflow.autodiff import check_noise_shape, per_replicate_gradient

__all__ = ["score_function", "score_function_leave_one_out"]


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
    samples = noise.shape[1] if noise.shape.rank > 1 else 0
    if samples < 2:
        raise ValueError(f"noise has {samples} samples per replicate, but leave-one-out needs at least 2: draw more")

    def without_baseline(f: tf.Tensor) -> tf.Tensor:
        others = tf.reduce_sum(f, axis=1, keepdims=True) - f  # [replicates, samples, *factors]
        return f - others / (samples - 1)

    return _score_function(distribution, objective, parameters, constants, noise, without_baseline)


def _score_function(
    distribution: Distribution,
    objective: Callable[..., tf.Tensor],
    parameters: dict[str, tf.Tensor],
    constants: dict[str, tf.Tensor],
    noise: tf.Tensor,
    weight: Callable[[tf.Tensor], tf.Tensor],
) -> dict[str, tf.Tensor]:
    """Gradient of stop(weight(f)) log p + f; the second f carries its explicit dependence on the parameters."""
    check_noise_shape(parameters, noise)

    def surrogate(rows: dict[str, tf.Tensor]) -> tf.Tensor:
        value = tf.stop_gradient(distribution.sample(rows, noise))
        f = objective(value, rows, constants)  # [replicates, samples, *factors]
        log_prob = distribution.log_prob(value, rows)
        event = list(range(f.shape.rank, log_prob.shape.rank))
        return tf.stop_gradient(weight(f)) * tf.reduce_sum(log_prob, axis=event) + f

    return per_replicate_gradient(surrogate, parameters, noise.shape[0])
