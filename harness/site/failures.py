"""What could not be measured, and why."""

from __future__ import annotations

from collections.abc import Sequence

from harness.results.schema import Failure, Record
from harness.site.page import Section, Table, of
from harness.site.text import plural, without_paths


def section(records: Sequence[Record], backends: Sequence[str]) -> Section | None:  # noqa: ARG001
    """Return the section on failures, or None where there is none."""
    failures = of(records, Failure)
    if not failures:
        return None
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
    table = Table("Cells that could not be measured", columns, rows, frozenset({"backend", "on", "reason"}))
    notes = [f"{plural(len(failures), 'cell')} could not be measured. They are in no chart and no answer above."]
    return Section("failures", "Failures", notes, (), [table])
