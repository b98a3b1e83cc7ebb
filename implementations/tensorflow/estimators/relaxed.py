"""Gradients of discrete distributions through the Gumbel-softmax (binary concrete) relaxation."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from implementations.interface.contract import Distribution
from implementations.tensorflow.autodiff import check_noise_shape, per_replicate_gradient

__all__ = ["gumbel_rao", "gumbel_softmax", "straight_through", "straight_through_gumbel"]


def gumbel_softmax(
    distribution: Distribution,
    objective: Callable[..., tf.Tensor],
    parameters: dict[str, tf.Tensor],
    constants: dict[str, tf.Tensor],
    noise: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """Relaxed gradient: the mean over samples of d f(relaxed_sample) / d parameters."""
    relaxed_sample = relaxation(distribution)
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
    relaxed_sample = relaxation(distribution)
    check_noise_shape(parameters, noise)

    def surrogate(rows: dict[str, tf.Tensor]) -> tf.Tensor:
        soft = relaxed_sample(rows, noise, constants["temperature"])
        value = _forward_backward(distribution.sample(rows, noise), soft)
        return objective(value, rows, constants)

    return per_replicate_gradient(surrogate, parameters, noise.shape[0])


def straight_through(
    distribution: Distribution,
    objective: Callable[..., tf.Tensor],
    parameters: dict[str, tf.Tensor],
    constants: dict[str, tf.Tensor],
    noise: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """Straight-through gradient: f and f' at the discrete sample b, d mean / d parameters in place of its derivative.

    The mean is the same for every sample; only f' differs between them.
    """
    relaxation(distribution)
    check_noise_shape(parameters, noise)

    def surrogate(rows: dict[str, tf.Tensor]) -> tf.Tensor:
        value = _forward_backward(distribution.sample(rows, noise), distribution.mean(rows))
        return objective(value, rows, constants)

    return per_replicate_gradient(surrogate, parameters, noise.shape[0])


def gumbel_rao(
    distribution: Distribution,
    objective: Callable[..., tf.Tensor],
    parameters: dict[str, tf.Tensor],
    constants: dict[str, tf.Tensor],
    noise: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """Straight-through Gumbel gradient, its mean given the discrete sample estimated by K relaxations.

    f' at b is the same for every k, so the mean is taken of the relaxed samples, before the objective.
    """
    relaxed_sample = relaxation(distribution)
    draws = noise.shape[2] if noise.shape.rank > 2 else 0
    check_noise_shape(parameters, noise, draws=max(draws, 2))

    def surrogate(rows: dict[str, tf.Tensor]) -> tf.Tensor:
        value = distribution.sample(rows, noise[:, :, 0])
        wide = {name: row[:, :, tf.newaxis] for name, row in rows.items()}  # [replicates, 1, 1, *param]
        given = distribution.conditional_noise(wide, value[:, :, tf.newaxis], noise[:, :, 1:])
        soft = relaxed_sample(wide, tf.stop_gradient(given), constants["temperature"])
        return objective(_forward_backward(value, tf.reduce_mean(soft, axis=2)), rows, constants)

    return per_replicate_gradient(surrogate, parameters, noise.shape[0])


def relaxation(distribution: Distribution) -> Callable[..., tf.Tensor]:
    """Return the relaxation of a discrete distribution, or raise ValueError."""
    if distribution.relaxed_sample is None:
        raise ValueError(
            f"the distribution with {distribution.noise} noise has no relaxation: "
            "use pathwise for a continuous distribution, or a discrete distribution here"
        )
    return distribution.relaxed_sample


def _forward_backward(hard: tf.Tensor, soft: tf.Tensor) -> tf.Tensor:
    """Value of `hard` with the derivative of `soft`."""
    return (hard - tf.stop_gradient(soft)) + soft
