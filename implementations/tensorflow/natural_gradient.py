"""Natural gradient with a trust region on the KL divergence."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from implementations.interface.contract import Family, Step
from implementations.interface.fisher import Outputs
from implementations.interface.natural_gradient import SLACK
from implementations.tensorflow.autodiff import value_and_gradient
from implementations.tensorflow.fisher import gauss_newton, mean_over_examples
from implementations.tensorflow.solvers import conjugate_gradient, dot

__all__ = ["natural_gradient"]


def natural_gradient(
    loss: Callable[[dict[str, tf.Tensor]], tf.Tensor],
    family: Family,
    outputs: Outputs,
    parameters: dict[str, tf.Tensor],
    learning_rate: tf.Tensor,
    radius: tf.Tensor,
    damping: tf.Tensor,
    tolerance: tf.Tensor,
    iterations: int,
    halvings: int,
) -> tuple[dict[str, tf.Tensor], Step]:
    """Natural-gradient step: parameters - length d, (F + damping I) d = gradient, within a trust region on the KL."""
    before, gradient = value_and_gradient(loss, parameters)
    fisher = gauss_newton(family.fisher, outputs, parameters)
    solution = conjugate_gradient(fisher, gradient, tolerance, iterations, damping)
    direction = solution.x
    curvature = dot(direction, fisher(direction))
    old = {name: tf.stop_gradient(value) for name, value in outputs(parameters).items()}
    learning_rate, radius = tf.cast(learning_rate, before.dtype), tf.cast(radius, before.dtype)

    curved = curvature > 0.0
    longest = tf.sqrt(2.0 * radius / tf.where(curved, curvature, tf.ones_like(curvature)))
    first = tf.where(curved, tf.minimum(learning_rate, longest), learning_rate)

    def move(length: tf.Tensor) -> dict[str, tf.Tensor]:
        return {name: value - length * direction[name] for name, value in parameters.items()}

    def rejected(tried: tf.Tensor, length: tf.Tensor, kl: tf.Tensor, accepted: tf.Tensor) -> tf.Tensor:
        del length, kl
        return tf.logical_and(tried <= halvings, tf.logical_not(accepted))

    def attempt(
        tried: tf.Tensor, length: tf.Tensor, kl: tf.Tensor, accepted: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        del kl, accepted
        candidate = move(length)
        kl = mean_over_examples(family.kl(old, outputs(candidate)))
        within = tf.logical_and(kl <= SLACK * radius, loss(candidate) <= before)  # false for NaN
        return tried + 1, tf.where(within, length, 0.5 * length), kl, within

    start = (tf.constant(0), first, tf.zeros_like(before), tf.constant(False))
    tried, length, kl, accepted = tf.while_loop(rejected, attempt, start)
    zero = tf.zeros_like(before)
    length = tf.where(accepted, length, zero)
    moved = {name: tf.where(accepted, value, parameters[name]) for name, value in move(length).items()}
    return moved, Step(
        loss=before,
        kl=tf.where(accepted, kl, zero),
        predicted_kl=tf.where(accepted, 0.5 * tf.square(length) * curvature, zero),
        length=length,
        halvings=tried - 1,
        status=solution.status,
        iterations=solution.iterations,
        residual=solution.residual,
    )
