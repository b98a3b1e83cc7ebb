"""What a figure shows of a measured gradient: the number with its 95 % interval, and its exact value."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from harness.estimators import ESTIMATORS
from harness.oracle import exact
from harness.results.schema import Variance
from harness.statistics.intervals import CONFIDENCE
from harness.variance.task import inputs, task_of

#: The normal quantile of the intervals.
QUANTILE = float(ndtri((1 + CONFIDENCE) / 2))


class Shown(NamedTuple):
    """A number and its interval; NaN where there is none."""

    value: float
    low: float
    high: float


class Truth(NamedTuple):
    """Exact moments of one gradient, averaged over coordinates, and the true gradient; NaN where not known."""

    mean: float
    variance: float
    gradient: float


@dataclass(frozen=True)
class Quantity:
    """What stands on a y axis.

    Attributes:
        text: its name on the axis.
        shown: of a record.
        exact: of exact moments.
        logarithmic: whether the interval is extended on the log scale.
        rounding: (deviation of one gradient by rounding) -> deviation of the quantity, which is forgiven.
    """

    text: str
    shown: Callable[[Variance], Shown]
    exact: Callable[[Truth], float]
    logarithmic: bool
    rounding: Callable[[float], float]


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _variance(record: Variance) -> Shown:
    return Shown(_number(record.variance), _number(record.variance_low), _number(record.variance_high))


def _mean(record: Variance) -> Shown:
    mean, half = _number(record.mean), QUANTILE * _number(record.mean_standard_error)
    return Shown(mean, mean - half, mean + half)


def _signal_to_noise(record: Variance) -> Shown:
    """Return |mean| / standard deviation; errors of both are added, whatever their correlation."""
    variance, mean = _variance(record), abs(_number(record.mean))
    noise = math.sqrt(variance.value)
    low = QUANTILE * _number(record.mean_standard_error) / noise + mean * (1 / noise - 1 / math.sqrt(variance.high))
    high = QUANTILE * _number(record.mean_standard_error) / noise + mean * (1 / math.sqrt(variance.low) - 1 / noise)
    return Shown(mean / noise, mean / noise - low, mean / noise + high)


def _squared_error(record: Variance) -> Shown:
    """Return variance + bias^2; errors of both are added, whatever their correlation."""
    variance, bias = _variance(record), _number(record.bias)
    half = 2 * abs(bias) * QUANTILE * _number(record.mean_standard_error)
    return Shown(variance.value + bias**2, variance.low + bias**2 - half, variance.high + bias**2 + half)


QUANTITIES = {
    "variance": Quantity("variance of one gradient", _variance, lambda m: m.variance, True, lambda r: r * r),
    "mean": Quantity("mean gradient", _mean, lambda m: m.mean, False, lambda r: r),
    "signal to noise": Quantity(
        "|mean| / standard deviation",
        _signal_to_noise,
        lambda m: abs(m.mean) / math.sqrt(m.variance),
        False,
        lambda r: r,
    ),
    "squared error": Quantity(
        "mean squared error of one gradient",
        _squared_error,
        lambda m: m.variance + (m.mean - m.gradient) ** 2,
        True,
        lambda r: r * r,
    ),
}


def truth(record: Variance) -> Truth:
    """Return the exact moments of the gradient that a record measures."""
    gradient, variance = _number(record.exact_mean), _number(record.exact_variance)
    row = ESTIMATORS[record.estimator]
    if not row.biased and not row.bound:
        return Truth(gradient, variance, gradient)
    parameters, constants = inputs(task_of(record))
    found = exact.moments(record.estimator, record.problem, parameters, constants, record.samples)
    if found is None:
        return Truth(math.nan, variance, gradient)
    return Truth(float(np.mean(found[record.parameter].mean)), variance, gradient)
