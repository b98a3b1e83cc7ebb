"""Agreement: the matrix of kernels and backends, coloured by the worst error in units of its budget."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from harness.results.schema import Check, Record, frame
from harness.site import palette, subjects
from harness.site.page import Figure, Section, Table, figure, of
from harness.site.text import number, plural

#: The colours span errors from a thousandth of the budget to ten budgets; what lies beyond takes the end's colour.
LOWEST, HIGHEST = -3.0, 1.0


def ratio(check: Check) -> float:
    """Return error / budget: infinite where the error is not finite, or where the budget is 0 and the error is not."""
    if check.error is None:
        return math.inf
    if check.error == 0:
        return 0.0
    return check.error / check.budget if check.budget > 0 else math.inf


def badness(check: Check) -> tuple[bool, float]:
    """Return the order of checks: those that fail are worse than those that do not, then the larger ratio."""
    return not check.within_budget, ratio(check)


def configuration(check: Check) -> str:
    """Return "float32 eager", with the device where it is not the CPU."""
    device = "" if check.device == "cpu" else f" {check.device}"
    return f"{check.dtype} {check.mode}{device}"


def section(records: Sequence[Record], backends: Sequence[str]) -> Section | None:
    """Return the section on agreement with the oracle, or None without a check."""
    every = of(records, Check)
    checks = [check for check in every if check.backend in backends]
    if not checks:
        return None
    failing = sorted((check for check in checks if not check.within_budget), key=badness, reverse=True)
    notes = [
        "Each cell is the worst error of a kernel, over its cases and derivatives, against an oracle that shares no "
        "code with any framework. Errors are counted in units of a budget that was stated before the measurement: "
        "blue is below the budget, pale is close to it, orange is above. A cross marks a failure, a result that is "
        "not finite among them; a grey cell was not measured.",
        f"{plural(len(checks), 'check')}, {plural(sum(check.comparisons for check in checks), 'number')} compared, "
        f"{plural(len(failing), 'failure')}.",
    ]
    tables = [_worst_table("Checks that fail", failing)] if failing else []
    tables.append(_worst_table("The closest calls: the largest errors within their budgets", _closest(checks), True))
    deviating = [check for check in every if check.backend not in backends and not check.within_budget]
    if deviating:
        tables.append(_library_table(deviating))
    return Section("agreement", "Agreement with the truth", notes, [_matrix(checks, backends)], tables)


def _library_table(checks: Sequence[Check]) -> Table:
    """Return where the libraries that people use are out of budget: the worst case of each kernel and derivative."""
    columns = ("library", "kernel", "in", "derivative", "case", "observed", "ledger", "pitfall and tracker")
    rows = [
        (
            check.backend,
            check.kernel,
            configuration(check),
            check.derivative,
            check.case,
            check.observed,
            check.deviation,
            check.tracker or "–",
        )
        for check in sorted(checks, key=lambda check: (check.backend, check.kernel, check.dtype, check.derivative))
    ]
    caption = "Where the libraries that people use are out of the same budgets: known deviations, listed in ledgers"
    return Table(caption, columns, rows, frozenset(columns), True, _sources(checks))


def _closest(checks: Sequence[Check], count: int = 20) -> list[Check]:
    return sorted((check for check in checks if check.within_budget), key=ratio, reverse=True)[:count]


def _worst_table(caption: str, checks: Sequence[Check], folded: bool = False) -> Table:
    rows = [
        (
            check.kernel,
            check.backend,
            configuration(check),
            check.derivative,
            check.case,
            "not finite" if check.error is None else number(check.error),
            number(check.budget),
            check.unit,
            number(ratio(check)) if math.isfinite(ratio(check)) else "–",
            check.worst_input,
        )
        for check in checks
    ]
    columns = ("kernel", "backend", "in", "derivative", "case", "error", "budget", "unit", "error / budget", "at")
    words = frozenset({"backend", "in", "derivative", "case", "unit", "at"})
    return Table(caption, columns, rows, words, folded, _sources(checks))


def _sources(checks: Sequence[Check]) -> dict[str, str]:
    """Return where the sources of each kernel are shown."""
    places = {check.kernel: subjects.place(check.kernel) for check in checks}
    return {kernel: place for kernel, place in places.items() if place}


def _cell(kernel: str, backend: str, config: str, checks: Sequence[Check]) -> dict[str, Any]:
    base = {"kernel": kernel, "backend": backend, "configuration": config}
    if not checks:
        return base | {"state": "not measured"}
    worst = max(checks, key=badness)
    times = ratio(worst)
    level = LOWEST if times == 0 else HIGHEST if math.isinf(times) else math.log10(times)
    failing = sum(not check.within_budget for check in checks)
    return base | {
        "state": f"{failing} of {len(checks)} fail" if failing else f"{plural(len(checks), 'check')}, none fails",
        "failing": failing,
        "level": min(max(level, LOWEST), HIGHEST),
        "times": number(times) if math.isfinite(times) else "not finite",
        "error": "not finite" if worst.error is None else f"{number(worst.error)} {worst.unit}",
        "budget": f"{number(worst.budget)} {worst.unit}",
        "case": worst.case,
        "derivative": worst.derivative,
        "input": worst.worst_input[:160],
    }


def _matrix(checks: Sequence[Check], backends: Sequence[str]) -> Figure:
    cells: dict[tuple[str, str, str], list[Check]] = defaultdict(list)
    for check in checks:
        cells[check.kernel, check.backend, configuration(check)].append(check)
    kernels = sorted({check.kernel for check in checks})
    configs = sorted({configuration(check) for check in checks})
    rows = [_cell(k, b, c, cells.get((k, b, c), ())) for k in kernels for b in backends for c in configs]
    fields = ("kernel", "backend", "configuration", "state", "times", "error", "budget", "derivative", "case", "input")
    titles = {"times": "worst error / budget", "input": "at"}
    base = alt.Chart().encode(
        x=alt.X("backend:N", title=None, axis=alt.Axis(labelAngle=-90, orient="bottom")),
        y=alt.Y("kernel:N", title=None, sort=kernels),
        tooltip=[alt.Tooltip(f"{name}:N", title=titles.get(name, name)) for name in fields],
    )
    colour = alt.Color(
        "level:Q",
        title="worst error / budget",
        scale=alt.Scale(scheme="blueorange", domain=[LOWEST, HIGHEST], domainMid=0),
        legend=alt.Legend(
            orient="top", gradientLength=260, values=[-3, -2, -1, 0, 1], labelExpr="format(pow(10, datum.value), '~g')"
        ),
    )
    header = alt.Header(labelExpr="split(datum.value, ' ')", labelLineHeight=13)
    chart = (
        alt.layer(
            base.transform_filter("!isValid(datum.level)").mark_rect(style=palette.ABSENT),
            base.transform_filter("isValid(datum.level)").mark_rect().encode(color=colour),
            base.transform_filter("!isValid(datum.level)").mark_text(style=palette.EXACT, text="–"),
            base.transform_filter("datum.failing > 0").mark_text(style=palette.FAILED, text="✕", fontWeight="bold"),
            data=pd.DataFrame(rows),
        )
        .properties(width=alt.Step(24), height=alt.Step(18))
        .facet(column=alt.Column("configuration:N", title=None, sort=configs, header=header))
        .properties(spacing=8)
    )
    alt_text = (
        f"Matrix of {plural(len(kernels), 'kernel')} by {plural(len(backends), 'backend')} and "
        f"{plural(len(configs), 'configuration')}: worst error over budget. The tables below hold the extremes, "
        "the data file holds every check."
    )
    return figure("agreement", "Worst error over budget, by kernel and backend", alt_text, chart, frame(checks))
