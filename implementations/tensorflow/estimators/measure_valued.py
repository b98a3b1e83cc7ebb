"""Measure-valued (weak) derivative of a normal."""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

from implementations.interface.contract import Distribution
from implementations.tensorflow.autodiff import check_noise_shape

__all__ = ["measure_valued"]


def measure_valued(
    distribution: Distribution,
    objective: Callable[..., tf.Tensor],
    parameters: dict[str, tf.Tensor],
    constants: dict[str, tf.Tensor],
    noise: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """Measure-valued gradient of a normal, coupled: differences of the objective at two changed coordinates.

    The changed coordinates lie beside the samples, so one call evaluates all of them, samples x coordinates points of
    the whole event. The point x_i = loc + scale e1 is x itself, whose objective is shared by all coordinates.
    """
    if distribution.noise != "normal":
        raise ValueError(
            f"measure_valued needs NORMAL, but the distribution has {distribution.noise} noise: "
            "use score_function or an estimator of relaxed.py"
        )
    check_noise_shape(parameters, noise, draws=3)
    replicates, samples = noise.shape[:2]
    event = parameters["loc"].shape
    size = math.prod(event)
    rows = {name: tf.broadcast_to(value, (replicates, 1, *event)) for name, value in parameters.items()}

    x = distribution.sample(rows, noise[:, :, 0])  # [replicates, samples, *event]
    here = objective(x, rows, constants)
    if here.shape.rank != 2:
        raise ValueError(
            f"the objective's value has shape {tuple(here.shape)}, but measure_valued needs one factor, "
            "(replicates, samples): sum the objective over its factors"
        )

    def changed(draw: tf.Tensor) -> tf.Tensor:
        """Objective where one coordinate after the other is made of another draw: [replicates, samples, *event]."""
        flat, other = (tf.reshape(y, (replicates, samples, 1, size)) for y in (x, distribution.sample(rows, draw)))
        points = tf.where(tf.eye(size, dtype=tf.bool), other, flat)  # [replicates, samples, size, size]
        f = objective(tf.reshape(points, (replicates, samples * size, *event)), rows, constants)
        return tf.reshape(f, (replicates, samples, *event))

    rayleigh = tf.sqrt(tf.reduce_sum(tf.square(noise[:, :, :2]), axis=2))
    maxwell = tf.sign(noise[:, :, 0]) * tf.sqrt(tf.reduce_sum(tf.square(noise), axis=2))
    by_loc = (changed(rayleigh) - changed(-rayleigh)) / math.sqrt(2.0 * math.pi)
    by_scale = changed(maxwell) - tf.reshape(here, (replicates, samples, *(1 for _ in event)))
    differences = {"loc": by_loc, "scale": by_scale}  # [replicates, samples, *event]
    return {name: tf.reduce_mean(value, axis=1) / parameters["scale"] for name, value in differences.items()}
