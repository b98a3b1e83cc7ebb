"""Many blocks of replicates in one call, each reduced to a few sums before the next is drawn."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from implementations.tensorflow import runtime

__all__ = ["over_blocks", "power_sums"]

Tensors = dict[str, tf.Tensor]


def power_sums(values: tf.Tensor, centre: tf.Tensor, rate: tf.Tensor) -> Tensors:
    """Sums over replicates of d = values - centre, of d^2, and of powers of their means over coordinates.

    As products with vectors: XLA does not vectorize a sum along rows, whose order it would have to change.
    """
    wide = tf.float64 if values.dtype == tf.float64 else tf.float32
    flat = tf.reshape(tf.cast(values, wide) - tf.cast(centre, wide), [values.shape[0], -1])  # [replicates, coordinates]
    square = flat * flat
    rows, columns = flat.shape
    ones, weights = tf.ones([rows], wide), tf.fill([columns], tf.constant(1 / columns, wide))
    unit = tf.cast(rate, wide)
    average = tf.linalg.matvec(flat, weights) * unit
    mean_square = tf.linalg.matvec(square, weights) * (unit * unit)
    coordinates = tf.stack(
        [tf.linalg.matvec(flat, ones, transpose_a=True), tf.linalg.matvec(square, ones, transpose_a=True)]
    )
    return {
        "coordinates": tf.reshape(coordinates, [2, *centre.shape]),
        "averages": _powers(average),
        "squares": _powers(mean_square),
        "crossed": tf.reshape(tf.linalg.matvec(flat, mean_square, transpose_a=True), centre.shape),
        "mean_squares": mean_square,
    }


def over_blocks(
    draw: Callable[[tf.Tensor], tf.Tensor], reduce: Callable[..., Tensors], compiled: bool
) -> Callable[..., Tensors]:
    """Return (seeds [blocks], *arguments) -> reduce(*arguments, draw(seed)) of every seed, stacked on a first axis.

    A loop in a graph. The draw stays outside of XLA, whose generator on the CPU is ten times slower.
    """
    reduction = runtime.compile(reduce) if compiled else tf.function(reduce, autograph=False)

    def run(seeds: tf.Tensor, *arguments: Tensors) -> Tensors:
        def block(seed: tf.Tensor) -> Tensors:
            return reduction(*arguments, draw(seed))

        outputs = tf.function(block, autograph=False).get_concrete_function(seeds[0]).structured_outputs
        signature = tf.nest.map_structure(lambda value: tf.TensorSpec(value.shape, value.dtype), outputs)
        return tf.map_fn(block, seeds, parallel_iterations=1, fn_output_signature=signature)

    return tf.function(run, autograph=False)


def _powers(value: tf.Tensor) -> tf.Tensor:
    """Return the sums of the first four powers."""
    square = value * value
    return tf.stack([tf.reduce_sum(power) for power in (value, square, value * square, square * square)])
