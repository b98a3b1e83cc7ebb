"""Noise along training: each estimator's variance at the start, in the middle and at the end, and its bias."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from harness.results.schema import Record, TrainingVariance, frame
from harness.site import biases, palette
from harness.site.page import Figure, Section, Table, figure, of
from harness.site.text import interval, number, plural, slug


def section(records: Sequence[Record], backends: Sequence[str]) -> Section | None:
    """Return the section on the estimators' noise along training, or None without a record."""
    found = of(records, TrainingVariance)
    if not found:
        return None
    levels = sorted({record.confidence for record in found})
    notes = [
        "The variance of one gradient of the evidence lower bound of 8 digits, by the parameters of their posterior "
        "and averaged over them, at the weights that each framework has reached after so many steps of training. From "
        "there to the encoder's weights the chain rule is the same for every estimator. Weights, batches and noise are "
        f"the same in every framework. Bars are {' or '.join(f'{100 * level:g} %' for level in levels)} intervals; the "
        "scale is logarithmic.",
        "The true gradient is a long run by an independent method at the same weights, and its own error counts. "
        f"{biases.sentence(found)} {biases.NOTE}",
    ]
    models = sorted({record.model for record in found})
    figures = [_chart(name, [record for record in found if record.model == name], backends) for name in models]
    return Section("trajectory", "Noise along training", notes, figures, [_table(found)])


def _drawable(value: float | None) -> float | None:
    # a logarithmic axis has no place for 0
    return value if value is not None and value > 0 else None


def _label(record: TrainingVariance) -> str:
    return f"{record.estimator} · {record.settings}" if record.settings else record.estimator


def _row(record: TrainingVariance) -> dict[str, Any]:
    return {
        "estimator": _label(record),
        "backend": record.backend,
        "panel": f"by {record.parameter}, {record.dtype}" + ("" if record.device == "cpu" else f" {record.device}"),
        "step": f"{record.step:,}",
        "variance": _drawable(record.variance),
        "low": _drawable(record.variance_low),
        "high": _drawable(record.variance_high),
        "measured": number(record.variance, 4),
        "interval": interval(record.variance_low, record.variance_high),
        "bias": biases.summary(record),
        "replicates": f"{record.replicates:,}",
    }


def _chart(model: str, records: Sequence[TrainingVariance], backends: Sequence[str]) -> Figure:
    ordered = sorted(records, key=lambda r: (r.step, r.estimator, r.settings))
    steps = list(dict.fromkeys(f"{record.step:,}" for record in ordered))
    order = list(dict.fromkeys(_label(record) for record in ordered))
    scale = alt.Scale(type="log", nice=False, padding=12)
    fields = ("estimator", "backend", "step", "measured", "interval", "bias", "replicates")
    colour = alt.Color(
        "estimator:N",
        title=None,
        sort=order,
        scale=alt.Scale(domain=order, range=palette.cycled(palette.COLOURS, len(order))),
        legend=alt.Legend(orient="top", columns=2, labelLimit=320, symbolType="circle"),
    )
    base = alt.Chart().encode(
        x=alt.X("step:N", title="step", sort=steps, axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("backend:N", scale=alt.Scale(domain=list(backends), paddingOuter=1)),
        color=colour,
        tooltip=[alt.Tooltip(f"{name}:N") for name in fields],
    )
    axis = alt.Axis(tickCount=6, format="~g")
    layers = alt.layer(
        base.mark_line(strokeWidth=1.5, opacity=0.5).encode(y=alt.Y("variance:Q", scale=scale), detail="backend:N"),
        base.mark_rule(strokeWidth=3, opacity=0.65).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q"),
        base.mark_point(filled=True, size=46, opacity=1).encode(
            y=alt.Y("variance:Q", title="variance of one gradient", scale=scale, axis=axis),
            shape=palette.shape(backends),
        ),
        data=pd.DataFrame([_row(record) for record in ordered]),
    )
    chart = layers.properties(width=420, height=320).facet(column=alt.Column("panel:N", title=None))
    alt_text = (
        f"Variance of {plural(len(order), 'estimator')} of the gradient of {model} after {', '.join(steps)} steps of "
        "training, by backend and parameter, with intervals; the table below holds the same numbers."
    )
    title = f"{model}: variance of one gradient along training"
    return figure(f"trajectory-{slug(model)}", title, alt_text, chart, frame(records))


def _name(record: TrainingVariance) -> tuple[str, ...]:
    place = record.dtype if record.device == "cpu" else f"{record.dtype} {record.device}"
    return record.model, _label(record), record.parameter, record.backend, place


def _table(records: Sequence[TrainingVariance]) -> Table:
    rows = [
        (
            *_name(record),
            f"{record.step:,}",
            number(record.variance, 4),
            interval(record.variance_low, record.variance_high),
            *biases.cells(record),
        )
        for record in sorted(records, key=lambda r: (*_name(r), r.step))
    ]
    columns = ("model", "estimator", "parameter", "backend", "in", "step", "variance", "interval", *biases.COLUMNS)
    words = frozenset({"estimator", "parameter", "backend", "in", "verdict"})
    return Table("Bias and variance of one gradient along training", columns, rows, words, True)
