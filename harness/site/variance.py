"""Variance: each estimator's, with its interval and the exact value, per problem."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from harness.results.schema import Record, Variance, frame
from harness.site import biases, hits, palette
from harness.site.page import Figure, Section, Table, figure, of
from harness.site.text import interval, number, plural, slug
from harness.variance.judging import biased


def own_settings(records: Sequence[Variance]) -> dict[Variance, tuple[str, str]]:
    """Split each record's settings into those of its problem, which all its estimators share, and the estimator's."""
    names: dict[str, set[str]] = {}
    for record in records:
        given = {setting.partition("=")[0] for setting in record.settings.split()}
        names[record.problem] = names.get(record.problem, given) & given
    split = {}
    for record in records:
        settings = record.settings.split()
        shared = [s for s in settings if s.partition("=")[0] in names[record.problem]]
        own = [s for s in settings if s.partition("=")[0] not in names[record.problem]]
        split[record] = (" ".join(shared), " ".join(own))
    return split


def section(records: Sequence[Record], backends: Sequence[str]) -> Section | None:
    """Return the section on the estimators' noise, or None without a variance."""
    found = of(records, Variance)
    if not found:
        return None
    levels = sorted({record.confidence for record in found})
    notes = [
        "The variance of one gradient, averaged over the coordinates of a parameter, on a logarithmic scale. "
        f"Bars are {' or '.join(f'{100 * level:g} %' for level in levels)} intervals; the upright stroke is the exact "
        "variance, where the oracle knows it. A small variance can be bought with bias: see the table.",
        *filter(None, [hits.sentence(found) and f"{hits.sentence(found)}."]),
        f"{biases.sentence(found)} {biases.NOTE}",
    ]
    problems = sorted({record.problem for record in found})
    figures = [_chart(name, [record for record in found if record.problem == name], backends) for name in problems]
    return Section("variance", "Noise of the estimators", notes, figures, [_bias_table(found), _cost_table(found)])


def _labels(records: Sequence[Variance]) -> dict[Variance, str]:
    """Name each record by its estimator and by whatever else varies within the problem."""
    split = own_settings(records)
    many_problems = len({shared for shared, _ in split.values()}) > 1
    many_samples = len({record.samples for record in records}) > 1
    many_dimensions = len({(record.parameter, record.dimension) for record in records}) > len(
        {record.parameter for record in records}
    )
    labels = {}
    for record, (shared, own) in split.items():
        parts = [record.estimator, own, shared if many_problems else ""]
        parts.append(f"{record.samples} samples" if many_samples else "")
        parts.append(f"D={record.dimension}" if many_dimensions else "")
        labels[record] = " · ".join(part for part in parts if part)
    return labels


def _interval(record: Variance) -> str:
    """Return the interval of the variance, or that its tail is too heavy for one."""
    if record.trusted is False:
        return f"not to be trusted: tail {number(record.tail_shape, 2)}"
    return interval(record.variance_low, record.variance_high)


def _drawable(value: float | None) -> float | None:
    # a logarithmic axis has no place for 0: such an end of an interval is left out
    return value if value is not None and value > 0 else None


def _chart(problem: str, records: Sequence[Variance], backends: Sequence[str]) -> Figure:
    labels = _labels(records)
    ordered = sorted(records, key=lambda r: (r.estimator, r.dimension, r.samples, r.settings))
    order = list(dict.fromkeys(labels[record] for record in ordered))
    parameters = sorted({record.parameter for record in records})
    panels = [
        _panel(
            [_row(record, labels[record]) for record in records if record.parameter == parameter], order, backends
        ).properties(title=f"gradient by {parameter}")
        for parameter in parameters
    ]
    alt_text = (
        f"Variance of {plural(len(order), 'estimator')} on the problem {problem}, by backend, parameter and dtype, "
        "with intervals and exact values; the tables below hold the same numbers."
    )
    title = f"Problem {problem}: variance of one gradient"
    return figure(f"variance-{slug(problem)}", title, alt_text, alt.vconcat(*panels), frame(records))


