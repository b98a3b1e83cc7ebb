"""Figures of the literature, made again: exact curves as lines, measurements as points with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from harness.reproduce.laws import judged
from harness.reproduce.table import PAPERS
from harness.reproduce.verdict import farthest
from harness.results.schema import Record, Reproduction, frame
from harness.site.page import Figure, Section, Table, figure, of
from harness.site.palette import COLOURS, SHAPES, cycled
from harness.site.text import interval, number, plural, slug

#: On a logarithmic axis, numbers below this part of the largest are left out: they are 0 but for rounding.
LEAST = 1e-12

#: Dashes say again what colours say.
_DASHES = ([1, 0], [7, 3], [2, 2], [7, 3, 2, 3])


def section(records: Sequence[Record], backends: Sequence[str]) -> Section | None:
    """Return the section on the literature, or None where nothing of it was made again."""
    found = of(records, Reproduction)
    if not found:
        return None
    names = [name for name in dict.fromkeys(record.name for record in found) if name in PAPERS]
    limits = {record.name: record.limit for record in found}
    laws = [law for name in names for law in judged(name, PAPERS[name], found, limits[name])]
    every = [*found, *laws]
    notes = [
        "Lines are exact values, points are measurements with their intervals. A point agrees with the exact value "
        "within a limit that all comparisons of one paper in one backend pass, but for one chance in a thousand.",
        f"{sum(record.agrees for record in every):,} of {plural(len(every), 'comparison')} agree.",
        *(f"{PAPERS[name].reference}; {PAPERS[name].where}. {PAPERS[name].claim}" for name in names),
    ]
    return Section(
        "literature", "Figures of the literature", notes, charts(found, backends), [_laws(laws), _worst(found)]
    )


def charts(records: Sequence[Reproduction], backends: Sequence[str]) -> list[Figure]:
    """Return a figure for each title."""
    titles = dict.fromkeys((record.name, record.figure) for record in records)
    return [
        _chart([record for record in records if (record.name, record.figure) == title], backends) for title in titles
    ]


def _chart(records: Sequence[Reproduction], backends: Sequence[str]) -> Figure:
    first = records[0]
    shown = [record for record in records if record.x is not None]
    curves = list(dict.fromkeys(record.curve for record in shown))
    largest = max((abs(record.exact or 0.0) for record in shown), default=0.0)
    floor = LEAST * largest if first.log_y else None
    rows = [_row(record, floor) for record in shown]
    hidden = any(row["measured"] is None for row in rows)
    title = f"{first.name}: {first.figure}"
    caption = f"{title} (0, which has no place on a logarithmic axis, is left out)" if hidden else title
    alt_text = (
        f"{first.quantity} against {first.axis} for {', '.join(curves)}: exact curves as lines, measurements of "
        f"{', '.join(backends)} as points with intervals."
    )
    chart = _layers(rows, curves, backends, first).properties(width=420, height=300, title=first.figure)
    return figure(slug(title), caption, alt_text, chart, frame(shown))


def _row(record: Reproduction, floor: float | None) -> dict[str, Any]:
    def drawn(value: float | None) -> float | None:
        return value if value is None or floor is None or value > floor else None

    return {
        "x": record.x,
        "curve": record.curve,
        "backend": record.backend,
        "measured": drawn(record.measured),
        "low": drawn(record.low),
        "high": drawn(record.high),
        "exact": drawn(record.exact),
        "deviation": record.deviation,
        "verdict": "agrees" if record.agrees else "differs",
    }


def _axis_values(first: Reproduction, rows: Sequence[dict[str, Any]]) -> alt.Axis:
    """Return ticks at the measured places of a logarithmic x axis, which has few of its own."""
    places = sorted({row["x"] for row in rows})
    return alt.Axis(values=places, format="~g") if first.log_x else alt.Axis()


def _kind(logarithmic: bool) -> dict[str, Any]:
    return {"type": "log"} if logarithmic else {"type": "linear", "zero": False}


def _layers(rows: Sequence[dict[str, Any]], curves: Sequence[str], backends: Sequence[str], first: Reproduction) -> Any:
    x = alt.X(
        "x:Q",
        title=first.axis,
        axis=_axis_values(first, rows),
        scale=alt.Scale(**_kind(first.log_x), padding=12, nice=False),
    )
    y_scale = alt.Scale(**_kind(first.log_y), padding=12)
    y_axis = alt.Axis(format="~g", tickCount=6) if first.log_y else alt.Axis()
    count = len(curves)
    colours = cycled(COLOURS, count)
    dashes = cycled(_DASHES, count)
    legend = alt.Legend(
        orient="top",
        columns=3,
        labelLimit=300,
        symbolType="stroke",
        symbolSize=400,
        symbolOpacity=1,
        symbolStrokeWidth=2,
    )
    colour = alt.Color("curve:N", title=None, scale=alt.Scale(domain=list(curves), range=colours), legend=legend)
    shapes = cycled(SHAPES, len(backends))
    base = alt.Chart().encode(x=x, color=colour)
    return alt.layer(
        base.mark_line(strokeWidth=1.5).encode(
            y=alt.Y("exact:Q", title=first.quantity, scale=y_scale, axis=y_axis),
            strokeDash=alt.StrokeDash(
                "curve:N", title=None, scale=alt.Scale(domain=list(curves), range=dashes), legend=legend
            ),
        ),
        base.mark_rule(strokeWidth=2, opacity=0.6).encode(y=alt.Y("low:Q", scale=y_scale), y2="high:Q"),
        base.mark_point(size=34, opacity=1, strokeWidth=1.6).encode(
            y=alt.Y("measured:Q", scale=y_scale),
            shape=alt.Shape("backend:N", title="measured", scale=alt.Scale(domain=list(backends), range=shapes)),
            tooltip=[
                *(alt.Tooltip(f"{name}:N") for name in ("curve", "backend", "verdict")),
                *(alt.Tooltip(f"{name}:Q", format=".5~g") for name in ("x", "measured", "low", "high", "exact")),
                alt.Tooltip("deviation:Q", format=".2f", title="standard errors away"),
            ],
        ),
        data=pd.DataFrame(rows),
    )


def _laws(records: Sequence[Reproduction]) -> Table:
    rows = [
        (
            record.name,
            record.curve,
            record.backend,
            record.dtype,
            number(record.measured, 4),
            interval(record.low, record.high),
            number(record.exact, 4),
            "agrees" if record.agrees else "differs",
        )
        for record in records
    ]
    columns = ("paper", "law", "backend", "dtype", "measured", "interval", "exact", "verdict")
    return Table("Laws of the curves", columns, rows, frozenset({"law", "backend", "dtype", "verdict"}))


def _worst(records: Sequence[Reproduction]) -> Table:
    rows = [
        (
            record.name,
            record.figure,
            record.curve,
            record.backend,
            record.dtype,
            number(record.x),
            number(record.measured, 4),
            interval(record.low, record.high),
            number(record.exact, 4),
            number(record.deviation, 2),
            "agrees" if record.agrees else "differs",
        )
        for record in farthest(records)
    ]
    columns = ("paper", "figure", "curve", "backend", "dtype", "at", "measured", "interval", "exact")
    return Table(
        "The point of each curve that lies farthest from its exact value, in standard errors",
        (*columns, "away", "verdict"),
        rows,
        frozenset({"figure", "curve", "backend", "dtype", "verdict"}),
        True,
    )
