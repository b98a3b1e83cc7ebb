"""How much of the difference of two functions rounding explains, from evaluations at inputs moved by roundings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from harness.testing.ports.inputs import EPSILON, RANGE

Array = NDArray[np.float64]
#: Floating inputs -> all numbers of a function as one vector.
Numbers = Callable[[Sequence[Array]], Array]

#: Pairs of moved inputs at each size of the moves.
PAIRS = 12
#: The second move of a pair is the first one times minus this. It is not 1: the errors of roundings at opposite sides
#: of a number that is exact are opposite too, so that their mean would hide them.
RATIO = 0.6
#: Chance that the noise of one assertion is called a difference, over all of its numbers.
LEVEL = 1e-6
#: Roundings of the result that are explained: the frameworks' special functions are off by up to 32, in each function.
#: In 16 bits they are computed in float32 and rounded once.
ROUNDINGS = {"bfloat16": 4, "float16": 4, "float32": 64, "float64": 64}
#: The smallest moves are of 1 to this many roundings: what the frameworks' exp and log are off by.
STEPS = {"bfloat16": 2, "float16": 2, "float32": 8, "float64": 8}
#: Standard deviations of the result under the smallest moves that are explained.
MOVED = 4
#: Moves by which a number changes by more than this part of itself are not small for it.
SMALL = 0.03


class Explained(NamedTuple):
    """What rounding explains of the difference of two functions, number by number.

    Attributes:
        budget: the largest explained difference.
        unmoved: for each function, whether no move changed the number.
        nearest: smallest difference at inputs moved by a few roundings.
    """

    budget: Array
    unmoved: tuple[NDArray[np.bool_], NDArray[np.bool_]]
    nearest: Array


def rounded(values: Array, dtype: str) -> Array:
    """Return numbers rounded to a dtype, as float64; what is too large for it becomes infinite."""
    if dtype == "float64":
        return values
    fraction, exponent = np.frexp(values)
    digits = 2 / EPSILON[dtype]
    near = np.ldexp(np.round(fraction * digits) / digits, exponent)
    return np.where(np.abs(near) > RANGE[dtype][1], np.copysign(np.inf, values), near)


def sizes(dtype: str) -> tuple[float, float, float]:
    """Return the largest moves of each kind, in roundings: a few of them, a quarter of the digits, half of them."""
    eps, few = EPSILON[dtype], float(STEPS[dtype])
    return few, max(few, eps**-0.25), max(few, eps**-0.5)


def moved(points: Sequence[Array], dtype: str, size: float, zeros: bool, rng: np.random.Generator) -> list[list[Array]]:
    """Return the inputs moved at random, and moved the other way by `RATIO` of that.

    Args:
        points: the inputs.
        dtype: that they are rounded to.
        size: the largest relative move, in roundings.
        zeros: whether zeros are moved too, relative to the largest number of their array.
        rng: draws sign and size of each number's move.
    """
    steps = []
    for point in points:
        shape = np.shape(point)
        few = size == STEPS[dtype]
        reach = rng.integers(1, STEPS[dtype] + 1, shape) if few else size * rng.uniform(0.5, 1.0, shape)
        largest = (np.max(np.abs(point), initial=0.0) or 1.0) if zeros else 0.0
        magnitude = np.where(point == 0, largest, np.abs(point))
        steps.append(rng.choice([-1.0, 1.0], shape) * reach * EPSILON[dtype] * magnitude)
    return [
        [rounded(point + way * step, dtype) for point, step in zip(points, steps, strict=True)] for way in (1.0, -RATIO)
    ]


class Sums:
    """Sums over draws of each number's values, by which draws with a value that is not finite are skipped."""

    def __init__(self, numbers: int) -> None:
        self.count = np.zeros(numbers)
        self.mean = np.zeros(numbers)
        self.squares = np.zeros(numbers)

    def add(self, values: Array) -> None:
        """Add one draw."""
        finite = np.isfinite(values)
        self.count += finite
        change = np.where(finite, values - self.mean, 0.0)
        self.mean += change / np.maximum(self.count, 1)
        self.squares += np.where(finite, change * (values - self.mean), 0.0)

    @property
    def deviation(self) -> Array:
        """The standard deviation."""
        return np.sqrt(self.squares / np.maximum(self.count - 1, 1))

    @property
    def root_mean_square(self) -> Array:
        """The root of the mean square."""
        return np.sqrt(self.squares / np.maximum(self.count, 1) + self.mean**2)


def explain(first: Numbers, second: Numbers, points: Sequence[Array], dtype: str, seed: int) -> Explained:
    """Return what rounding explains of the difference of two functions, number by number.

    Args:
        first: a function.
        second: another.
        points: inputs, rounded to the dtype.
        dtype: the coarsest that they compute in.
        seed: of the moves.
    """
    with np.errstate(all="ignore"):
        base = (first(points), second(points))
        n = len(base[0])
        magnitude = np.nan_to_num(np.fmax(np.abs(base[0]), np.abs(base[1])), posinf=0.0)
        rng = np.random.default_rng([seed, 1])
        unmoved = (np.ones(n, dtype=bool), np.ones(n, dtype=bool))
        sensitivity = (Sums(n), Sums(n))
        explained, nearest = np.zeros(n), np.full(n, np.inf)
        for size, zeros in _kinds(points, dtype):
            fine = size == STEPS[dtype]
            noise, change = Sums(n), np.zeros(n)
            for _ in range(PAIRS):
                pairs = [(first(inputs), second(inputs)) for inputs in moved(points, dtype, size, zeros, rng)]
                there, back = (f - g for f, g in pairs)
                # weighted so that what is linear in the move cancels, and scaled to the variance of one difference
                noise.add((RATIO * there + back) / np.hypot(RATIO, 1))
                if fine:
                    nearest = np.fmin(nearest, np.fmin(np.abs(there), np.abs(back)))
                for side, value in ((side, pair[side]) for pair in pairs for side in (0, 1)):
                    by = value - base[side]
                    change = np.fmax(change, np.where(np.isfinite(by), np.abs(by), 0.0))
                    unmoved[side][...] &= by == 0
                    if fine and not zeros:
                        sensitivity[side].add(by)
            # the difference itself is one more draw of noise whose size is estimated from the others: Student's t
            bound = stats.t.isf(LEVEL / (2 * n), np.maximum(noise.count - 1, 1)) * noise.deviation
            explained = np.fmax(explained, np.where(fine | (change <= SMALL * magnitude), bound, 0.0))
        condition = np.fmin(*(sums.root_mean_square for sums in sensitivity))
        floor = ROUNDINGS[dtype] * EPSILON[dtype] * magnitude + MOVED * condition + 2 * RANGE[dtype][0]
        return Explained(floor + explained, unmoved, nearest)


def _kinds(points: Sequence[Array], dtype: str) -> list[tuple[float, bool]]:
    """Return the kinds of moves: their sizes, and whether zeros are moved."""
    zeros = any(np.any(point == 0) for point in points)
    return [(size, False) for size in sizes(dtype)] + [(float(STEPS[dtype]), True)] * zeros
