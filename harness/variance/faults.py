"""Gradients that are no numbers: said wherever records of them are, since "-" in a table is easily passed over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from harness.results.schema import Record, TrainingVariance, Variance


class Fault(NamedTuple):
    """A measurement without a mean or a variance.

    Attributes:
        subject: what was measured.
        reason: why it has none.
    """

    subject: str
    reason: str

    def __str__(self) -> str:
        """Return both in one line."""
        return f"{self.subject}: {self.reason}"


def of(records: Iterable[Record]) -> list[Fault]:
    """Return what is NaN or infinite among records of gradient estimators; JSON has neither, so they have None there.

    The mean is None where a gradient is NaN or infinite. The variance alone is None where the gradients are numbers,
    and their squares leave the range of a float64.
    """
    found = []
    for record in records:
        if not isinstance(record, Variance | TrainingVariance) or None not in (record.mean, record.variance):
            continue
        what = "a gradient" if record.mean is None else "its variance"
        step = f"step {record.step} " if isinstance(record, TrainingVariance) else ""
        subject = f"{record.backend} {record.estimator} {record.problem} {step}{record.dtype} {record.device}"
        settings = f" ({record.settings})" if record.settings else ""
        found.append(Fault(f"{subject}{settings}", f"{what} by {record.parameter} is NaN or infinite"))
    return found
