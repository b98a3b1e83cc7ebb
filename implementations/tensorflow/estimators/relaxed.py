"""Gradients of discrete distributions through the Gumbel-softmax (binary concrete) relaxation."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from implementations.interface.contract import Distribution
from implementations.tensorflow.autodiff import check_noise_shape, per_replicate_gradient

__all__ = ["gumbel_softmax", "straight_through_gumbel"]


def gumbel_softmax(
    distribution: Distribution,
    objective: Callable[..., tf.Tensor],
    parameters: dict[str, tf.Tensor],
    constants: dict[str, tf.Tensor],
    noise: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """Relaxed gradient: the mean over samples of d f(relaxed_sample) / d parameters."""
    relaxed_sample = _relaxation(distribution)
    check_noise_shape(parameters, noise)

    def surrogate(rows: dict[str, tf.Tensor]) -> tf.Tensor:
        return objective(relaxed_sample(rows, noise, constants["temperature"]), rows, constants)

    return per_replicate_gradient(surrogate, parameters, noise.shape[0])


def straight_through_gumbel(
    distribution: Distribution,
    objective: Callable[..., tf.Tensor],
    parameters: dict[str, tf.Tensor],
    constants: dict[str, tf.Tensor],
    noise: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """Straight-through Gumbel gradient: f and f' at the discrete sample, d x / d parameters at the relaxed one."""
    relaxed_sample = _relaxation(distribution)
    check_noise_shape(parameters, noise)

    def surrogate(rows: dict[str, tf.Tensor]) -> tf.Tensor:
        soft = relaxed_sample(rows, noise, constants["temperature"])
        value = (distribution.sample(rows, noise) - tf.stop_gradient(soft)) + soft
        return objective(value, rows, constants)

    return per_replicate_gradient(surrogate, parameters, noise.shape[0])


def _relaxation(distribution: Distribution) -> Callable[..., tf.Tensor]:
    if distribution.relaxed_sample is None:
        raise ValueError(
            f"the distribution with {distribution.noise} noise has no relaxation: "
            "use pathwise for a continuous distribution, or a discrete distribution here"
        )
    return distribution.relaxed_sample
