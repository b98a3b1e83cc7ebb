"""Many blocks of replicates in one call, each reduced to a few sums before the next is drawn."""

from __future__ import annotations

from collections.abc import Callable

from implementations.interface.contract import Array, Arrays

__all__ = ["over_blocks", "power_sums"]


def power_sums(values: Array, centre: Array, rate: Array) -> Arrays:
    """Sums over replicates of d = values - centre, of d^2, and of powers of their means over coordinates.

    Args:
        values: gradients [replicates, *coordinates]; 16-bit types are summed in float32.
        centre: near the mean [*coordinates], so that the moments do not cancel.
        rate: near the inverse of the standard deviation (), a power of two: the means over coordinates are multiplied
            by it, so that their eighth powers neither overflow nor underflow.

    Returns:
        "coordinates": sums of d and d^2 [2, *coordinates]; "averages": sums of the first four powers of rate
        times the mean over coordinates of d [4]; "squares": the same of q = rate^2 times the mean over coordinates of
        d^2 [4]; "crossed": sum of d q [*coordinates]; "mean_squares": q itself [replicates], for its tail.
    """
    raise NotImplementedError


def over_blocks(draw: Callable[[Array], Array], reduce: Callable[..., Arrays], compiled: bool) -> Callable[..., Arrays]:
    """Return (seeds [blocks], *arguments) -> reduce(*arguments, draw(seed)) of every seed, stacked on a first axis.

    Memory holds one block at a time. `draw` is not compiled where the compiler has no quick generator of its own.

    Args:
        draw: seed -> the noise of a block; the seed is whatever `sampling` takes.
        reduce: (*arguments, noise) -> a dict of arrays.
        compiled: whether the framework compiles.
    """
    raise NotImplementedError
