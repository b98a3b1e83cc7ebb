"""The distribution under test: the true one in float64, rounded to nearest to the dtype.

Every test looks at events a < X <= b whose ends are numbers of the dtype. A rounded variable is at most the
number x when the true one lies below the midpoint of x and the next number, so that
P(X <= x) = F((x + next(x)) / 2), and the probabilities of neighbouring bins sum to 1 exactly as F's do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_softmax, ndtr, ndtri

from harness import dtypes as floats

Float = NDArray[np.float64]

#: Bins of the bulk, equally probable before their edges are rounded.
BINS = 64
#: Probabilities of the tails that are tested, on both sides.
TAILS = (1e-2, 1e-3, 1e-4)
#: Class probabilities of the categorical distribution, before its logits are rounded.
PROBS = (0.5, 0.25, 0.15, 0.08, 0.0189, 0.001, 0.0001)
#: Classes below this probability are one bin of the bulk, since chi-square needs large expected counts.
RAREST_IN_BULK = 1e-2


class Law(NamedTuple):
    """A continuous distribution.

    Attributes:
        cdf: F.
        quantile: its inverse.
    """

    cdf: Callable[[Float], Float]
    quantile: Callable[[Float], Float]


def _gumbel_cdf(x: Float) -> Float:
    with np.errstate(over="ignore"):  # far below, the inner exponential is inf and F is 0
        return np.asarray(np.exp(-np.exp(-x)))


#: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions, 1994: chapters 13 (normal), 22 (Gumbel)
#: and 26 (uniform).
LAWS = {
    "uniform": Law(lambda x: np.clip(x, 0.0, 1.0), lambda p: p),
    "normal": Law(ndtr, ndtri),
    "gumbel": Law(_gumbel_cdf, lambda p: -np.log(-np.log(p))),
}

DISTRIBUTIONS = (*LAWS, "categorical")


class Event(NamedTuple):
    """The event above < X <= up_to.

    Attributes:
        name: of the test of its probability, such as "lower tail 1e-03".
        above: a number of the dtype, or -inf.
        up_to: a number of the dtype, or inf.
    """

    name: str
    above: float
    up_to: float


def neighbour(values: ArrayLike, dtype: str, towards: float) -> Float:
    """Return the next number of `dtype` towards -inf or inf."""
    kind = floats.find(dtype).numpy
    with np.errstate(over="ignore"):  # the largest number's neighbour is inf
        return np.asarray(np.nextafter(np.asarray(values).astype(kind), np.asarray(towards, kind)), np.float64)


def logits(dtype: str) -> Float:
    """Return the logits of the categorical distribution, rounded to `dtype`: their softmax is the truth."""
    return floats.rounded(np.log(PROBS), dtype)


def at_most(values: ArrayLike, distribution: str, dtype: str) -> Float:
    """Return P(X <= x) of the rounded distribution, for numbers x of `dtype`, -inf and inf.

    Args:
        values: x, or class indices.
        distribution: one of `DISTRIBUTIONS`.
        dtype: floating type.
    """
    x = np.asarray(values, np.float64)
    if distribution == "categorical":
        cumulative = np.concatenate([[0.0], np.exp(log_softmax(logits(dtype))).cumsum()])  # [classes + 1]
        return np.asarray(cumulative[np.clip(x, -1, len(PROBS) - 1).astype(int) + 1])
    law = LAWS[distribution]
    finite = np.isfinite(x)
    inside = np.where(finite, x, 0.0)
    midpoint = inside + (neighbour(inside, dtype, np.inf) - inside) / 2
    return np.where(finite, law.cdf(midpoint), x > 0)


def bulk_cuts(distribution: str, dtype: str) -> Float:
    """Return the numbers that cut the range into the bins of the bulk; a bin goes up to its cut, inclusive."""
    if distribution == "categorical":
        return np.flatnonzero(np.asarray(PROBS) >= RAREST_IN_BULK)[:-1].astype(np.float64)
    return np.unique(floats.rounded(LAWS[distribution].quantile(np.arange(1, BINS) / BINS), dtype))


def events(distribution: str, dtype: str) -> list[Event]:
    """Return the events whose probability is tested: both tails, or the rare classes.

    A tail ends at its quantile rounded to `dtype`, inclusive, so that its probability is never 0. Where the dtype
    is coarse, it may be several times the nominal one.
    """
    if distribution == "categorical":
        return [Event(f"class {p:.0e}", k - 1.0, float(k)) for k, p in enumerate(PROBS) if p < RAREST_IN_BULK]
    tails = np.asarray(TAILS)
    quantile = LAWS[distribution].quantile
    low = floats.rounded(quantile(tails), dtype)
    high = neighbour(floats.rounded(quantile(1 - tails), dtype), dtype, -np.inf)
    return [
        *(Event(f"lower tail {q:.0e}", -np.inf, float(x)) for q, x in zip(TAILS, low, strict=True)),
        *(Event(f"upper tail {q:.0e}", float(x), np.inf) for q, x in zip(TAILS, high, strict=True)),
    ]
