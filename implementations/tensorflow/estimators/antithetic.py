"""Antithetic gradients of Bernoulli variables by their logits."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from implementations.interface.contract import Distribution
from implementations.tensorflow.autodiff import check_noise_shape, per_replicate_gradient
from implementations.tensorflow.bernoulli import sigmoid

__all__ = ["arm", "disarm"]


def arm(
    distribution: Distribution,
    objective: Callable[..., tf.Tensor],
    parameters: dict[str, tf.Tensor],
    constants: dict[str, tf.Tensor],
    noise: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """ARM: (f(b) - f(b~)) (u - 1/2), with u = sigmoid(noise), b at noise and b~ at -noise."""
    half_width = 0.5 * tf.tanh(0.5 * noise)  # u - 1/2, without its cancellation
    return _antithetic(distribution, objective, parameters, constants, noise, lambda *_: half_width)


def disarm(
    distribution: Distribution,
    objective: Callable[..., tf.Tensor],
    parameters: dict[str, tf.Tensor],
    constants: dict[str, tf.Tensor],
    noise: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """DisARM: (1/2) (f(b) - f(b~)) (-1)^(b~_i) [b_i != b~_i] sigmoid(|logits_i|): ARM, its mean given b and b~.

    The sign, where the bits differ, and 0, where they do not, is b_i - b~_i.
    """

    def given_both(logits: tf.Tensor, value: tf.Tensor, mirrored: tf.Tensor) -> tf.Tensor:
        return 0.5 * (value - mirrored) * sigmoid(tf.abs(logits))

    return _antithetic(distribution, objective, parameters, constants, noise, given_both)


def _antithetic(
    distribution: Distribution,
    objective: Callable[..., tf.Tensor],
    parameters: dict[str, tf.Tensor],
    constants: dict[str, tf.Tensor],
    noise: tf.Tensor,
    direction: Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor],
) -> dict[str, tf.Tensor]:
    """Mean over samples of (f(b) - f(b~)) direction(logits, b, b~), as the gradient of its product with the logits."""
    if distribution.noise != "logistic":
        raise ValueError(
            f"arm and disarm need a distribution with logistic noise, but this one has {distribution.noise} noise: "
            "use BERNOULLI, or score_function_leave_one_out for any distribution"
        )
    check_noise_shape(parameters, noise)

    def surrogate(rows: dict[str, tf.Tensor]) -> tf.Tensor:
        logits = rows["logits"]
        value, mirrored = distribution.sample(rows, noise), distribution.sample(rows, -noise)
        change = objective(value, rows, constants) - objective(mirrored, rows, constants)
        change = tf.reshape(change, (*change.shape, *(1 for _ in range(change.shape.rank, noise.shape.rank))))
        return tf.stop_gradient(change * direction(logits, value, mirrored)) * logits

    return per_replicate_gradient(surrogate, parameters, noise.shape[0])
