"""Whether what was measured agrees with what is exact.

Every point of a figure is judged by its distance from the exact value in standard errors of its own interval: on the
log scale for variances, whose interval is symmetric there. The limit is Bonferroni's over all comparisons of one
reproduction in one backend, which holds whatever the points share. The mean of an estimator that is unbiased is judged
by its p-value, as every bias is (`harness.variance.judging`): its deviation is that of a normal law with that chance.

A variance of heavy-tailed gradients strays farther to the low side than a normal law says: with the tails of
Mohamed et al.'s score function and 100,000 replicates, 3.29 standard errors are passed eight times as often as they
should be (tests/test_reproduce.py measures it). So the limit is set for a tenth of the stated rate.

Reference:
    Dunn, Multiple Comparisons Among Means, 1961, for Bonferroni's inequality.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy import stats
from scipy.special import ndtri, ndtri_exp

from harness.reproduce.quantities import QUANTILE
from harness.results.schema import Reproduction
from harness.statistics.intervals import CONFIDENCE

#: Chance that a sound backend differs anywhere in one reproduction.
ERROR_RATE = 1e-3

#: How much farther than the normal law's the tails may reach.
TAILS = 10.0


def limit(comparisons: int) -> float:
    """Return the largest deviation, in standard errors, at which each of several comparisons agrees."""
    return -float(ndtri(ERROR_RATE / TAILS / comparisons / 2))


def deviation_of(p_value: float) -> float:
    """Return the standard errors beyond which a normal law has this chance, on both sides together."""
    return 0.0 if p_value >= 1 else -float(ndtri(p_value / 2))


def deviation(
    value: float,
    low: float,
    high: float,
    exact: float,
    logarithmic: bool,
    forgiven: float = 0.0,
    degrees: float = math.inf,
) -> float | None:
    """Return the distance of the exact value in standard errors of its side of the interval.

    Args:
        value: measured.
        low: lower end of its 95 % interval.
        high: upper end.
        exact: to be met.
        logarithmic: whether to measure on the log scale.
        forgiven: distance that rounding explains, which counts as none.
        degrees: of freedom, where the interval is Student's: the distance is then that of a normal law with the
            same chance.

    Returns:
        At least 0, infinite where the interval has no length and does not hold the exact value; None where a number
        is missing.
    """
    if not all(map(math.isfinite, (value, low, high, exact))):
        return None
    if abs(exact - value) <= forgiven:
        return 0.0
    end = high if exact > value else low
    if end == value or (logarithmic and exact <= 0):
        return math.inf
    # in half lengths of the interval
    away = math.log(exact / value) / math.log(end / value) if logarithmic else (exact - value) / (end - value)
    if math.isinf(degrees):
        return QUANTILE * away
    chance = stats.t.logsf(away * stats.t.ppf((1 + CONFIDENCE) / 2, degrees), degrees)
    return float(-ndtri_exp(chance))


def farthest(records: Sequence[Reproduction]) -> list[Reproduction]:
    """Return of each curve in each backend the point that lies farthest from its exact value."""

    def away(record: Reproduction) -> float:
        return math.inf if record.deviation is None else record.deviation

    worst: dict[tuple[str, ...], Reproduction] = {}
    for record in records:
        curve = (record.name, record.figure, record.curve, record.backend, record.dtype, record.device)
        if curve not in worst or away(record) > away(worst[curve]):
            worst[curve] = record
    return list(worst.values())
