"""Many blocks of replicates in one call, each reduced to a few sums before the next is drawn."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from implementations.interface.contract import Arrays

__all__ = ["over_blocks", "power_sums"]


def power_sums(values: Array, centre: Array, rate: Array) -> Arrays:
    """Sums over replicates of d = values - centre, of d^2, and of powers of their means over coordinates.

    As products with vectors: XLA does not vectorize a sum along rows, whose order it would have to change.
    """
    wide = jnp.promote_types(values.dtype, jnp.float32)
    flat = (values.astype(wide) - centre.astype(wide)).reshape(len(values), -1)  # [replicates, coordinates]
    square = flat * flat
    ones, weights = jnp.ones(flat.shape[0], wide), jnp.full(flat.shape[1], 1 / flat.shape[1], wide)
    unit = rate.astype(wide)
    average, mean_square = _product(flat, weights) * unit, _product(square, weights) * (unit * unit)
    coordinates = jnp.stack([_product(ones, flat), _product(ones, square)])
    return {
        "coordinates": coordinates.reshape(2, *centre.shape),
        "averages": _powers(average),
        "squares": _powers(mean_square),
        "crossed": _product(mean_square, flat).reshape(centre.shape),
        "mean_squares": mean_square,
    }


def over_blocks(draw: Callable[[Array], Array], reduce: Callable[..., Arrays], compiled: bool) -> Callable[..., Arrays]:
    """Return (seeds [blocks], *arguments) -> reduce(*arguments, draw(seed)) of every seed, stacked on a first axis.

    One `jax.lax.scan`, random numbers included, so that XLA sees the whole body.
    """

    def run(seeds: Array, *arguments: Arrays) -> Arrays:
        def body(carry: None, seed: Array) -> tuple[None, Arrays]:
            return carry, reduce(*arguments, draw(seed))

        stacked: Arrays = jax.lax.scan(body, None, seeds)[1]
        return stacked

    def one_by_one(seeds: Array, *arguments: Arrays) -> Arrays:
        blocks = [reduce(*arguments, draw(seed)) for seed in seeds]
        return {name: jnp.stack([block[name] for block in blocks]) for name in blocks[0]}

    return jax.jit(run) if compiled else one_by_one


def _product(left: Array, right: Array) -> Array:
    """Return the matrix product in full precision, on a GPU too."""
    return jnp.matmul(left, right, precision=jax.lax.Precision.HIGHEST)


def _powers(value: Array) -> Array:
    """Return the sums of the first four powers."""
    square = value * value
    return jnp.stack([value.sum(), square.sum(), (value * square).sum(), (square * square).sum()])
