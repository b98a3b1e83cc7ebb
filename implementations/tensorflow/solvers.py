"""Linear systems without a matrix, on dicts of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from implementations.interface.contract import BREAKDOWN, CONVERGED, OUT_OF_ITERATIONS, STAGNATED, Solution
from implementations.interface.fisher import Product
from implementations.tensorflow.fisher import damped

__all__ = ["conjugate_gradient"]


def conjugate_gradient(
    product: Product,
    right: dict[str, tf.Tensor],
    tolerance: tf.Tensor,
    iterations: int,
    damping: tf.Tensor = 0.0,
    diagonal: dict[str, tf.Tensor] | None = None,
) -> Solution:
    """Conjugate gradient for (A + damping I) x = b, A symmetric positive definite, from x = 0."""
    dtype = next(iter(right.values())).dtype
    epsilon = float(np.finfo(dtype.as_numpy_dtype).eps)
    tolerance = tf.cast(tolerance, dtype)
    system = damped(product, damping)

    largest = tf.reduce_max(tf.stack([tf.reduce_max(tf.abs(leaf)) for leaf in right.values()]))
    scale = tf.where(largest > 0.0, largest, tf.ones_like(largest))
    b = {name: leaf / scale for name, leaf in right.items()}
    norm = tf.sqrt(dot(b, b))

    def precondition(r: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return r if diagonal is None else {name: leaf / diagonal[name] for name, leaf in r.items()}

    def met(state: dict[str, Any]) -> tf.Tensor:
        return tf.sqrt(dot(state["r"], state["r"])) <= tolerance * norm

    def unfinished(state: dict[str, Any]) -> tf.Tensor:
        ended = tf.logical_or(met(state), state["broken"])
        return tf.logical_and(state["used"] < iterations, tf.logical_not(ended))

    def advance(state: dict[str, Any]) -> tuple[dict[str, Any]]:
        old = {name: state[name] for name in ("x", "r", "p", "slope")}
        image = system(old["p"])
        along = dot(old["p"], image)
        curvature = along / dot(old["p"], old["p"])
        steepest = tf.maximum(state["steepest"], tf.abs(curvature))
        sound = curvature > epsilon * steepest  # false for NaN, too
        length = old["slope"] / along
        r = _add(old["r"], -length, image)
        z = precondition(r)
        slope = dot(r, z)
        new = {
            "x": _add(old["x"], length, old["p"]),
            "r": r,
            "p": _add(z, slope / old["slope"], old["p"]),
            "slope": slope,
        }
        kept = tf.nest.map_structure(lambda moved, stayed: tf.where(sound, moved, stayed), new, old)
        used = state["used"] + tf.cast(sound, tf.int32)
        return ({**kept, "steepest": steepest, "broken": tf.logical_not(sound), "used": used},)

    z = precondition(b)
    start = {
        "x": {name: tf.zeros_like(leaf) for name, leaf in b.items()},
        "r": b,
        "p": z,
        "slope": dot(b, z),
        "steepest": tf.zeros_like(norm),
        "broken": tf.constant(False),
        "used": tf.constant(0),
    }
    (end,) = tf.while_loop(unfinished, advance, (start,))

    remainder = _add(b, -1.0, system(end["x"]))
    residual = tf.sqrt(dot(remainder, remainder)) / tf.where(norm > 0.0, norm, tf.ones_like(norm))
    true = residual <= tf.maximum(tolerance, 10.0 * epsilon)
    status = tf.where(
        met(end), tf.where(true, CONVERGED, STAGNATED), tf.where(end["broken"], BREAKDOWN, OUT_OF_ITERATIONS)
    )
    return Solution(
        x={name: leaf * scale for name, leaf in end["x"].items()},
        status=status,
        iterations=end["used"],
        residual=residual,
    )


def dot(a: dict[str, tf.Tensor], b: dict[str, tf.Tensor]) -> tf.Tensor:
    """Inner product over all leaves."""
    return tf.add_n([tf.reduce_sum(leaf * b[name]) for name, leaf in a.items()])


def _add(a: dict[str, tf.Tensor], factor: tf.Tensor | float, b: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Return a + factor b."""
    return {name: leaf + factor * b[name] for name, leaf in a.items()}
