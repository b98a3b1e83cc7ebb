"""Agreement: the matrix of kernels and backends, coloured by the worst error in units of its budget."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from harness.results.schema import Check, Record, frame
from harness.site import cells, palette
from harness.site.cells import Key
from harness.site.page import Figure, Section, Table, figure, of
from harness.site.ratios import badness, configuration, error, ratio
from harness.site.text import number, plural, without_paths

#: The colours span errors from a thousandth of the budget to ten budgets; what lies beyond takes the end's colour.
LOWEST, HIGHEST = -3.0, 1.0


def section(records: Sequence[Record], backends: Sequence[str]) -> Section | None:
    """Return the section on agreement with the oracle, or None without a check."""
    every = of(records, Check)
    checks = [check for check in every if check.backend in backends]
    if not checks:
        return None
    failing = sorted((check for check in checks if not check.within_budget), key=badness, reverse=True)
    of_cells = cells.grouped(checks)
    of_libraries = cells.grouped(check for check in every if check.backend not in backends)
    anchors = cells.anchors([*of_cells, *of_libraries])
    notes = [
        "Each cell is the worst error of a kernel, over its cases and derivatives, against an oracle that shares no "
        "code with any framework. Errors are counted in units of a budget that was stated before the measurement: "
        "blue is below the budget, pale is close to it, orange is above. A cross marks a failure, a result that is "
        "not finite among them; a grey cell was not measured. A click on a cell opens its worst input, the expected "
        "digits and the program that reproduces it; the list of every cell below holds the same.",
        f"{plural(len(checks), 'check')}, {plural(sum(check.comparisons for check in checks), 'number')} compared, "
        f"{plural(len(failing), 'failure')}.",
    ]
    tables = [_worst_table("Checks that fail", failing, anchors)] if failing else []
    closest = "The closest calls: the largest errors within their budgets"
    tables.append(_worst_table(closest, _closest(checks), anchors, True))
    folds = [cells.every_cell(of_cells, anchors)]
    deviations = cells.deviations(of_libraries, anchors)
    if deviations.groups:
        tables.append(_library_table(of_libraries, anchors))
        folds.append(deviations)
    matrix = _matrix(checks, of_cells, anchors, backends)
    return Section("agreement", "Agreement with the truth", notes, [matrix], tables, folds)


def _library_table(of_libraries: Mapping[Key, Sequence[Check]], anchors: Mapping[Key, str]) -> Table:
    """Return where the libraries that people use are out of budget: the worst of each kernel and configuration."""
    columns = ("kernel", "library", "in", "checks out of budget", "worst", "ledger", "pitfall and tracker")
    deviating = {name: own for name, own in sorted(of_libraries.items()) if not own[0].within_budget}
    rows = [
        (
            name.kernel,
            name.backend,
            name.configuration,
            f"{sum(not check.within_budget for check in own)} of {len(own)}",
            f"{own[0].derivative}, case {own[0].case}: {without_paths(own[0].observed)}",
            own[0].deviation,
            own[0].tracker or "–",
        )
        for name, own in deviating.items()
    ]
    caption = "Where the libraries that people use are out of the same budgets: known deviations, listed in ledgers"
    words = frozenset(columns) - {"checks out of budget"}
    return Table(caption, columns, rows, words, True, [anchors[name] for name in deviating])


def _closest(checks: Sequence[Check], count: int = 20) -> list[Check]:
    return sorted((check for check in checks if check.within_budget), key=ratio, reverse=True)[:count]


def _worst_table(caption: str, checks: Sequence[Check], anchors: Mapping[Key, str], folded: bool = False) -> Table:
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
    return Table(caption, columns, rows, words, folded, [anchors[cells.key(check)] for check in checks])


def _cell(name: Key, checks: Sequence[Check], anchors: Mapping[Key, str]) -> dict[str, Any]:
    base: dict[str, Any] = name._asdict()
    if not checks:
        return base | {"state": "not measured"}
    worst = checks[0]
    times = ratio(worst)
    level = LOWEST if times == 0 else HIGHEST if math.isinf(times) else math.log10(times)
    failing = sum(not check.within_budget for check in checks)
    return base | {
        "state": f"{failing} of {len(checks)} fail" if failing else f"{plural(len(checks), 'check')}, none fails",
        "cell": anchors[name],
        "failing": failing,
        "level": min(max(level, LOWEST), HIGHEST),
        "times": number(times) if math.isfinite(times) else "not finite",
        "error": error(worst),
        "budget": f"{number(worst.budget)} {worst.unit}",
        "case": worst.case,
        "derivative": worst.derivative,
    }


def _matrix(
    checks: Sequence[Check],
    of_cells: Mapping[Key, Sequence[Check]],
    anchors: Mapping[Key, str],
    backends: Sequence[str],
) -> Figure:
    kernels = sorted({check.kernel for check in checks})
    configs = sorted({configuration(check) for check in checks})
    keys = [Key(kernel, backend, config) for kernel in kernels for backend in backends for config in configs]
    rows = [_cell(name, of_cells.get(name, ()), anchors) for name in keys]
    fields = ("kernel", "backend", "configuration", "state", "times", "error", "budget", "derivative", "case")
    titles = {"times": "worst error / budget"}
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
    measured = base.transform_filter("isValid(datum.level)").encode(href="link:N")
    measured = measured.transform_calculate(link="'#' + datum.cell")
    header = alt.Header(labelExpr="split(datum.value, ' ')", labelLineHeight=13)
    chart = (
        alt.layer(
            base.transform_filter("!isValid(datum.level)").mark_rect(style=palette.ABSENT),
            measured.mark_rect().encode(color=colour),
            base.transform_filter("!isValid(datum.level)").mark_text(style=palette.EXACT, text="–"),
            measured.transform_filter("datum.failing > 0").mark_text(style=palette.FAILED, text="✕", fontWeight="bold"),
            data=alt.InlineData(values=rows),
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
