"""A measured mean held against the true gradient, or against a long run that stands in for it with its own error."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.oracle.gradients import Expectation
from harness.oracle.reference import Reference
from harness.results.schema import finite
from harness.statistics.intervals import Estimate
from harness.statistics.moments import Stream

Float = NDArray[np.float64]


class Against(NamedTuple):
    """The fields of a record that compare it; what is not known is None.

    Attributes:
        exact_mean: the true gradient, averaged over coordinates.
        reference_mean: that of the long run; None where the true one is known.
        reference_standard_error: its standard error.
        bias: mean - exact_mean, or mean - reference_mean.
        bias_standard_error: of mean and reference together.
        squared_bias: average over coordinates of the squared bias, less what sampling errors add to it.
        squared_bias_standard_error: at most so large.
    """

    exact_mean: float | None = None
    reference_mean: float | None = None
    reference_standard_error: float | None = None
    bias: float | None = None
    bias_standard_error: float | None = None
    squared_bias: float | None = None
    squared_bias_standard_error: float | None = None


def squared_bias(stream: Stream, goal: Float, goal_variance: Float) -> tuple[float, float]:
    """Return the average over coordinates of the squared bias, and an upper bound of its standard error.

    With d_i the distance of the mean from the goal and v_i the variance of that distance, E d_i^2 = bias_i^2 + v_i, so
    the average of d_i^2 - v_i is unbiased; it may be negative. Var d_i^2 = 4 bias_i^2 v_i + 2 v_i^2 for normal d_i;
    how coordinates depend on one another is not kept, and a sum's deviation is at most the sum of deviations.

    Args:
        stream: the gradients.
        goal: true gradient or reference, [coordinates].
        goal_variance: of the goal, likewise; 0 for a true gradient.
    """
    n = stream.coordinates.n
    distance = stream.coordinates.mean - goal
    v = stream.coordinates.second / (max(n - 1, 1) * n) + goal_variance
    excess = distance**2 - v
    deviation = np.sqrt(4 * np.maximum(excess, 0.0) * v + 2 * v**2)
    return float(excess.mean()), float(deviation.mean())


def against(
    stream: Stream, mean: Estimate, parameter: str, truth: Expectation | None, reference: Reference | None
) -> Against:
    """Compare the mean of a stream of gradients by one parameter.

    Args:
        stream: the gradients.
        mean: their mean, from `intervals.mean`.
        parameter: its name.
        truth: the exact gradient, if it is known.
        reference: the long run, if there is one; not looked at beside a truth.
    """
    if truth is not None:
        goal = np.ravel(np.asarray(truth.gradient[parameter], np.float64))
        goal_variance, goal_error = np.zeros_like(goal), 0.0
    elif reference is not None:
        rows = reference.gradients[parameter]
        rows = rows.reshape(len(rows), -1)
        goal, goal_variance = rows.mean(axis=0), rows.var(axis=0, ddof=1) / len(rows)
        goal_error = reference.standard_error(parameter)
    else:
        return Against()
    centre = float(np.mean(goal))
    with np.errstate(all="ignore"):
        squared, deviation = squared_bias(stream, goal, goal_variance)
    known = truth is not None
    return Against(
        exact_mean=finite(centre) if known else None,
        reference_mean=None if known else finite(centre),
        reference_standard_error=None if known else finite(goal_error),
        bias=finite(mean.value - centre),
        bias_standard_error=finite(math.hypot(mean.standard_error, goal_error)),
        squared_bias=finite(squared),
        squared_bias_standard_error=finite(deviation),
    )
