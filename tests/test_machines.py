"""Machines compared on the site: ratios of the same calls, devices that are not there, and unlike machines apart."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import site_records

from harness.results.run import Run
from harness.results.schema import Check, Record, Time
from harness.site import machines
from harness.site.build import build

BACKENDS = list(site_records.BACKENDS)


def on(machine: str, records: list[Record]) -> Run:
    provenance: dict[str, Any] = copy.deepcopy(site_records.PROVENANCE)
    provenance["machine"]["name"] = machine
    return Run(machine, provenance, records)


def times() -> list[Record]:
    return [record for record in site_records.run().records if isinstance(record, Time)]


def moved(records: list[Record], device: str, factor: float) -> list[Record]:
    return [
        msgspec.structs.replace(record, device=device, seconds=factor * record.seconds)
        if isinstance(record, Time)
        else msgspec.structs.replace(record, device=device)
        for record in records
    ]


def test_one_place_has_nothing_to_compare_and_the_gpu_is_not_measured() -> None:
    section = machines.section([on("one", times())], BACKENDS)
    assert section is not None
    assert not section.figures
    assert any("nothing to compare" in note for note in section.notes)
    assert any(note.startswith("GPU: not measured") for note in section.notes)


@pytest.mark.parametrize("other", [("one", "gpu"), ("two", "cpu")])
def test_ratios_are_of_the_same_calls(other: tuple[str, str]) -> None:
    machine, device = other
    base = times()
    runs = [on("one", base), on(machine, moved(base[: len(base) // 2], device, 0.25))]
    section = machines.section(runs, BACKENDS)
    assert section is not None
    (figure,) = section.figures
    assert len(figure.data) == len(base) // 2
    np.testing.assert_allclose(figure.data["ratio"], 0.25)
    table = next(table for table in section.tables if "geometric mean" in table.columns)
    assert {row[2] for row in table.rows} == {"0.25"}


def test_of_two_runs_at_one_place_the_latest_counts() -> None:
    base = times()
    runs = [on("one", moved(base, "cpu", 3.0)), on("one", base), on("two", base)]
    section = machines.section(runs, BACKENDS)
    assert section is not None
    np.testing.assert_allclose(section.figures[0].data["ratio"], 1 / 3)


def test_a_failing_check_shows_at_its_place_alone() -> None:
    checks: list[Record] = [
        msgspec.structs.replace(record, within_budget=True, error=0.0)
        for record in site_records.run().records
        if isinstance(record, Check) and record.backend in BACKENDS
    ]
    broken = [msgspec.structs.replace(checks[0], device="gpu", error=None, within_budget=False)]
    section = machines.section([on("one", [*checks, *broken])], BACKENDS)
    assert section is not None
    table = section.tables[-1]
    out = {row[0]: {line[4] for line in table.rows if line[0] == row[0]} for row in table.rows}
    assert out == {"one, CPU": {"0"}, "one, GPU": {"1"}}
    assert [row[5] for row in table.rows if row[0] == "one, GPU"] == ["not finite"]


def test_the_site_shows_them_where_costs_are(tmp_path: Path) -> None:
    build([on("one", times()), on("two <b>", moved(times(), "gpu", 0.5))], tmp_path)
    html = (tmp_path / "cost.html").read_text("utf-8")
    assert f'id="{machines.ANCHOR}"' in html
    assert "two &lt;b&gt;, GPU" in html
    assert "<b>, GPU" not in html
