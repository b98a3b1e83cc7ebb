"""Whether the variance of a gradient has a tail so heavy that its interval says nothing.

The interval of a variance rests on the variance of squared deviations q, and that on their tail. The largest of them
are fitted by a generalized Pareto distribution, whose shape k is the tail's: moments of q of order 1 / k and above are
infinite, so that from k = 1/2 on the fourth moment of the gradient is, and from k = 1 on its variance itself. A finite
sample of a light tail looks heavier than it is, the more so the fewer it has, and 0.7 is where means of so many terms
begin to be useless in practice. More replicates may make an interval trusted that is not; one of a gradient of
infinite variance never becomes trusted.

Reference:
    Zhang and Stephens, A New and Efficient Estimation Method for the Generalized Pareto Distribution, 2009, for the
    estimate; Vehtari, Simpson, Gelman, Yao and Gabry, Pareto Smoothed Importance Sampling, 2024, section 3 and
    appendix G, for its use and its weak prior. `reparam coverage` measures how often both kinds of tails are marked.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

#: From this shape on, an interval is not trusted.
HEAVY = 0.7

#: Fewer of the largest deviations, that is fewer than 400 replicates, show no tail.
LEAST = 20

#: With fewer different values among the largest, the deviations have atoms, and a bound.
DISTINCT = 10

#: Observations that the prior of the shape counts as, and their shape.
PRIOR_OBSERVATIONS, PRIOR_SHAPE = 10, 0.5


def size(replicates: int) -> int:
    """Return how many of the largest squared deviations are looked at: sqrt(replicates)."""
    return math.isqrt(replicates)


def keep(kept: Float, values: Float, count: int) -> Float:
    """Return the largest count + 1 of both, in no order: the least of them is the threshold of the fit."""
    if len(kept) > count:
        values = values[values > kept.min()]
    both = np.concatenate([kept, values])
    return both if len(both) <= count + 1 else np.partition(both, -count - 1)[-count - 1 :]


def shape(largest: Float) -> float | None:
    """Return the shape k of the largest squared deviations over the least of them.

    Args:
        largest: from `keep`.

    Returns:
        None where there are fewer than `LEAST`, or one is not finite; -inf where they have atoms, and so a bound.
    """
    if len(largest) <= LEAST or not np.isfinite(largest).all():
        return None
    excess = np.sort(largest - largest.min())
    excess = excess[excess > 0]
    if len(np.unique(excess)) < DISTINCT:
        return -math.inf
    return pareto_shape(excess / excess[-1])


def pareto_shape(excess: Float) -> float:
    """Return the shape k of a generalized Pareto distribution, density (1 + k x / s)^(-1 / k - 1) / s.

    With b = -k / s, the likelihood's maximum over k at a given b is k(b) = mean log(1 - b x). The estimate is
    k(B), B the mean of b under the profile likelihood exp(n (log(-b / k(b)) - k(b) - 1)) and a prior whose scale is
    the first quartile, on a grid of quantiles of that prior.

    Args:
        excess: above 0, in ascending order.

    Returns:
        The estimate, with `PRIOR_OBSERVATIONS` of shape `PRIOR_SHAPE` added.
    """
    n = len(excess)
    quartile = excess[max(int(n / 4 + 0.5) - 1, 0)]
    points = 30 + math.isqrt(n)
    grid = 1 / excess[-1] + (1 - np.sqrt(points / (np.arange(points) + 0.5))) / (3 * quartile)
    grid = grid[grid != 0]
    shapes = np.log1p(-np.outer(grid, excess)).mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_likelihood = n * (np.log(-grid / shapes) - shapes - 1)
    log_likelihood = np.where(np.isfinite(log_likelihood), log_likelihood, -np.inf)
    weight = np.exp(log_likelihood - log_likelihood.max())
    b = float(weight @ grid / weight.sum())
    k = float(np.log1p(-b * excess).mean())
    return (n * k + PRIOR_OBSERVATIONS * PRIOR_SHAPE) / (n + PRIOR_OBSERVATIONS)


def trusted(k: float | None) -> bool | None:
    """Return whether an interval over a tail of shape k is trusted; None where the shape is not known."""
    return None if k is None else k < HEAVY
