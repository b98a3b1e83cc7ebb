"""Machines and devices side by side: where each was measured, what the same calls cost, and whether they agree."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import geometric_mean
from typing import Any

import altair as alt
import pandas as pd

from harness.backends import is_library
from harness.results.run import Run
from harness.results.schema import Check, Record, Time
from harness.site import palette
from harness.site.page import Figure, Section, Table, figure, of
from harness.site.ratios import ratio
from harness.site.text import listing, number, plural, without_paths

ANCHOR = "machines"
TITLE = "Machines and devices"

#: The page that shows it.
TOPIC = "cost"

DEVICES = {"cpu": "CPU", "gpu": "GPU"}


@dataclass(frozen=True, order=True)
class Place:
    """A machine and one of its devices."""

    machine: str
    device: str

    def __str__(self) -> str:
        return f"{self.machine}, {DEVICES.get(self.device, self.device)}"


Measured = Mapping[Place, Sequence[Record]]


def section(runs: Sequence[Run], backends: Sequence[str]) -> Section | None:
    """Return the section, or None where nothing was measured.

    Args:
        runs: the latest first; of calls that several measured at one place, the latest counts.
        backends: in the order of their colours.
    """
    found = _places(runs)
    if not found:
        return None
    absent = [device for device in DEVICES if device not in {place.device for place in found}]
    notes = [f"Measured: {listing([str(place) for place in found])}."]
    notes += [f"{DEVICES[device]}: not measured on any machine." for device in absent]
    base, *others = sorted(found, key=lambda place: (-len(of(found[place], Time)), place))
    rows = [row for place in others for row in _ratios(found[base], found[place], place)]
    if rows:
        notes.append(
            f"The picture shows seconds per call over those on {base}, for every call that was timed in both places "
            "(kernel, size, type, mode and pass): left of 1 is faster. Both are medians; neither took turns with the "
            "other, so that a small difference may be the day's load."
        )
    else:
        notes.append(f"No call was timed in two places: times are of {base} alone, and there is nothing to compare.")
    figures = [_chart(rows, str(base), backends)] if rows else []
    tables = [_table_of_places(found, runs), *([_table_of_ratios(rows)] if rows else []), _table_of_agreement(found)]
    return Section(ANCHOR, TITLE, notes, figures, tables)


def _machine(run: Run) -> dict[str, Any]:
    facts: dict[str, Any] = without_paths(run.provenance).get("machine") or {}
    return facts


def _places(runs: Sequence[Run]) -> dict[Place, list[Record]]:
    found: dict[Place, list[Record]] = defaultdict(list)
    for run in runs:
        name = str(_machine(run).get("name", "unknown machine"))
        for record in run.records:
            found[Place(name, record.device)].append(record)
    return dict(sorted(found.items()))


def _calls(records: Sequence[Record]) -> dict[tuple[str, ...], Time]:
    """Return the first time of each call, by what was called."""
    calls: dict[tuple[str, ...], Time] = {}
    for r in of(records, Time):
        calls.setdefault((r.backend, r.kernel, r.derivative, r.mode, r.dtype, str(r.size)), r)
    return calls


def _ratios(base: Sequence[Record], other: Sequence[Record], place: Place) -> list[dict[str, Any]]:
    """Return one row per call that both places timed."""
    mine, theirs = _calls(base), _calls(other)
    return [
        {
            "place": str(place),
            "backend": key[0],
            "call": f"{key[1]}, {key[2]}, {key[3]}, {key[4]}, {key[5]} elements",
            "ratio": theirs[key].seconds / mine[key].seconds,
            "seconds": theirs[key].seconds,
            "seconds_of_base": mine[key].seconds,
        }
        for key in mine
        if key in theirs and mine[key].seconds > 0
    ]


def _chart(rows: Sequence[dict[str, Any]], base: str, backends: Sequence[str]) -> Figure:
    data = pd.DataFrame(rows)
    chart = (
        alt.Chart(data)
        .mark_point(filled=True, size=40, opacity=0.7)
        .encode(
            x=alt.X("ratio:Q", scale=alt.Scale(type="log"), title=f"seconds over those on {base}"),
            y=alt.Y("place:N", title=None),
            yOffset=alt.YOffset("backend:N", scale=alt.Scale(domain=list(backends), paddingOuter=0.4)),
            color=palette.colour(backends),
            shape=palette.shape(backends),
            tooltip=["place:N", "backend:N", "call:N", alt.Tooltip("ratio:Q", format=".3g")],
        )
        .properties(width=420, height=alt.Step(22))
    )
    places = sorted({row["place"] for row in rows})
    alt_text = f"Seconds of the same calls on {listing(places)}, over those on {base}, by backend."
    return figure("machines-ratio", f"Seconds over those on {base}", alt_text, chart, data)


def _table_of_places(found: Measured, runs: Sequence[Run]) -> Table:
    machines: dict[str, Run] = {}
    for run in runs:
        machines.setdefault(str(_machine(run).get("name", "unknown machine")), run)
    rows = [_row_of_place(place, machines[place.machine], len(records)) for place, records in found.items()]
    columns = ("place", "processor", "device", "cores", "memory GiB", "frameworks of the latest run", "records")
    words = frozenset({"processor", "device", "frameworks of the latest run"})
    return Table("Where it was measured", columns, rows, words)


def _row_of_place(place: Place, run: Run, records: int) -> tuple[str, ...]:
    machine = _machine(run)
    facts = without_paths(run.provenance)
    own: dict[str, Any] = (facts.get("backends") or {}).get(place.device) or {}
    names = {str(fact.get("device_name", "")) for fact in own.values()} - {""}
    frameworks = [f"{fact['framework']} {fact['version']}" for fact in own.values() if "framework" in fact]
    return (
        str(place),
        str(machine.get("cpu", "–")),
        max(names, key=len, default="–"),
        str(machine.get("cores", "–")),
        str(machine.get("memory_gib", "–")),
        ", ".join(dict.fromkeys(frameworks)) or "–",
        f"{records:,}",
    )


def _table_of_ratios(rows: Sequence[dict[str, Any]]) -> Table:
    groups: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in rows:
        groups[row["place"], row["backend"]].append(row["ratio"])
    lines = [
        (place, backend, number(geometric_mean(values)), number(min(values)), number(max(values)), f"{len(values):,}")
        for (place, backend), values in sorted(groups.items())
    ]
    columns = ("place", "backend", "geometric mean", "least", "most", "calls")
    return Table("Seconds over those of the first machine", columns, lines, frozenset({"backend"}))


def _table_of_agreement(found: Measured) -> Table:
    groups: dict[tuple[Place, str, str], list[Check]] = defaultdict(list)
    for place, records in found.items():
        for check in of(records, Check):
            if not is_library(check.backend):
                groups[place, check.backend, check.dtype].append(check)
    rows = [
        (
            str(place),
            backend,
            dtype,
            plural(len(checks), "check"),
            str(sum(not check.within_budget for check in checks)),
            _of_budget(max(map(ratio, checks))),
        )
        for (place, backend, dtype), checks in sorted(groups.items())
    ]
    columns = ("place", "backend", "type", "checked", "out of budget", "largest error in budgets")
    return Table("Agreement with exact values", columns, rows, frozenset({"backend", "type", "checked"}))


def _of_budget(value: float) -> str:
    return number(value) if math.isfinite(value) else "not finite"
