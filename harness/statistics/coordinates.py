"""Mean and squared deviations of every coordinate of a stream of gradients, in place, in two arrays.

A gradient may have 10^7 coordinates: temporaries hold a piece of `PIECE` numbers at a time.

Reference:
    Chan, Golub and LeVeque, Updating Formulae, 1979.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

#: Numbers in a temporary array: 2 MiB in float64, which stays in a core's cache.
PIECE = 2**18


def pieces(coordinates: int, rows: int) -> Iterator[slice]:
    """Yield slices of the coordinates such that `rows` rows of one hold at most `PIECE` numbers."""
    width = max(PIECE // max(rows, 1), 1)
    return (slice(first, min(first + width, coordinates)) for first in range(0, coordinates, width))


class Coordinates:
    """Mean and squared deviations of each coordinate, of the rows that were added.

    Attributes:
        n: rows.
        mean: [coordinates].
        second: sum over rows of (x - mean)^2 [coordinates].
    """

    def __init__(self, coordinates: int) -> None:
        """Begin with no rows."""
        self.n = 0
        self.mean: Float = np.zeros(coordinates)
        self.second: Float = np.zeros(coordinates)

    def add(self, rows: NDArray[np.floating]) -> None:
        """Add rows [n, coordinates] of any floating type; sums are in float64."""
        n = len(rows)
        if not n:
            return
        total = self.n + n
        for piece in pieces(rows.shape[1], n):
            part = np.asarray(rows[:, piece], np.float64)
            mean = part[0]
            if n > 1:  # large gradients come one by one
                mean = mean + (part - mean).mean(axis=0)  # about the first row: a constant has variance exactly 0
                self.second[piece] += np.square(part - mean).sum(axis=0)
            step = mean - self.mean[piece]
            self.mean[piece] += step * (n / total)
            step *= step
            step *= self.n * n / total
            self.second[piece] += step
        self.n = total

    def variance(self) -> Float:
        """Return the variance of each coordinate [coordinates]; NaN for fewer than 2 rows."""
        return self.second / (self.n - 1) if self.n > 1 else np.full_like(self.second, np.nan)
