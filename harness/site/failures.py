"""What could not be measured, and why."""

from __future__ import annotations

from collections.abc import Sequence

from harness.results.schema import Failure, Record
from harness.site.page import Section, Table, of
from harness.site.text import plural, without_paths
from harness.variance import faults


def section(records: Sequence[Record], backends: Sequence[str]) -> Section | None:  # noqa: ARG001
    """Return the section on failures and on gradients that are no numbers, or None where there are neither."""
    failures, odd = of(records, Failure), faults.of(records)
    tables, notes = [], []
    if failures:
        tables.append(_cells(failures))
        notes.append(
            f"{plural(len(failures), 'cell')} could not be measured. They are in no chart and no answer above."
        )
    if odd:
        rows = [(without_paths(fault.subject), fault.reason) for fault in odd]
        title, columns = "Gradients that are no numbers", ("measured", "found")
        tables.append(Table(title, columns, rows, frozenset(columns)))
        notes.append(f"{plural(len(odd), 'gradient')} with a mean or a variance that is NaN or infinite: in no chart.")
    return Section("failures", "Failures", notes, (), tables) if tables else None


def _cells(failures: Sequence[Failure]) -> Table:
    rows = [
        (
            without_paths(failure.cell),
            failure.backend,
            f"{failure.device} {failure.dtype}",
            without_paths(failure.reason),
        )
        for failure in failures
    ]
    columns = ("cell", "backend", "on", "reason")
    return Table("Cells that could not be measured", columns, rows, frozenset({"backend", "on", "reason"}))
