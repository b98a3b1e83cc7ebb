"""The pictures that carry the three answers, each small enough to stand beside the others on one screen."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

import altair as alt
import pandas as pd

from harness.backends import is_library
from harness.results.schema import Check, Record, Time, Variance, frame
from harness.site import palette
from harness.site.answers import widest
from harness.site.page import Figure, figure, of
from harness.site.ratios import ratio
from harness.site.scaling import faster
from harness.site.text import plural
from harness.site.timing import largest, place

#: Of what is drawn, in pixels; with the names beside it, it fits a third of a page and a phone.
_WIDTH, _LABELS = 125, 160

_LOG = alt.Scale(type="log", nice=False, padding=8)
_AXIS = alt.Axis(format=".0e", tickCount=3, labelFlush=False)
_SECONDS = alt.Axis(format="~s", tickCount=3, labelFlush=False)
_NAMES = alt.Axis(labelLimit=_LABELS, grid=True)


def right(records: Sequence[Record], backends: Sequence[str]) -> Figure | None:
    """Return the worst error of every kernel over its budget, by backend, or None without a check."""
    groups: dict[tuple[str, str], list[Check]] = defaultdict(list)
    for check in of(records, Check):
        if not is_library(check.backend):
            groups[check.backend, check.kernel].append(check)
    rows = [
        {"backend": backend, "kernel": kernel, "error": times, "fails": times > 1}
        for (backend, kernel), checks in groups.items()
        if math.isfinite(times := max(map(ratio, checks))) and times > 0
    ]
    if not rows:
        return None
    data = pd.DataFrame(rows)
    shown = [name for name in backends if name in set(data["backend"])]
    y = alt.Y("backend:N", title=None, scale=alt.Scale(domain=shown), axis=_NAMES)
    ticks = (
        alt.Chart(data)
        .mark_tick(thickness=2, opacity=0.6)
        .encode(
            x=alt.X("error:Q", title="worst error / budget", scale=_LOG, axis=_AXIS),
            y=y,
            color=palette.colour(backends).legend(None),
            tooltip=["kernel:N", "backend:N", alt.Tooltip("error:Q", format=".3g")],
        )
    )
    budget = alt.Chart(pd.DataFrame({"error": [1.0]})).mark_rule(style=palette.EXACT).encode(x="error:Q")
    chart = alt.layer(ticks, budget).properties(width=_WIDTH, height=alt.Step(40))
    kernels = len({row["kernel"] for row in rows})
    alt_text = f"Worst error of {plural(kernels, 'kernel')} over its budget, by backend; the line is the budget."
    return figure("overview-agreement", "Each kernel’s worst error; the line is its budget", alt_text, chart, data)


def noisy(records: Sequence[Record], _: Sequence[str]) -> Figure | None:
    """Return the variance of all estimators of the gradient on which they are farthest apart, or None."""
    group = widest(of(records, Variance))
    if not group:
        return None
    first = group[0]
    data = frame(group)
    base = alt.Chart(data).encode(
        y=alt.Y("estimator:N", title=None, sort=alt.SortField("variance"), axis=_NAMES),
        tooltip=["estimator:N", *(alt.Tooltip(f"{name}:Q", format=".3g") for name in ("variance", "variance_low",
                 "variance_high", "replicates"))],
    )  # fmt: skip
    x = alt.X("variance:Q", title="variance of one gradient", scale=_LOG, axis=_AXIS)
    interval = base.mark_rule(strokeWidth=2).encode(x=alt.X("variance_low:Q", scale=_LOG), x2="variance_high:Q")
    chart = alt.layer(interval, base.mark_point(filled=True, size=50, opacity=1).encode(x=x)).properties(
        width=_WIDTH, height=alt.Step(30)
    )
    place = f"{first.problem} by {first.parameter}, {first.backend}"
    alt_text = f"Variance of one gradient of {plural(len(group), 'estimator')} on {place}, with intervals."
    return figure("overview-variance", f"Variance of one gradient on {place}", alt_text, chart, data)


def costs(records: Sequence[Record], backends: Sequence[str]) -> Figure | None:
    """Return seconds of each kernel where most was timed, every backend in its faster mode, or None without a time."""
    times = of(records, Time)
    if not times:
        return None
    ((where, _),) = Counter(map(place, times)).most_common(1)
    shown = faster(largest([record for record in times if place(record) == where]))
    data = frame(shown)
    chart = (
        alt.Chart(data)
        .mark_point(filled=True, size=45, opacity=1)
        .encode(
            x=alt.X("seconds:Q", title="seconds of one call", scale=_LOG, axis=_SECONDS),
            y=alt.Y("kernel:N", title=None, axis=_NAMES),
            color=palette.colour(backends).legend(orient="top", title=None, symbolSize=60),
            shape=palette.shape(backends),
            tooltip=["kernel:N", "backend:N", "mode:N", "size:Q", alt.Tooltip("seconds:Q", format=".3~s")],
        )
        .properties(width=_WIDTH, height=alt.Step(20))
    )
    kernels = len({record.kernel for record in shown})
    alt_text = f"Seconds of {plural(kernels, 'kernel')} with the backward pass, by backend in its faster mode, {where}."
    return figure("overview-time", f"With the backward pass, each in its faster mode, {where}", alt_text, chart, data)


#: In the order of the answers.
PICTURES: tuple[Callable[[Sequence[Record], Sequence[str]], Figure | None], ...] = (right, noisy, costs)


def pictures(records: Sequence[Record], backends: Sequence[str]) -> list[Figure | None]:
    """Return the picture of each answer, None where there is nothing to draw.

    Args:
        records: of the latest runs.
        backends: in the order of their colours.
    """
    return [make(records, backends) for make in PICTURES]
