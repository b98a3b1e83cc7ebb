"""Whether the variance of a gradient has a tail so heavy that its interval says nothing.

The interval of a variance rests on the variance of squared deviations q, and that on their tail. The largest of them
are fitted by a generalized Pareto distribution, whose shape k is the tail's: moments of q of order 1 / k and above are
infinite, so that from k = 1/2 on the fourth moment of the gradient is, and from k = 1 on its variance itself. A finite
sample of a light tail looks heavier than it is, the more so the fewer it has, and 0.7 is where means of so many terms
begin to be useless in practice. An interval that is not trusted may come to be with more replicates; one of a gradient
of infinite variance never does.

Reference:
    Vehtari, Simpson, Gelman, Yao and Gabry, Pareto Smoothed Importance Sampling, 2024, section 3. The rates of both
    errors are measured by `reparam coverage`.
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


def size(replicates: int) -> int:
    """Return how many of the largest squared deviations are looked at: sqrt(replicates)."""
    return math.isqrt(replicates)


def keep(kept: Float, values: Float, count: int) -> Float:
    """Return the largest count + 1 of both, in no order: the least of them is the threshold of the fit."""
    if len(kept) > count:
        values = values[values > kept.min()]
    both = np.concatenate([kept, values])
    return both if len(both) <= count + 1 else np.partition(both, -count - 1)[-count - 1 :]


def shape(kept: Float) -> float | None:
    """Return the maximum-likelihood shape k of the largest squared deviations over the least of them.

    Args:
        kept: from `keep`.

    Returns:
        None where there are fewer than `LEAST`, or one is not finite; -inf where they have atoms, and so a bound.
    """
    from scipy import stats

    if len(kept) <= LEAST or not np.isfinite(kept).all():
        return None
    excess = kept - kept.min()
    excess = excess[excess > 0]
    if len(np.unique(excess)) < DISTINCT:
        return -math.inf
    excess = excess / excess.mean()
    k, _, _ = stats.genpareto.fit(excess, 0.1, floc=0.0, scale=1.0)
    return float(k)


def trusted(k: float | None) -> bool | None:
    """Tell whether an interval over a tail of shape k is trusted; None where the shape is not known."""
    return None if k is None else k < HEAVY
