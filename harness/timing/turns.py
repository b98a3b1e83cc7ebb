"""Subjects that take turns in one process, and what their clock says: a median with an interval."""

from __future__ import annotations

from collections.abc import Sequence

from scipy import stats

from harness.validation import require_count

#: Of the intervals.
CONFIDENCE = 0.95

#: Turns below which the median has no interval at `CONFIDENCE`: 2 / 2^6 is the chance that all lie on one side of it.
LEAST_TURNS = 6


def require_turns(turns: int) -> int:
    """Return a number of turns for which a median has an interval.

    Raises:
        BadInputError: there are too few.
    """
    return require_count("turns", turns, LEAST_TURNS, f"with fewer, {100 * CONFIDENCE:g} % confidence has no interval")


def interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return order statistics between which the median lies, whatever the distribution.

    The number of values below the median is binomial with probability 1/2.

    Reference:
        Conover, Practical Nonparametric Statistics, 1999, section 3.2.
    """
    ordered = sorted(values)
    skipped = int(stats.binom.ppf((1 - confidence) / 2, len(ordered), 0.5))
    return ordered[max(skipped - 1, 0)], ordered[min(len(ordered) - skipped, len(ordered) - 1)]
