"""Many blocks of replicates in one call, each reduced to a few sums before the next is drawn."""

from __future__ import annotations

from collections.abc import Callable

from implementations.interface.contract import Array, Arrays

__all__ = ["over_blocks", "power_sums"]


def power_sums(values: Array, centre: Array, scale: Array) -> Arrays:
    """Sums over replicates of the powers of d = (values - centre) / scale that four moments are made of.

    Args:
        values: gradients [replicates, *coordinates]; 16-bit types are summed in float32.
        centre: near the mean [*coordinates], so that the moments do not cancel.
        scale: near the standard deviation (), so that the powers do not overflow.

    Returns:
        "coordinates": sums of d, d^2, d^3, d^4 [4, *coordinates]; "averages": sums of the first four powers of the mean
        over coordinates of d [4]; "squares": the same of the mean over coordinates of d^2 [4]; "crossed": sum of d
        times the mean over coordinates of d^2 [*coordinates]; "mean_squares": the mean over coordinates of d^2 itself
        [replicates], for its tail.
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
