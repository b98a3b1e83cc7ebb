"""How many gradients a question takes, computed from a pilot before they are drawn, and what a number of them shows.

A bias b of the norm delta is seen by `bias.BiasTest`, whose n replicates are half for choosing and half for testing, if

* it is in one coordinate of variance s^2: both halves see |b| sqrt(n / 2) / s standard errors, of which the choice
  among D coordinates takes sqrt(2 log D) and the test c;
* it is spread over all coordinates with any signs, |b_i| in proportion to s_i: with x = sum b_i^2 / s_i^2 n / 2, the
  direction d / V has the mean x and the variance x l + r l in units of the second half, r = tr R^2 of the correlation
  matrix R (the squared length of noise on noise) and l the quantile of a quadratic form of D^2 / r effective
  coordinates, so that x - q sqrt(x l) >= c sqrt(x l + r l);
* it is a factor of the truth: the direction truth / V sees it with the pilot's standard deviation in that direction.

q is the normal quantile of the power and c = sqrt(2 L) (1 + margin / 2) + q the test's, L the logarithm of the inverse
level (`robust`). Errors of a bias in a few coordinates are between the first two.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtri

from harness.statistics import robust
from harness.statistics.bias import DIRECTIONS, LEVEL, phases

Float = NDArray[np.float64]

#: Chance that a bias of the stated size is found.
POWER = 0.99

#: The fewest replicates of a test.
LEAST = 1024

#: Halves of the replicates that choose and test, and the sixteenth between them.
PARTS = 2 + 1 / 8

#: Replicates that test, per unit of the kurtosis less 1: the margin of a variance (`robust.margin`) is then at most
#: 1/2, and the tail's shape known well enough.
PER_KURTOSIS = 64

#: Standard errors by which the pilot's variances are raised.
CAUTION = 2.0


class Pilot(NamedTuple):
    """What sizes are computed from.

    Attributes:
        coordinates: D.
        largest: standard deviation of the noisiest coordinate.
        typical: root mean square of the standard deviations.
        along: standard deviation of truth.V^-1.g over |truth| truth.V^-1.truth: in the direction of the truth; 0 where
            none is given.
        alone: |truth| over the largest |truth_i| / s_i.
        correlation: r = tr R^2, between D for independent coordinates and D^2 for copies of one.
        kurtosis: the largest E (g - mean)^4 / variance^2 of a coordinate.
        skewness: the largest |E (g - mean)^3| / variance^1.5.
        spread: variance of |g - mean|^2 over replicates, relative to its squared mean.
    """

    coordinates: int
    largest: float
    typical: float
    along: float
    alone: float
    correlation: float
    kurtosis: float
    skewness: float
    spread: float


def pilot(rows: NDArray[np.floating], truth: Float | None = None) -> Pilot:
    """Return what a pilot shows.

    Args:
        rows: gradients [n, coordinates], n at least 4.
        truth: [coordinates], where one is known.
    """
    n, coordinates = rows.shape
    width = max(2**18 // n, 1)
    squares, products, along = np.zeros(n), np.zeros(n // 2), np.zeros(n)
    largest = total = kurtosis = skewness = weighted = peak = 0.0
    for first in range(0, coordinates, width):
        piece = slice(first, first + width)
        part = np.asarray(rows[:, piece], np.float64)
        part = part - part.mean(axis=0)
        variance = np.square(part).sum(axis=0) / (n - 1)
        squares += np.square(part).sum(axis=1)
        largest, total = max(largest, float(variance.max())), total + float(variance.sum())
        varying = variance > 0
        unit = part[:, varying] / np.sqrt(variance[varying])
        if not unit.size:
            continue
        square = unit * unit  # the power function is twenty times slower
        kurtosis = max(kurtosis, float((square * square).mean(axis=0).max()))
        skewness = max(skewness, float(np.abs((square * unit).mean(axis=0)).max()))
        pairs = unit[: n // 2 * 2].reshape(n // 2, 2, -1)
        products += (pairs[:, 0] * pairs[:, 1]).sum(axis=1)
        if truth is not None:
            relative = truth[piece][varying] / np.sqrt(variance[varying])
            along += unit @ relative
            weighted += float(relative @ relative)
            peak = max(peak, float(np.abs(relative).max()))
    # E (x.y)^2 = tr R^2 for independent standardised x and y
    correlation = min(max(float(np.square(products).mean()), coordinates), float(coordinates) ** 2)
    mean = float(squares.mean())
    spread = float((squares / mean).var(ddof=1)) if mean > 0 else 0.0
    raised = math.sqrt(1 + CAUTION * math.sqrt(max(kurtosis - 1, 0.0) / n))
    norm = 0.0 if truth is None else math.sqrt(float(truth @ truth))
    return Pilot(
        coordinates=coordinates,
        largest=raised * math.sqrt(largest),
        typical=raised * math.sqrt(total / max(coordinates, 1)),
        along=raised * norm * float(along.std(ddof=1)) / weighted if weighted > 0 else 0.0,
        alone=raised * norm / peak if peak > 0 else 0.0,
        correlation=correlation,
        kurtosis=kurtosis,
        skewness=skewness,
        spread=spread,
    )


def _reach(seen: Pilot, half: float, level: float, power: float) -> float:
    """Return the norm of the smallest bias that two halves of so many replicates show, wherever it is."""
    inverse = math.log(2 * len(DIRECTIONS) / level)
    quantile = float(ndtri((1 + power) / 2))
    # psi(x) - x = -x^3 / 6 of the influence function, which skewness turns into a loss
    skewed = 2 * inverse * seen.skewness / (6 * math.sqrt(half))
    c = math.sqrt(2 * inverse) * (1 + robust.margin(seen.kurtosis, max(int(half), 1)) / 2) + skewed + quantile
    choice = math.sqrt(2 * math.log(max(seen.coordinates, 1))) + quantile
    share = seen.correlation / seen.coordinates**2
    form = 1 + quantile * math.sqrt(2 * share) + quantile**2 * share
    root, noise = math.sqrt(form), seen.correlation * form
    dense = float(brentq(lambda u: u * u - quantile * root * u - c * math.sqrt(form * u * u + noise), 1e-9, 1e12))
    single = max(c, choice)
    one = min(single, dense)
    spread = min(dense, single * math.sqrt(seen.coordinates))
    factor = min(c * seen.along, single * seen.alone)
    return max(one * seen.largest, spread * seen.typical, factor) / math.sqrt(half)


def fewest(level: float) -> int:
    """Return the fewest replicates of which a test can have a p-value below a level (`robust.log_least`)."""
    test = math.ceil((math.log(level) - math.log(len(DIRECTIONS))) / robust.log_least(1)) + 1
    return math.ceil(test * 16 / 7) + 4  # the share that `phases` gives to the test


def detectable(seen: Pilot, replicates: int, level: float = LEVEL, power: float = POWER) -> float:
    """Return the norm of the bias that so many replicates find with the stated power, wherever it is.

    It is infinite where they are too few for any p-value below the level.
    """
    if robust.log_least(phases(replicates).test) + math.log(len(DIRECTIONS)) >= math.log(level):
        return math.inf
    return _reach(seen, max(replicates / PARTS, 1.0), level, power)


def replicates(seen: Pilot, norm: float, level: float = LEVEL, power: float = POWER) -> float:
    """Return how many replicates find a bias of a norm, wherever it is; infinite for a norm of 0."""
    most = 1e15
    if _reach(seen, most, level, power) > norm:
        return math.inf
    low, high = 1.0, most  # halves: the reach falls from one to the other
    while high / low > 1.001:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if _reach(seen, middle, level, power) > norm else (low, middle)
    half = max(high, PER_KURTOSIS * (seen.kurtosis - 1))
    return float(max(math.ceil(half * PARTS), fewest(level), LEAST))


def for_precision(seen: Pilot, precision: float, confidence: float = 0.95) -> float:
    """Return how many replicates make the interval of the total variance reach `precision` of it to either side."""
    quantile = float(ndtri((1 + confidence) / 2))
    return seen.spread * (quantile / math.log1p(precision)) ** 2
