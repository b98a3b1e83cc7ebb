"""Schedules for the temperature of a relaxation, as functions of the training step."""

from __future__ import annotations

import tensorflow as tf

from implementations.tensorflow.precision import at_least_float32

__all__ = ["constant", "exponential", "linear"]


@at_least_float32
def constant(step: tf.Tensor, initial: tf.Tensor) -> tf.Tensor:
    """Temperature that does not change: initial."""
    return tf.broadcast_to(initial, tf.broadcast_static_shape(step.shape, initial.shape))


@at_least_float32
def exponential(step: tf.Tensor, initial: tf.Tensor, rate: tf.Tensor, minimum: tf.Tensor) -> tf.Tensor:
    """Temperature that decays exponentially to a floor: max(minimum, initial * exp(-rate * step))."""
    return tf.maximum(minimum, initial * tf.exp(-rate * step))


@at_least_float32
def linear(step: tf.Tensor, initial: tf.Tensor, final: tf.Tensor, steps: tf.Tensor) -> tf.Tensor:
    """Temperature that goes in a straight line, then stays: initial + (final - initial) min(step / steps, 1).

    As a weighted mean, whose end is `final` exactly; near it the weight of `initial` is not 1 - step / steps.
    """
    remaining = tf.maximum(steps - step, 0.0) / steps
    return remaining * initial + tf.minimum(step / steps, 1.0) * final
