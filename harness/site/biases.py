"""What pages say of a bias: whether it is found, how far the mean is from the true gradient, and what is visible."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.estimators import ESTIMATORS
from harness.results.schema import TrainingVariance, Variance
from harness.site.text import interval, listing, number, plural
from harness.statistics import bias, sizes
from harness.variance.judging import biased

#: A record whose bias may be known.
Gradient = Variance | TrainingVariance

#: Columns of a table of biases, of `cells`.
COLUMNS = ("coordinates", "distance from the true gradient", "seen from", "verdict")

#: How the columns are to be read.
NOTE = (
    "The distance is the norm of the bias over all coordinates of a parameter, with a 95 % interval. "
    f"Biased is what a test over all coordinates finds, which is wrong in {bias.LEVEL:g} of the gradients without a "
    f"bias, and which finds a bias of the size in the column “seen from” with a probability of {sizes.POWER:g}, "
    "wherever it is. Roundings count as none."
)


def verdict(record: Gradient) -> str:
    """Return whether the bias is found, in words."""
    return {True: "biased", False: "none seen", None: "not known"}[biased(record)]


def distance(record: Gradient) -> str:
    """Return the distance of the mean from the true gradient with its interval."""
    if record.distance is None:
        return "–"
    return f"{number(record.distance)} {interval(record.distance_low, record.distance_high)}"


def cells(record: Gradient) -> tuple[str, ...]:
    """Return the cells of `COLUMNS`."""
    return f"{record.dimension:,}", distance(record), number(record.detectable_distance, 2), verdict(record)


def summary(record: Gradient) -> str:
    """Return one line on the bias of a record."""
    return f"{verdict(record)}: distance {distance(record)}, seen from {number(record.detectable_distance, 2)}"


def declared(estimator: str) -> bool:
    """Return whether an estimator is biased by its row; one that is not known here may be."""
    return estimator not in ESTIMATORS or ESTIMATORS[estimator].biased


def found_in(records: Sequence[Gradient]) -> list[str]:
    """Return the estimators of which a bias is found."""
    return sorted({record.estimator for record in records if biased(record)})


def sentence(records: Sequence[Gradient]) -> str:
    """Say where a bias is found, and which would have been found elsewhere."""
    known = [record for record in records if biased(record) is not None]
    if not known:
        return f"Whether {plural(len(records), 'gradient')} {'is' if len(records) == 1 else 'are'} biased is not known."
    seen = [record for record in known if biased(record)]
    names = found_in(seen)
    parts = [f"A bias is found in {len(seen):,} of {plural(len(known), 'gradient')}"]
    parts[0] += f": of {listing(names)}." if names else "."
    parts += [_power([record for record in known if not biased(record)]), _missed(known, names)]
    if len(known) < len(records):
        parts.append(f"Of {len(records) - len(known):,} more it is not known.")
    return " ".join(filter(None, parts))


def _power(records: Sequence[Gradient]) -> str:
    """Say which bias would have been found, in standard deviations of one gradient."""
    reaches = sorted(
        record.detectable_distance / math.sqrt(record.variance * record.dimension)
        for record in records
        if record.detectable_distance is not None and record.variance
    )
    if not reaches:
        return ""
    median = reaches[len(reaches) // 2]
    return (
        f"In the others one of {number(median, 2)} standard deviations of a gradient (the median; at most "
        f"{number(reaches[-1], 2)}) would have been found with a probability of {sizes.POWER:g}."
    )


def _missed(known: Sequence[Gradient], found: Sequence[str]) -> str:
    names = sorted({record.estimator for record in known if declared(record.estimator)} - set(found))
    rows = "its row" if len(names) == 1 else "their rows"
    return f"Biased by {rows}, and not seen: {listing(names)}." if names else ""