def _row(record: Variance, label: str) -> dict[str, Any]:
    return {
        "label": label,
        "backend": record.backend,
        "dtype": record.dtype if record.device == "cpu" else f"{record.dtype} {record.device}",
        "variance": _drawable(record.variance),
        "low": None if record.trusted is False else _drawable(record.variance_low),
        "high": None if record.trusted is False else _drawable(record.variance_high),
        "exact": _drawable(record.exact_variance),
        "measured": number(record.variance, 4),
        "interval": _interval(record),
        "truth": number(record.exact_variance, 4),
        "bias": biases.summary(record),
        "settings": record.settings,
        "replicates": f"{record.replicates:,}",
    }


def _panel(rows: Sequence[dict[str, Any]], order: Sequence[str], backends: Sequence[str]) -> alt.FacetChart:
    """Draw one parameter: estimators down, variance across, a column per dtype."""
    fields = ("label", "backend", "dtype", "measured", "interval", "truth", "bias", "settings", "replicates")
    titles = {"label": "estimator", "measured": "variance", "truth": "exact variance"}
    scale = alt.Scale(type="log", nice=False, padding=12)
    axis = alt.Axis(tickCount=6, format="~g")
    base = alt.Chart().encode(
        y=alt.Y("label:N", title=None, sort=list(order), axis=alt.Axis(grid=True)),
        yOffset=alt.YOffset("backend:N", scale=alt.Scale(domain=list(backends), paddingOuter=0.35)),
        tooltip=[alt.Tooltip(f"{name}:N", title=titles.get(name, name)) for name in fields],
    )
    layers = alt.layer(
        base.mark_rule(strokeWidth=3, opacity=0.65).encode(
            x=alt.X("low:Q", scale=scale), x2="high:Q", color=palette.colour(backends)
        ),
        base.mark_point(filled=True, size=46, opacity=1).encode(
            x=alt.X("variance:Q", title="variance of one gradient", scale=scale, axis=axis),
            color=palette.colour(backends),
            shape=palette.shape(backends),
        ),
        base.mark_tick(style=palette.EXACT, thickness=2, size=13).encode(x=alt.X("exact:Q", scale=scale)),
        data=pd.DataFrame(rows),
    )
    return layers.properties(width=330, height=alt.Step(15)).facet(column=alt.Column("dtype:N", title=None))


def _row_name(record: Variance) -> tuple[str, ...]:
    place = record.dtype if record.device == "cpu" else f"{record.dtype} {record.device}"
    return (
        record.problem,
        record.estimator,
        record.parameter,
        record.settings,
        str(record.samples),
        record.backend,
        place,
    )


_NAMES = ("problem", "estimator", "parameter", "settings", "samples", "backend", "in")
_WORDS = frozenset({"estimator", "parameter", "settings", "backend", "in"})


def _bias_table(records: Sequence[Variance]) -> Table:
    rows = [
        (
            *_row_name(record),
            *biases.cells(record),
            number(record.variance, 4),
            _interval(record),
            number(record.exact_variance, 4),
        )
        for record in sorted(records, key=_row_name)
    ]
    columns = (*_NAMES, *biases.COLUMNS, "variance", "interval", "exact variance")
    return Table("Bias and variance of one gradient", columns, rows, _WORDS | {"verdict"}, True)


def _cost_table(records: Sequence[Variance]) -> Table:
    timed = [record for record in records if record.work_normalized_variance is not None]
    order = sorted(timed, key=lambda r: (r.problem, r.parameter, r.dtype, r.work_normalized_variance or 0.0))
    rows = [
        (
            *_row_name(record),
            number(record.variance),
            "–" if record.seconds_per_gradient is None else f"{number(1e9 * record.seconds_per_gradient)}",
            number(record.work_normalized_variance),
            biases.verdict(record) if biased(record) else "",
        )
        for record in order
    ]
    columns = (*_NAMES, "variance", "ns per gradient", "variance × seconds", "note")
    caption = "Work-normalized variance: variance times the seconds of one gradient; smaller is better"
    return Table(caption, columns, rows, _WORDS | {"note"}, True)
