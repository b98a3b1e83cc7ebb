"""Intervals for the mean and for the variance of a gradient, both averaged over the coordinates.

Coordinates of one gradient are dependent, so the variance's interval comes from its influence function: with q_r
the mean over coordinates of (g_ri - c_i)^2 and delta the distance of the mean from the pilot centre c, the
average variance is the mean over replicates of

    psi_r = q_r - (2 / D) sum_i delta_i (g_ri - c_i),

up to a constant, and its standard error is that of a mean. Heavy tails make this statistic skewed to the right
and its standard error too small in just those runs where the variance is too small. Against the first stands
Hall's transformation, which removes the skewness; against the second a Student t quantile whose degrees of
freedom are those of the standard error itself, 2 n / (kurtosis - 1). From 100,000 replicates on, the plain normal
interval on the log scale covers as well (0.937 to 0.955 for the scale's score function, against 0.81 at 1,000)
and is up to a tenth shorter, so it is used there.

Reference:
    Hall, On the Removal of Skewness by Transformation, 1992, section 2; Satterthwaite, 1946, for the degrees of
    freedom. The coverage is measured in tests/test_moments.py.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri, stdtrit

from harness.statistics.moments import Moments, Stream

CONFIDENCE = 0.95

#: From this many replicates on, the corrections for skewness and few degrees of freedom only add length.
MANY_REPLICATES = 100_000

#: With fewer replicates the fourth moment of g is not known well enough to say anything about the interval.
LEAST_REPLICATES = 8

#: Spread of the squared deviations, in variances, below which it is rounding: some hundred eps of float64 on each.
ROUNDED_SPREAD = 2.0**-40


class Estimate(NamedTuple):
    """A number and its interval; NaN where there is none.

    Attributes:
        value: the estimate.
        low: lower end.
        high: upper end.
        standard_error: its standard error.
    """

    value: float
    low: float
    high: float
    standard_error: float = math.nan


UNKNOWN = Estimate(math.nan, math.nan, math.nan)


def mean(stream: Stream, confidence: float = CONFIDENCE) -> Estimate:
    """Return the mean gradient, averaged over the coordinates, with its Student t interval."""
    m, n = stream.averages, int(stream.averages.n)
    if n < 2:
        return UNKNOWN._replace(value=float(m.mean))
    error = math.sqrt(float(m.second) / (n - 1) / n)
    half = float(stdtrit(n - 1, (1 + confidence) / 2)) * error
    return Estimate(float(m.mean), float(m.mean) - half, float(m.mean) + half, error)


def _influence_sum_of_squares(stream: Stream) -> float:
    """Return the sum over replicates of (psi - mean psi)^2.

    The variance of sum_i delta_i g_i, which would take the covariances of all pairs of coordinates, is replaced by
    its Cauchy-Schwarz bound: exact for one coordinate, and otherwise too large by O(1 / block) of the whole.
    """
    delta = stream.coordinates.mean - stream.centre
    weight = 2 / len(delta)
    crossed = weight * float(delta @ stream.comoment)
    bound = weight * float(np.abs(delta) @ np.sqrt(stream.coordinates.second))
    return max(float(stream.squares.second) - 2 * crossed + bound**2, 0.0)


def _unskewed(quantile: float, a: float) -> float:
    """Return the u with h(u) = quantile, h(u) = u + a u^2 / 3 + a^2 u^3 / 27 + a / 6: Hall's cubic, inverted.

    u = 3 (c - 1) / a with c^3 = 1 + a (quantile - a / 6), and c - 1 = (c^3 - 1) / (c^2 + c + 1), so that a = 0
    needs no case of its own.
    """
    shifted = quantile - a / 6
    c = float(np.cbrt(1 + a * shifted))
    return 3 * shifted / (c * c + c + 1)


def variance(stream: Stream, confidence: float = CONFIDENCE) -> Estimate:
    """Return the variance of one gradient, averaged over the coordinates, with its interval.

    The lower end is at least that on the log scale, which cannot reach 0.

    Args:
        stream: of at least 2 replicates; with fewer the variance is NaN, and below `LEAST_REPLICATES` its interval.
        confidence: nominal coverage.
    """
    n = int(stream.squares.n)
    if n < 2:
        return UNKNOWN
    value = float(np.mean(stream.coordinates.second)) / (n - 1)
    return of_squares(value, stream.squares, _influence_sum_of_squares(stream), confidence)


def of_squares(
    value: float, squares: Moments, influence: float | None = None, confidence: float = CONFIDENCE
) -> Estimate:
    """Return a variance with its interval, from the squared deviations of each replicate.

    Args:
        value: the variance.
        squares: moments over at least 2 replicates of the squared distance from a pilot's mean, in units of `value`.
        influence: sum over replicates of (psi - mean psi)^2; None where the pilot is so large that psi is the squared
            distance itself: the share of delta in it is 2 / (pilot replicates).
        confidence: nominal coverage.
    """
    q, n = squares, int(squares.n)
    if n < LEAST_REPLICATES or not math.isfinite(value):
        return UNKNOWN._replace(value=value)
    if value == 0:  # a constant gradient
        return Estimate(value, value, value, 0.0)
    sum_of_squares = float(q.second) if influence is None else influence
    # where q is constant, as for a fair coin, what is left is the square of the mean's error, and the sample variance
    # exceeds the variance by at most a part in n: so far does the interval reach at least
    least = value / n / float(ndtri((1 + confidence) / 2))
    error = math.sqrt(sum_of_squares / (n - 1) / n + least**2)
    spread = float(q.second) / n
    if n >= MANY_REPLICATES:
        reach = math.exp(float(ndtri((1 + confidence) / 2)) * error / value)
        return Estimate(value, value / reach, value * reach, error)
    spread = max(spread, (ROUNDED_SPREAD * value) ** 2)
    acceleration = float(q.third) / n / spread**1.5 / math.sqrt(n)  # skewness over sqrt n
    excess = max(float(q.fourth) / n / spread**2 - 1, 2 / n)  # kurtosis - 1, at least 0 for every distribution
    quantile = float(stdtrit(max(2 * n / excess, 1.0), (1 + confidence) / 2))
    low = max(value * math.exp(-quantile * error / value), value - error * _unskewed(quantile, acceleration))
    high = value - error * _unskewed(-quantile, acceleration)
    return Estimate(value, low, high, error)
