"""Linear systems without a matrix, on dicts of arrays."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from implementations.interface.contract import (
    BREAKDOWN,
    CONVERGED,
    OUT_OF_ITERATIONS,
    STAGNATED,
    Arrays,
    Solution,
)
from implementations.interface.fisher import Product
from implementations.jax import fisher

__all__ = ["conjugate_gradient"]


class _State(NamedTuple):
    """Iterate, residual, direction, residual.(residual / diagonal), largest curvature, directions used, broken."""

    x: Arrays
    residual: Arrays
    direction: Arrays
    slope: Array
    largest: Array
    iterations: Array
    broken: Array


def dot(left: Arrays, right: Arrays) -> Array:
    """Inner product over all leaves."""
    return sum(jnp.vdot(left[name], right[name]) for name in left)


def _plus(left: Arrays, factor: Array, right: Arrays) -> Arrays:
    """Return left + factor * right."""
    return jax.tree.map(lambda a, b: a + factor * b, left, right)


def conjugate_gradient(
    product: Product,
    right: Arrays,
    tolerance: Array,
    iterations: int,
    damping: Array = 0.0,
    diagonal: Arrays | None = None,
) -> Solution:
    """Conjugate gradient for (A + damping I) x = b, A symmetric positive definite, from x = 0.

    One `lax.while_loop`, so that a whole solve is one compiled program.
    """
    size = jnp.max(jnp.stack([jnp.max(jnp.abs(part)) for part in right.values()]))
    b = jax.tree.map(lambda part: part / jnp.where(size == 0, 1, size), right)
    norm, eps = jnp.sqrt(dot(b, b)), jnp.finfo(size.dtype).eps
    system = fisher.damped(product, damping)

    def precondition(residual: Arrays) -> Arrays:
        return residual if diagonal is None else jax.tree.map(jnp.divide, residual, diagonal)

    def unfinished(state: _State) -> Array:
        met = jnp.sqrt(dot(state.residual, state.residual)) <= tolerance * norm  # False where it is NaN
        return ~met & ~state.broken & (state.iterations < iterations)

    def advance(state: _State) -> _State:
        along = system(state.direction)
        curvature = dot(state.direction, along)
        ratio = curvature / dot(state.direction, state.direction)
        largest = jnp.maximum(state.largest, jnp.abs(ratio))
        length = state.slope / curvature
        residual = _plus(state.residual, -length, along)
        scaled = precondition(residual)
        slope = dot(residual, scaled)
        moved = _State(
            x=_plus(state.x, length, state.direction),
            residual=residual,
            direction=_plus(scaled, slope / state.slope, state.direction),
            slope=slope,
            largest=largest,
            iterations=state.iterations + 1,
            broken=state.broken,
        )
        broken = ~(ratio > eps * largest)  # True where it is NaN
        return jax.tree.map(lambda old, new: jnp.where(broken, old, new), state._replace(broken=broken), moved)

    scaled = precondition(b)
    start = _State(
        x=jax.tree.map(jnp.zeros_like, b),
        residual=b,
        direction=scaled,
        slope=dot(b, scaled),
        largest=jnp.zeros_like(size),
        iterations=jnp.zeros((), jnp.int32),
        broken=jnp.zeros((), bool),
    )
    end = jax.lax.while_loop(unfinished, advance, start)
    remainder = _plus(b, -1.0, system(end.x))
    true = jnp.sqrt(dot(remainder, remainder)) / jnp.where(norm == 0, 1, norm)
    met = jnp.sqrt(dot(end.residual, end.residual)) <= tolerance * norm
    agreed = true <= jnp.maximum(tolerance, 10 * eps)
    status = jnp.where(
        met,
        jnp.where(agreed, CONVERGED, STAGNATED),
        jnp.where(end.broken, BREAKDOWN, OUT_OF_ITERATIONS),
    ).astype(jnp.int32)
    return Solution(jax.tree.map(lambda part: part * size, end.x), status, end.iterations, true)
