"""Whether the mean of a gradient differs from the truth in any coordinate: one rule, for few and for many of them.

Some replicates choose a few directions w in the space of coordinates, others test E w.(g - truth) = 0 in each
direction. The choice costs no multiplicity, however many coordinates there are and however they depend on each other:
only the few directions are tested (`DIRECTIONS`, Bonferroni). With d the mean of g - truth over the first replicates
and V the variance of d, coordinate by coordinate,

    dense        w = d / V                      a small error of many coordinates; its sum of products with the second
                                                part's mean is the U statistic of the two
    sparse       w = d / V where |d| > 3 sqrt V an error of some
    coordinate   w = e_i, i of the largest |d| / sqrt V
    truth        w = truth / V                  a factor or a sign
    norm         w = d                          the norm |E g - truth|, in the units of the gradient

Each is a test of the mean of scalars that holds its level for every distribution whose variance the replicates show
(`robust`); an event that is in none of them is seen by no test.

Reference:
    Cox, A Note on Data-Splitting for the Evaluation of Significance Levels, 1975.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from harness.statistics import robust, tails
from harness.statistics.coordinates import Coordinates, pieces
from harness.statistics.intervals import CONFIDENCE, Estimate
from harness.statistics.truths import Truth, truth_of

Float = NDArray[np.float64]

#: Chance that a gradient without bias is called biased.
LEVEL = 1e-6

#: The directions that are tested.
DIRECTIONS = ("dense", "sparse", "coordinate", "truth", "norm")

#: Standard errors from which on a coordinate counts for the sparse direction.
SPARSE = 3.0

#: Roundings of one gradient that are no bias, in eps times its scale.
ROUNDINGS = 64

#: Weights that are computed once and held, 64 MiB in float64; those of more coordinates are computed for each block.
WEIGHTS = 2**23

#: The fewest replicates that are judged: 4 to choose, 2 for a variance, 2 to test.
LEAST = 8

#: A direction's variance counts as infinite from this tail shape of its squares on: no test of a mean has a level then.
INFINITE = 1.0


class Phases(NamedTuple):
    """How many replicates choose the directions, scale the tests, and test."""

    choose: int
    scale: int
    test: int


def phases(replicates: int) -> Phases:
    """Return the parts of a number of replicates: half choose, a sixteenth scales, the rest tests."""
    choose = replicates // 2
    scale = max(replicates // 16, 2)
    return Phases(choose, scale, replicates - choose - scale)


class Verdict(NamedTuple):
    """What is known of the bias of a gradient.

    Attributes:
        p_value: an upper bound of the chance of such a deviation without a bias, over all coordinates.
        direction: of `DIRECTIONS`, that with the least p-value.
        coordinate: the one that deviates most, as the first part of the replicates says.
        z: its deviation in standard errors, as the others say.
        value: its mean, of the others.
        truth: what it should be.
        distance: |E g - truth|, with an interval of 95 %.
        trusted: whether every direction has a finite variance, as its tail says; None where too few replicates say.
        replicates: in all.
    """

    p_value: float
    direction: str
    coordinate: int
    z: float
    value: float
    truth: float
    distance: Estimate
    trusted: bool | None
    replicates: int


class BiasTest:
    """A test to which gradients are added in the order of their replicates.

    Attributes:
        parts: replicates of each phase.
        first: mean and variance of g - truth over the replicates that choose.
        reference: the truth that chooses, or where it is a gradient too, its mean over them [coordinates].
    """

    def __init__(
        self,
        truth: Float | None,
        coordinates: int,
        replicates: int,
        *,
        eps: float | Float = 0.0,
        scale: float | Float = 0.0,
        truth_rows: Float | None = None,
        level: float = LEVEL,
    ) -> None:
        """Begin a test.

        Args:
            truth: [coordinates]; None where `add` is given gradients of the truth as well.
            coordinates: how many.
            replicates: that will be added.
            eps: machine epsilon of gradient and truth, a number or one for each coordinate.
            scale: of the numbers whose roundings are forgiven, beside mean and deviation of the coordinate.
            truth_rows: independent estimates of the truth [rows, coordinates], whose mean it is, where it has an
                error of its own.
            level: at which the test is most powerful.
        """
        self.parts = phases(replicates)
        self.replicates = replicates
        self.first = Coordinates(coordinates)
        self._truth = None if truth is None else truth_of(truth, truth_rows)
        self._others = Coordinates(coordinates) if truth is None else None
        self._eps, self._scale = eps, scale
        self._log_inverse_level = math.log(2 * len(DIRECTIONS) / level)
        self._projected: list[Float] = []
        self._added = 0
        self._coordinate = 0
        self._weights: Float | None = None
        self._first = list(range(len(DIRECTIONS)))

    @property
    def reference(self) -> Float:
        """The truth that chooses [coordinates]."""
        return self._others.mean if self._truth is None and self._others is not None else self._given.choosing

    @property
    def _given(self) -> Truth:
        if self._truth is None:
            raise AssertionError("a truth is given as numbers or as gradients")
        return self._truth

    @property
    def _tested(self) -> Float:
        """The truth that tests [coordinates]."""
        return self.reference if self._truth is None else self._truth.testing

    def add(self, rows: NDArray[np.floating], truth_rows: NDArray[np.floating] | None = None) -> None:
        """Add gradients [n, coordinates], and gradients of the truth from the same seeds where it has no numbers."""
        cut = min(max(self.parts.choose - self._added, 0), len(rows))
        if cut:
            self._choose(rows[:cut], None if truth_rows is None else truth_rows[:cut])
        if cut < len(rows):
            self._projected.append(self._project(rows[cut:], None if truth_rows is None else truth_rows[cut:]))
        self._added += len(rows)

    def _choose(self, rows: NDArray[np.floating], others: NDArray[np.floating] | None) -> None:
        if others is not None and self._others is not None:
            self._others.add(others)
            self.first.add(np.asarray(rows, np.float64) - others)
        else:
            self.first.add(rows)

    def _difference(self, piece: slice) -> Float:
        """Return the mean of g - truth over the replicates that choose, of some coordinates."""
        mean = self.first.mean[piece]
        return mean if self._truth is None else mean - self._truth.choosing[piece]

    def rounding(self, piece: slice) -> Float:
        """Return what rounding may do to a gradient, of some coordinates: `ROUNDINGS` eps times its scale."""
        part = self.first
        deviation = np.sqrt(part.second[piece] / max(part.n - 1, 1))
        scale = self._scale if isinstance(self._scale, float) else self._scale[piece]
        eps = self._eps if isinstance(self._eps, float) else self._eps[piece]
        return ROUNDINGS * eps * (np.abs(self.reference[piece]) + np.abs(part.mean[piece]) + deviation + scale)

    def _variance(self, piece: slice) -> Float:
        """Return the variance of `_difference`, with that of rounding and of the truth, above 0."""
        part = self.first
        error = part.second[piece] / (max(part.n - 1, 1) * max(part.n, 1)) + self.rounding(piece) ** 2
        if self._truth is not None and not self._truth.certain:
            error = error + np.asarray(self._truth.variance)[piece]
        # a constant that is off would have an infinite weight
        return np.maximum(error, np.maximum((1e-12 * self._difference(piece)) ** 2, np.finfo(np.float64).tiny))

    def _direction(self, piece: slice) -> Float:
        """Return the weights of some coordinates [directions, coordinates], but of that of one coordinate."""
        d, v = self._difference(piece), self._variance(piece)
        dense = d / v
        sparse = np.where(d * d > SPARSE**2 * v, dense, 0.0)
        return np.stack([dense, sparse, np.zeros_like(d), self.reference[piece] / v, d])

    def _settle(self) -> None:
        """Choose the coordinate, once, and the size of each direction, so that no weight is too large or too small."""
        best = -1.0
        size, forgiven = np.zeros(len(DIRECTIONS)), np.zeros(len(DIRECTIONS))
        whole = list(self._pieces())
        for piece in whole:
            d, v = self._difference(piece), self._variance(piece)
            z = np.abs(d) / np.sqrt(v)
            place = int(np.argmax(z))
            if z[place] > best:
                best, self._coordinate = float(z[place]), piece.start + place
            size = np.maximum(size, np.abs(self._direction(piece)).max(axis=1, initial=0.0))
        self._size = np.where(size > 0, size, 1.0)[:, None]
        for piece in whole:
            forgiven += np.abs(self._direction(piece) / self._size) @ self.rounding(piece)
        one = slice(self._coordinate, self._coordinate + 1)
        forgiven[DIRECTIONS.index("coordinate")] = self.rounding(one)[0]
        self._forgiven = forgiven
        if len(self.first.mean) * len(DIRECTIONS) <= WEIGHTS:
            self._weights = np.concatenate([self._direction(piece) / self._size for piece in whole], axis=1)
            self._first = _first_of_its_kind(self._weights, self._coordinate)

    def _project(self, rows: NDArray[np.floating], others: NDArray[np.floating] | None) -> Float:
        """Return w.(g - truth) for each direction [n, directions]."""
        if not hasattr(self, "_forgiven"):
            self._settle()
        found = np.zeros((len(rows), len(DIRECTIONS)))
        for piece in pieces(rows.shape[1], len(rows) + 2 * len(DIRECTIONS)):
            part = np.asarray(rows[:, piece], np.float64)
            part = part - (self._tested[piece] if others is None else others[:, piece])
            weights = self._direction(piece) / self._size if self._weights is None else self._weights[:, piece]
            found += part @ weights.T
        one = self._coordinate
        column = np.asarray(rows[:, one], np.float64) - (self._tested[one] if others is None else others[:, one])
        found[:, DIRECTIONS.index("coordinate")] = column
        return found

    def moments(self) -> tuple[Float, Float, Float, Float]:
        """Return mean, its standard error, truth, and that of the truth, of the replicates that chose [coordinates].

        What looks at them for a pattern does not see the replicates that test. Where the truth is a gradient too, the
        error of the difference is the mean's, and the truth has none.
        """
        mean = self.first.mean if self._others is None else self.first.mean + self._others.mean
        error = np.sqrt(self.first.second / (max(self.first.n - 1, 1) * self.first.n))
        variance = 0.0 if self._truth is None else self._truth.variance
        return mean, error, self.reference, np.sqrt(np.broadcast_to(variance, mean.shape))

    def verdict(self) -> Verdict:
        """Return what is known after all replicates."""
        if self._added < max(self.replicates, LEAST):
            raise AssertionError(f"{self._added} of {max(self.replicates, LEAST)} replicates were added")
        projected = np.concatenate(self._projected)
        scale, test = projected[: self.parts.scale], projected[self.parts.scale :]
        truth_errors = self._truth_errors()
        forgiven = self._forgiven.copy()
        if self._truth is not None:
            forgiven += self._truth.quantile(self._log_inverse_level) * truth_errors
        tests = {
            k: robust.log_p_value(test[:, k], float(scale[:, k].var(ddof=1)), self._log_inverse_level, forgiven[k])
            for k in sorted(set(self._first))
        }
        log_p = np.array([tests[k] for k in self._first])
        shapes = [_tail(test[:, k]) for k in tests]
        least = int(np.argmin(log_p))
        one, norm = DIRECTIONS.index("coordinate"), DIRECTIONS.index("norm")
        column = test[:, one]
        sampling = float(column.std(ddof=1)) / math.sqrt(len(column))
        error = math.hypot(sampling, float(self._forgiven[one]), float(truth_errors[one]))
        mean = float(column.mean())
        known = [shape < INFINITE for shape in shapes if shape is not None]
        log_bound = max(float(log_p[least]), robust.log_least(len(test))) + math.log(len(DIRECTIONS))
        return Verdict(
            p_value=math.exp(min(log_bound, 0.0)),
            direction=DIRECTIONS[least],
            coordinate=self._coordinate,
            z=mean / error if error > 0 else math.copysign(math.inf, mean) if mean else 0.0,
            value=mean + float(self._tested[self._coordinate]),
            truth=float(self._tested[self._coordinate]),
            distance=self._distance(test[:, norm], float(truth_errors[norm])),
            trusted=all(known) if known else None,
            replicates=self._added,
        )

    def forgiven_norm(self) -> float:
        """Return up to which norm a bias may pass as rounding, or as an error of the truth, wherever it is."""
        rounding = math.sqrt(sum(float(np.square(self.rounding(piece)).sum()) for piece in self._pieces()))
        if self._truth is None:
            return rounding
        return rounding + self._truth.quantile(self._log_inverse_level) * self._truth.largest_error()

    def _pieces(self) -> Iterator[slice]:
        return pieces(len(self.first.mean), 2 * len(DIRECTIONS))

    def _truth_errors(self) -> Float:
        """Return the standard error of the truth that tests in each direction."""
        if self._truth is None or self._truth.certain:
            return np.zeros(len(DIRECTIONS))
        rows = self._truth.rows
        shares = np.zeros((len(rows), len(DIRECTIONS)))
        for piece in pieces(len(self.first.mean), len(rows) + 2 * len(DIRECTIONS)):
            shares += rows[:, piece] @ (self._direction(piece) / self._size).T
        shares[:, DIRECTIONS.index("coordinate")] = rows[:, self._coordinate]
        errors: Float = shares.std(axis=0, ddof=1) / math.sqrt(len(rows))
        return errors

    def _distance(self, products: Float, truth_error: float) -> Estimate:
        """Return |E g - truth| from products d.(g - truth): their mean has the expectation |E g - truth|^2.

        With d = b + e and b the bias, their variance is Var b.g + Var e.g, so that of the mean over the second part,
        which the first part's share Var b.e joins, is at most variance (1 / second + 1 / first). An error of the truth
        adds its own in both parts, likewise.

        Args:
            products: of the replicates that test, over the size of the direction.
            truth_error: standard error of d.truth in the second part, likewise.
        """
        size = float(self._size[DIRECTIONS.index("norm"), 0])
        square = float(products.mean()) * size
        sampling = float(products.var(ddof=1)) * (1 / len(products) + 1 / self.first.n)
        own = 0.0 if self._truth is None else truth_error * math.sqrt(1 + self._truth.ratio)
        error = math.hypot(math.sqrt(sampling), own) * size
        reach = float(ndtri((1 + CONFIDENCE) / 2)) * error
        value, low, high = (math.sqrt(max(x, 0.0)) for x in (square, square - reach, square + reach))
        return Estimate(value, low, high, error / (2 * value) if value else math.nan)


def _first_of_its_kind(weights: Float, coordinate: int) -> list[int]:
    """Return for each direction the number of the first with the same weights up to sign and scale.

    They are the same test: of one coordinate all are.

    Args:
        weights: [directions, coordinates], the largest of each direction 1 in size, or all 0.
        coordinate: that of the direction of one coordinate, whose weights are not given.
    """
    unit = weights.copy()
    unit[DIRECTIONS.index("coordinate"), coordinate] = 1.0
    largest = np.take_along_axis(unit, np.abs(unit).argmax(axis=1)[:, None], axis=1)
    unit *= np.where(largest < 0, -1.0, 1.0)
    return [next(other for other in range(k + 1) if np.array_equal(unit[other], unit[k])) for k in range(len(unit))]


def _tail(values: Float) -> float | None:
    squares = np.square(values - values.mean())
    return tails.shape(tails.keep(np.empty(0), squares, tails.size(len(values))))
