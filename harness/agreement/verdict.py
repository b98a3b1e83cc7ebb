"""The verdict of a check: what is out of budget, beside what the ledgers of the libraries list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.agreement import ledger
from harness.agreement.ledger import LISTED, NEW, VANISHED, Place
from harness.backends import is_library
from harness.kernels import matches
from harness.results.schema import Check


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Attributes:
        records: every comparison; those of libraries are marked with what the ledger says of them.
        missing: (backend, place) of each row of a ledger at which nothing was compared.
    """

    records: list[Check]
    missing: list[tuple[str, Place]]

    @property
    def failures(self) -> list[Check]:
        """Comparisons that make the check fail: out of budget and not listed, or listed and within budget."""
        return [
            record
            for record in self.records
            if record.deviation in {NEW, VANISHED} or not (record.within_budget or record.deviation)
        ]

    @property
    def listed(self) -> list[Check]:
        """Known deviations, seen again."""
        return [record for record in self.records if record.deviation == LISTED]

    @property
    def sound(self) -> bool:
        """Whether the check is passed."""
        return not self.failures and not self.missing


def judge(records: Sequence[Check], kernels: Sequence[str], cases: Sequence[str]) -> Verdict:
    """Mark the comparisons of libraries by their ledgers.

    Args:
        records: of one check.
        kernels: the patterns that were chosen; none for all. Rows outside them are not expected.
        cases: likewise.
    """
    judged, missing = [], []
    for backend in dict.fromkeys(record.backend for record in records):
        own = [record for record in records if record.backend == backend]
        if not is_library(backend):
            judged += own
            continue
        rows = expected(backend, own, kernels, cases)
        judged += ledger.judge(own, rows)
        missing += [(backend, place) for place in ledger.missing(own, rows)]
    return Verdict(judged, missing)


def expected(backend: str, records: Sequence[Check], kernels: Sequence[str], cases: Sequence[str]) -> dict[Place, str]:
    """Return the rows of a ledger that a check of these dtypes, modes, kernels and cases must meet."""
    compared = {(record.dtype, record.mode) for record in records}
    return {
        row: observed
        for row, observed in ledger.load(ledger.path(backend)).rows.items()
        if (row.dtype, row.mode) in compared
        and (not kernels or any(matches(row.kernel, pattern) for pattern in kernels))
        and (not cases or any(fnmatchcase(row.case, pattern) for pattern in cases))
    }


def update(records: Sequence[Check], kernels: Sequence[str], cases: Sequence[str]) -> list[str]:
    """Rewrite the ledgers of the libraries among the records; rows that were not met this time are kept.

    Returns:
        The names of the files.
    """
    names = []
    for backend in dict.fromkeys(record.backend for record in records if is_library(record.backend)):
        own = [record for record in records if record.backend == backend]
        met = expected(backend, own, kernels, cases)
        rows = ledger.load(ledger.path(backend)).rows
        kept = {row: observed for row, observed in rows.items() if row not in met}
        ledger.path(backend).write_text(ledger.text(backend, own, kept))
        names.append(ledger.path(backend).name)
    return names
