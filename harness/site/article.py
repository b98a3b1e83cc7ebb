"""The source article's formulas, taken literally, beside the right ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from harness.results.schema import Article, Record, frame
from harness.site import palette
from harness.site.page import Figure, Section, Table, figure, of
from harness.site.text import interval, number, plural


def differs(record: Article) -> bool | None:
    """Tell whether the right value lies outside the measurement's interval; None where there is no interval."""
    if record.measured_low is None or record.measured_high is None:
        return None
    return not record.measured_low <= record.right <= record.measured_high


def section(records: Sequence[Record], backends: Sequence[str]) -> Section | None:
    """Return the section on the article's literal formulas, or None without a measurement."""
    rows = of(records, Article)
    if not rows:
        return None
    judged = [differs(row) for row in rows if differs(row) is not None]
    notes = [
        "The formulas of the source article, taken literally, and the right ones for the same quantity. The point is "
        "what was measured, with its interval; the upright stroke is what a right formula gives.",
        f"In {sum(map(bool, judged))} of {plural(len(judged), 'measurement')} the right value lies outside the "
        "interval.",
    ]
    return Section("article", "The article, taken literally", notes, [_chart(rows, backends)], [_table(rows)])


def _chart(records: Sequence[Article], backends: Sequence[str]) -> Figure:
    quantities = sorted({record.quantity for record in records})
    panels = [
        _panel([record for record in records if record.quantity == quantity], backends).properties(title=quantity)
        for quantity in quantities
    ]
    alt_text = (
        f"{plural(len(quantities), 'panel')}, one per quantity: what the literal and the right formulas give, with the "
        "right value; the table below holds the same numbers."
    )
    return figure("article", "Literal formulas and the right values", alt_text, alt.vconcat(*panels), frame(records))


def _panel(records: Sequence[Article], backends: Sequence[str]) -> alt.LayerChart | alt.FacetChart:
    """Draw one quantity: formulas down, what they give across."""
    names = ("measured", "low", "high", "exact", "right")
    rows: list[dict[str, Any]] = [
        {
            "formula": f"{record.formula} · {record.dtype}",
            "backend": record.backend,
            "measured": record.measured,
            "low": record.measured_low,
            "high": record.measured_high,
            "exact": record.exact,
            "right": record.right,
            "samples": record.samples,
        }
        for record in records
    ]
    scale = alt.Scale(zero=False, padding=14)
    base = alt.Chart().encode(
        y=alt.Y("formula:N", title=None, axis=alt.Axis(grid=True)),
        yOffset=alt.YOffset("backend:N", scale=alt.Scale(domain=list(backends), paddingOuter=0.4)),
        tooltip=[
            *(alt.Tooltip(f"{name}:N") for name in ("formula", "backend")),
            *(alt.Tooltip(f"{name}:Q", format=".6~g") for name in names),
            alt.Tooltip("samples:Q", format=","),
        ],
    )
    layers = alt.layer(
        base.mark_tick(style=palette.EXACT, thickness=2, size=13).encode(x=alt.X("right:Q", scale=scale)),
        base.mark_rule(strokeWidth=3, opacity=0.65).encode(
            x=alt.X("low:Q", scale=scale), x2="high:Q", color=palette.colour(backends)
        ),
        base.mark_point(filled=True, size=46, opacity=1).encode(
            x=alt.X("measured:Q", title="measured, with the right value", scale=scale),
            color=palette.colour(backends),
            shape=palette.shape(backends),
        ),
        data=pd.DataFrame(rows),
    )
    return layers.properties(width=480, height=alt.Step(13))


def _table(records: Sequence[Article]) -> Table:
    verdicts = {None: "–", True: "differs", False: "agrees"}
    rows = [
        (
            record.quantity,
            record.formula,
            record.backend,
            record.dtype,
            number(record.measured, 5),
            interval(record.measured_low, record.measured_high),
            number(record.exact, 5),
            number(record.right, 5),
            verdicts[differs(record)],
        )
        for record in sorted(records, key=lambda r: (r.quantity, r.formula, r.backend, r.dtype))
    ]
    columns = ("quantity", "formula", "backend", "dtype", "measured", "interval", "in the limit", "right", "verdict")
    words = frozenset({"formula", "backend", "dtype", "verdict"})
    return Table("Literal and right formulas: measured, exact in the limit, and right", columns, rows, words, True)
