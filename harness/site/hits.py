"""How many intervals of a variance hold the exact one, beside how many must: intervals that share noise count once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from scipy import stats

from harness import dtypes as floats
from harness.results.schema import Variance
from harness.site.text import number, plural
from harness.variance import laws

#: Chance that sound intervals hold the exact value more or less often than the stated range says.
LEVEL = 0.05


class Hits(NamedTuple):
    """A count of intervals.

    Attributes:
        held: that hold the exact variance.
        intervals: all of them.
        confidence: what each claims.
        low: the least number of hits of sound intervals, at `LEVEL`.
        high: the largest.
    """

    held: int
    intervals: int
    confidence: float
    low: int
    high: int

    @property
    def expected(self) -> float:
        """Hits that intervals of the stated confidence have on average."""
        return self.intervals * self.confidence


def judged(record: Variance) -> bool | None:
    """Tell whether an interval holds the exact variance, up to rounding.

    None where there is no exact variance, or where the interval is not to be trusted.
    """
    exact, low, high = record.exact_variance, record.variance_low, record.variance_high
    if record.trusted is False or exact is None or low is None or high is None:
        return None
    slack = laws.rounding(record) ** 2 if record.dtype in floats.DTYPES else 0.0  # a variance is a square
    return low - slack <= exact <= high + slack


def independent(records: Iterable[Variance]) -> list[Variance]:
    """Return one record of those whose intervals rest on the same noise, of the widest dtype.

    Shared noise depends on estimator, problem and seed alone: frameworks, dtypes, settings and dimensions see the same
    numbers. The framework's own noise differs from framework to framework. Gradients by several parameters share noise
    too; they are different functions of it, and count as if they were independent.
    """
    bits = {name: row.bits for name, row in floats.DTYPES.items()}
    ordered = sorted(records, key=lambda record: -bits.get(record.dtype, 0))
    found: dict[tuple[object, ...], Variance] = {}
    for record in ordered:
        own = record.backend if record.source == "framework" else ""
        found.setdefault((record.estimator, record.problem, record.parameter, record.seed, own), record)
    return list(found.values())


def count(records: Iterable[Variance]) -> Hits | None:
    """Count independent intervals that hold the exact variance; None where no exact variance is known."""
    known = independent(record for record in records if judged(record) is not None)
    if not known:
        return None
    confidence = min(record.confidence for record in known)
    law = stats.binom(len(known), confidence)
    low, high = int(law.ppf(LEVEL / 2)), int(law.isf(LEVEL / 2))
    return Hits(sum(bool(judged(record)) for record in known), len(known), confidence, low, high)


def sentence(records: Sequence[Variance]) -> str:
    """Say how many independent intervals hold the exact variance, and how many are expected to; "" where none can."""
    found = count(records)
    if found is None:
        return ""
    verb = "holds" if found.intervals == 1 else "hold"
    return (
        f"{found.held:,} of {plural(found.intervals, 'independent interval')} {verb} the exact variance "
        f"({number(found.expected)} are expected, {found.low:,} to {found.high:,} in 19 of 20 runs)"
    )
