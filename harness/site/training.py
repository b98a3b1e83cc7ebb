"""Training: loss curves of the models in every framework, and how far the frameworks are apart."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from harness.results.schema import Record, Train, frame
from harness.site import palette
from harness.site.page import Figure, Section, Table, figure, of
from harness.site.text import number, plural, seconds, slug
from harness.training.agreement import Difference, differences

#: What must be equal for two losses to be comparable: model, objective and optimizer, dtype, device, seed, batch.
Curve = tuple[str, str, str, str, int, int]


def section(records: Sequence[Record], backends: Sequence[str]) -> Section | None:
    """Return the section on training, or None without a step."""
    steps = of(records, Train)
    if not steps:
        return None
    apart = differences(steps)
    largest = {
        dtype: max((row.relative_difference for row in apart if row.dtype == dtype), default=None)
        for dtype in sorted({record.dtype for record in steps})
    }
    notes = [
        "Losses are in nats per example, but for the article's literal loss, which has no unit. Weights, batches and "
        "noise are the same in every framework, so the curves should lie on one another: what is "
        "left is rounding, and it grows with the steps. The lower chart shows the largest relative difference between "
        "any two frameworks at each step; a difference of exactly 0 has no place on its logarithmic axis.",
        "Largest relative difference between frameworks: "
        + "; ".join(f"{dtype} {_size(value)}" for dtype, value in largest.items())
        + ".",
    ]
    models = sorted({record.model for record in steps})
    figures = []
    for model in models:
        own = [record for record in steps if record.model == model]
        figures.append(_curves(model, own, backends))
        drawable = [row for row in apart if row.model == model and 0 < row.relative_difference < math.inf]
        if drawable:
            figures.append(_apart(model, drawable))
    return Section("training", "Training in every framework", notes, figures, [_table(steps, apart)])


def _curves(model: str, records: Sequence[Train], backends: Sequence[str]) -> Figure:
    rows: list[dict[str, Any]] = [
        {
            "step": record.step,
            "loss": record.loss,
            "backend": record.backend,
            "dtype": record.dtype if record.device == "cpu" else f"{record.dtype} {record.device}",
            "objective": _goal(record),
            "seed": record.seed,
            "temperature": record.temperature,
            "series": f"{record.backend} {record.dtype} {record.device} {record.seed} {record.batch}",
        }
        for record in records
    ]
    # curves that coincide hide one another: dashes of one length, each backend's a little further on, show all
    dash = alt.StrokeDash(
        "backend:N",
        scale=alt.Scale(
            domain=list(backends), range=[[1, 0], *([6, 6] if n % 2 else [3, 9] for n in range(1, len(backends)))]
        ),
    )
    tooltip = [
        alt.Tooltip("backend:N"),
        alt.Tooltip("dtype:N"),
        alt.Tooltip("step:Q"),
        alt.Tooltip("loss:Q", format=".8~g", title="loss"),
        alt.Tooltip("temperature:Q", format=".4~g"),
        alt.Tooltip("seed:N"),
    ]
    chart = (
        alt.Chart(pd.DataFrame(rows))
        .mark_line(strokeWidth=2.2)
        .encode(
            x=alt.X("step:Q", title="step"),
            y=alt.Y("loss:Q", title="loss", scale=alt.Scale(zero=False)),
            color=palette.colour(backends),
            strokeDash=dash,
            detail="series:N",
            tooltip=tooltip,
        )
        .properties(width=370, height=220)
        .facet(
            row=alt.Row("objective:N", title=None, header=alt.Header(labelOrient="top")),
            column=alt.Column("dtype:N", title=None),
        )
        .resolve_scale(y="independent")
    )
    last = max(record.step for record in records)
    alt_text = f"Loss of {model} over {last + 1} steps, one line per backend, by dtype and objective."
    return figure(f"training-{slug(model)}", f"{model}: loss by step", alt_text, chart, frame(records))


def _apart(model: str, apart: Sequence[Difference]) -> Figure:
    rows = [
        {
            "step": row.step,
            "difference": row.relative_difference,
            "dtype": f"{row.dtype} {row.device}",
            "objective": _goal(row),
            "seed": row.seed,
        }
        for row in apart
    ]
    chart = (
        alt.Chart(pd.DataFrame(rows))
        .mark_line(point=alt.OverlayMarkDef(size=14), strokeWidth=1.4)
        .encode(
            x=alt.X("step:Q", title="step"),
            y=alt.Y(
                "difference:Q",
                title="relative difference",
                scale=alt.Scale(type="log"),
                axis=alt.Axis(format="~e", tickCount=6),
            ),
            color=alt.Color("dtype:N", scale=alt.Scale(range=["#CC79A7", "#56B4E9", "#D55E00", "#8C8C8C"])),
            detail="seed:N",
            tooltip=["step:Q", alt.Tooltip("difference:Q", format=".3~e"), "dtype:N", "objective:N", "seed:N"],
        )
        .properties(width=370, height=150)
        .facet(column=alt.Column("objective:N", title=None))
    )
    alt_text = f"Largest relative difference of the losses of {model} between backends at each step, by dtype."
    title = f"{model}: largest relative difference between frameworks"
    return figure(f"training-{slug(model)}-difference", title, alt_text, chart, pd.DataFrame(rows))


def _goal(row: Train | Difference) -> str:
    return f"{row.objective}, {row.optimizer}"


def _curve(row: Train | Difference) -> Curve:
    return row.model, _goal(row), row.dtype, row.device, row.seed, row.batch


def _table(steps: Sequence[Train], apart: Sequence[Difference]) -> Table:
    groups: dict[tuple[Curve, str], list[Train]] = defaultdict(list)
    for record in steps:
        groups[_curve(record), record.backend].append(record)
    worst: dict[Curve, float] = defaultdict(float)
    for row in apart:
        worst[_curve(row)] = max(worst[_curve(row)], row.relative_difference)
    rows = []
    for (key, backend), records in sorted(groups.items()):
        ordered = sorted(records, key=lambda record: record.step)
        later = sorted(record.seconds for record in ordered[1:]) or [ordered[0].seconds]
        rows.append(
            (
                key[0],
                key[1],
                backend,
                f"{key[3]} {key[2]}",
                str(key[4]),
                str(len(ordered)),
                _loss(ordered[0].loss),
                _loss(ordered[-1].loss),
                _size(worst.get(key)),
                seconds(later[len(later) // 2]),
            )
        )
    columns = (
        "model",
        "objective, optimizer",
        "backend",
        "on",
        "seed",
        "steps",
        "first loss",
        "last loss",
        "apart",
        "per step",
    )
    words = frozenset({"objective, optimizer", "backend", "on"})
    caption = f"{plural(len(rows), 'training')}: losses, largest relative difference between frameworks, median time"
    return Table(caption, columns, rows, words, True)


def _size(value: float | None) -> str:
    return "not finite" if value == math.inf else number(value)


def _loss(value: float | None) -> str:
    return "not finite" if value is None else number(value, 6)
