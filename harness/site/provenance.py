"""Where the numbers come from: date, machine, commit, seed and versions of each run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.results.run import Run
from harness.site.page import Table
from harness.site.text import moment, without_paths


def runs_table(runs: Sequence[Run]) -> Table:
    """Return one row per run: when, where and from what it was measured."""
    rows = []
    for run in runs:
        facts = without_paths(run.provenance)
        machine = facts.get("machine") or {}
        commit = str(facts.get("commit") or "–")[:12]
        rows.append(
            (
                run.name,
                moment(facts.get("started", "–")),
                str(facts.get("profile", "–")),
                str(machine.get("name", "–")),
                f"{commit} with changes" if facts.get("dirty") else commit,
                str(facts.get("seed", "–")),
                f"{len(run.records):,}",
            )
        )
    columns = ("run", "started", "profile", "machine", "commit", "seed", "records")
    words = frozenset({"started", "profile", "machine", "commit"})
    return Table("Runs", columns, rows, words)


def details_table(run: Run) -> Table:
    """Return every fact of a run's provenance, one row each, nested names joined by blanks."""
    rows = _flat(without_paths(run.provenance))
    return Table(f"Run {run.name}: machine, versions and flags", ("what", "value"), rows, frozenset({"value"}), True)


def _flat(facts: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in facts.items():
        label = f"{prefix} {name}".strip()
        if isinstance(value, dict):
            rows += _flat(value, label)
        elif value is None or value == "":
            rows.append((label, "not measured" if name == "gpu" else "–"))
        else:
            rows.append((label, str(value)))
    return rows
