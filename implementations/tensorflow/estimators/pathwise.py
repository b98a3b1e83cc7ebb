"""Pathwise (reparameterization) gradient."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from implementations.interface.contract import Distribution
from implementations.tensorflow.autodiff import check_noise_shape, per_replicate_gradient

__all__ = ["pathwise", "pathwise_antithetic"]


def pathwise(
    distribution: Distribution,
    objective: Callable[..., tf.Tensor],
    parameters: dict[str, tf.Tensor],
    constants: dict[str, tf.Tensor],
    noise: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """Pathwise gradient: the mean over samples of d f(g(noise, parameters)) / d parameters, x = g(noise, parameters).

    The tape records the sample, so its chain rule through g is the estimator.
    """
    check_noise_shape(parameters, noise)

    def surrogate(rows: dict[str, tf.Tensor]) -> tf.Tensor:
        return objective(distribution.sample(rows, noise), rows, constants)

    return per_replicate_gradient(surrogate, parameters, noise.shape[0])


def pathwise_antithetic(
    distribution: Distribution,
    objective: Callable[..., tf.Tensor],
    parameters: dict[str, tf.Tensor],
    constants: dict[str, tf.Tensor],
    noise: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """Pathwise gradient on pairs: the mean over samples of those at noise and at -noise."""
    check_noise_shape(parameters, noise)

    def surrogate(rows: dict[str, tf.Tensor]) -> tf.Tensor:
        at_noise, mirrored = (objective(distribution.sample(rows, e), rows, constants) for e in (noise, -noise))
        return 0.5 * (at_noise + mirrored)

    return per_replicate_gradient(surrogate, parameters, noise.shape[0])
