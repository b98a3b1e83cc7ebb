"""Exact gradient of a discrete expectation."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from implementations.interface import outcomes
from implementations.interface.contract import Distribution
from implementations.tensorflow.autodiff import check_noise_shape, per_replicate_gradient
from implementations.tensorflow.estimators.score_function import sum_to_rank

__all__ = ["exact"]


def exact(
    distribution: Distribution,
    objective: Callable[..., tf.Tensor],
    parameters: dict[str, tf.Tensor],
    constants: dict[str, tf.Tensor],
    noise: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """Exact gradient: the sum over the support of d (p(x) f(x)) / d parameters, the same in every replicate.

    Computed once, with the points of the support in place of the samples.
    """
    if distribution.support is None:
        raise ValueError(
            f"the distribution with {distribution.noise} noise has no support that could be enumerated: "
            "use pathwise for a continuous distribution, or a discrete distribution here"
        )
    check_noise_shape(parameters, noise)
    outcomes.require_enumerable(distribution.noise, tuple(next(iter(parameters.values())).shape))
    points = distribution.support(parameters)[tf.newaxis]  # [1, points, *event]

    def expectation(rows: dict[str, tf.Tensor]) -> tf.Tensor:
        prob = tf.exp(sum_to_rank(distribution.log_prob(points, rows), 2))  # [1, points]
        return tf.reduce_sum(prob * objective(points, rows, constants), axis=1, keepdims=True)

    gradient = per_replicate_gradient(expectation, parameters, 1)
    return {name: tf.repeat(value, noise.shape[0], axis=0) for name, value in gradient.items()}
