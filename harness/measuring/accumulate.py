"""What is kept of a stream of gradients: two arrays of its size, and sums over coordinates."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from harness.measuring.tree import Layout
from harness.statistics import intervals, moments, tails
from harness.statistics.coordinates import Coordinates, pieces
from harness.statistics.intervals import CONFIDENCE, Estimate

Float = NDArray[np.float64]


class Accumulator:
    """Gradients that went by.

    Attributes:
        layout: of one gradient.
        coordinates: mean and squared deviations of each.
        total: |g - c|^2 of every replicate, c the pilot's mean, block by block.
        largest: the largest of them.
    """

    def __init__(self, layout: Layout, centre: Float, replicates: int) -> None:
        """Begin with no gradients.

        Args:
            layout: of one gradient.
            centre: c, the mean of a pilot [coordinates].
            replicates: that will be added.
        """
        self.layout = layout
        self.coordinates = Coordinates(layout.size)
        self.total: list[Float] = []
        self.largest = np.empty(0)
        self._centre = centre
        self._size = tails.size(replicates)
        self._moments: moments.Moments | None = None
        #: powers of 2, of the size of each scalar: fourth moments of squares end at g = 1e38 and 1e-41 otherwise
        self._units = np.zeros(len(layout.leaves) + 2)

    def add(self, rows: NDArray[np.floating]) -> None:
        """Add gradients [n, coordinates]."""
        self.coordinates.add(rows)
        leaves = self.layout.leaves
        scalars = np.zeros((len(rows), len(leaves) + 2))  # |g - c|^2 of each leaf, their sum, and c.(g - c)
        for k, leaf in enumerate(leaves):
            for piece in pieces(leaf.stop - leaf.start, len(rows)):
                place = slice(leaf.start + piece.start, leaf.start + piece.stop)
                centre = self._centre[place]
                part = rows[:, place] - centre
                scalars[:, k] += np.einsum("ij,ij->i", part, part)
                scalars[:, -1] += part @ centre
        scalars[:, -2] = scalars[:, : len(leaves)].sum(axis=1)
        self._units = np.where(self._units > 0, self._units, _power_of_two(np.abs(scalars).mean(axis=0)))
        block = moments.moments(scalars / np.where(self._units > 0, self._units, 1.0))
        self._moments = block if self._moments is None else moments.merge(self._moments, block)
        self.total.append(scalars[:, -2].copy())
        self.largest = tails.keep(self.largest, scalars[:, -2], self._size)

    def _scalar(self, k: int) -> moments.Moments:
        if self._moments is None:
            raise AssertionError("no gradients were added")
        return moments.Moments(self._moments.n, *(np.asarray(part[k]) for part in self._moments[1:]))

    def _variance(self, first: int, last: int, k: int) -> Estimate:
        """Return the total variance of some coordinates, whose squared deviations are scalar k."""
        unit = float(self._units[k]) or 1.0
        trace = float(self.coordinates.second[first:last].sum()) / (self.coordinates.n - 1)
        with np.errstate(all="ignore"):
            found = intervals.of_squares(trace / unit, self._scalar(k))
        return Estimate(*(part * unit for part in found))

    def variances(self) -> list[Estimate]:
        """Return the total variance of each leaf."""
        return [self._variance(leaf.start, leaf.stop, k) for k, leaf in enumerate(self.layout.leaves)]

    def total_variance(self) -> Estimate:
        """Return the trace of the covariance."""
        return self._variance(0, self.layout.size, -2)

    def signal_to_noise(self) -> Estimate:
        """Return |E g|^2 over the trace of the covariance, bias-corrected: |mean|^2 less the trace / n.

        The variance of |mean|^2 is 4 E g.C.E g / n + 2 tr C^2 / n^2, at most 6 Var(c.g) / n for c the mean of a pilot
        of at most n replicates. Errors of signal and noise are added, whatever their correlation.
        """
        n, variance = self.coordinates.n, self.total_variance()
        with np.errstate(all="ignore"):
            mean = self.coordinates.mean
            square = float(mean @ mean) - variance.value / n
            error = math.sqrt(6 * max(float(self._scalar(-1).second), 0.0) / (n - 1) / n) * float(self._units[-1])
        reach = float(ndtri((1 + CONFIDENCE) / 2)) * error
        if not variance.value > 0:
            return Estimate(math.inf if square > 0 else math.nan, *(2 * (math.inf if square > 0 else math.nan,)))
        value = square / variance.value
        low = min(max(square - reach, 0.0) / variance.high, value)
        return Estimate(value, low, (square + reach) / variance.low if variance.low > 0 else math.inf)


def _power_of_two(sizes: Float) -> Float:
    """Return the powers of 2 next to some sizes, by which numbers are divided without a rounding; 0 for 0."""
    mantissa, exponent = np.frexp(sizes)
    return np.ldexp(np.where(mantissa > 0, 1.0, 0.0), exponent)


class Tail(NamedTuple):
    """The tail of the squared deviations, and whether an interval over it is trusted."""

    shape: float | None
    trusted: bool | None


def tail_of(largest: Float) -> Tail:
    """Return the tail of the largest squared deviations."""
    shape = tails.shape(largest)
    return Tail(shape, tails.trusted(shape))
