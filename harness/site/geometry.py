"""Information geometry: products with the Fisher information in gradients, memory of a solve, natural gradient."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from harness.results.schema import Memory, Race, Ratio, Record, frame
from harness.site import palette
from harness.site.page import Figure, Section, Table, figure, of
from harness.site.text import interval, number, plural, seconds, slug
from harness.training import race as races


def products(records: Sequence[Record], backends: Sequence[str]) -> Section | None:
    """Return the section on curvature-vector products, or None without one."""
    rows = of(records, Ratio)
    if not rows:
        return None
    notes = [
        "One product with the Fisher information of a classifier's weights, its preparation not counted, in gradients "
        "of the same network and batch: both take turns in one process, and the ratio is taken within each turn. The "
        "gradient is that of the framework's quickest mode. A library takes its turns beside the framework it is "
        "built on.",
        f"{plural(len(rows), 'ratio')}: medians of {min(row.turns for row in rows)} turns or more, with 95 % intervals "
        "of the median.",
    ]
    places = defaultdict(list)
    for row in rows:
        places[f"{row.network} {row.device} {row.dtype}"].append(row)
    named = list(dict.fromkeys([*backends, *(row.backend for row in rows)]))
    figures = [_chart(place, own, named) for place, own in places.items()]
    return Section("curvature", "Fisher-vector products", notes, figures, [_ratios(rows)])


def _chart(place: str, records: Sequence[Ratio], backends: Sequence[str]) -> Figure:
    shown = [row for row in records if row.reference.startswith("gradient")]
    rows: list[dict[str, Any]] = [
        {
            "product": f"{row.subject}, {row.mode}",
            "backend": row.backend,
            "ratio": row.ratio,
            "low": row.ratio_low,
            "high": row.ratio_high,
        }
        for row in shown
    ]
    order = list(dict.fromkeys(str(row["product"]) for row in rows))
    x = alt.X("ratio:Q", title="gradients", scale=alt.Scale(type="log", nice=False), axis=alt.Axis(format="~g"))
    base = alt.Chart().encode(
        y=alt.Y("product:N", title=None, sort=order),
        yOffset=alt.YOffset("backend:N", scale=alt.Scale(domain=list(backends))),
        color=palette.colour(backends),
        tooltip=[
            "product:N",
            "backend:N",
            *(alt.Tooltip(f"{name}:Q", format=".3~g") for name in ("ratio", "low", "high")),
        ],
    )
    chart = alt.layer(
        base.mark_rule(strokeWidth=1.6).encode(x=alt.X("low:Q", title="gradients"), x2="high:Q"),
        base.mark_point(filled=True, size=36, opacity=1).encode(x=x, shape=palette.shape(backends)),
        data=pd.DataFrame(rows),
    ).properties(width=430, height=alt.Step(9))
    network, device, dtype = place.split()
    batch = shown[0].batch
    alt_text = (
        f"Cost of {plural(len(order), 'product')} with network {network}, batch {batch}, by backend, in gradients."
    )
    title = f"One product in gradients: network {network}, batch {batch}, {dtype} on {device}"
    return figure(f"curvature-{slug(place)}", title, alt_text, chart, frame(records))


def _ratios(records: Sequence[Ratio]) -> Table:
    rows = [
        (
            row.subject,
            row.backend,
            row.mode,
            f"{row.device} {row.dtype}",
            f"{row.network}, {row.batch}",
            seconds(row.seconds),
            row.reference,
            number(row.ratio),
            interval(row.ratio_low, row.ratio_high),
        )
        for row in records
    ]
    columns = (
        "product",
        "backend",
        "mode",
        "on",
        "network, batch",
        "one call",
        "in calls of",
        "ratio",
        "95 % interval",
    )
    words = frozenset({"backend", "mode", "on", "network, batch", "in calls of"})
    return Table("Cost of one product, in calls of the gradient or of a library's product", columns, rows, words, True)


def memory(records: Sequence[Record], _: Sequence[str]) -> Section | None:
    """Return the section on the memory of a matrix-free solve, or None without one."""
    found = of(records, Memory)
    if not found:
        return None
    rows = [
        (
            row.subject if not row.iterations else f"{row.subject}, {plural(row.iterations, 'iteration')}",
            row.backend,
            row.mode,
            row.dtype,
            f"{row.network}, {row.batch}",
            f"{row.parameters:,}",
            f"{number(row.bytes / 1e6)} MB",
            number(row.ratio),
        )
        for row in found
    ]
    columns = ("subject", "backend", "mode", "dtype", "network, batch", "parameters", "peak", "gradients")
    words = frozenset({"backend", "mode", "dtype", "network, batch"})
    note = (
        "How far the resident memory of a process grows over what weights and data fill: for one gradient, and for a "
        "solve with the Fisher information by conjugate gradient, which forms no matrix. Compilation is in both."
    )
    return Section("memory", "Memory of a solve", [note], (), [Table("Peak memory", columns, rows, words)])


def rivals(records: Sequence[Record], _: Sequence[str]) -> Section | None:
    """Return the section on steps and seconds to another optimizer's loss, or None without one."""
    found = of(records, Race)
    if not found:
        return None
    groups: dict[tuple[str, ...], list[Race]] = defaultdict(list)
    for record in found:
        told = f"{record.optimizer} ({record.settings})", f"{record.against} ({record.against_settings})"
        groups[record.model, *told, f"{record.against_steps}"].append(record)
    rows = [
        (
            model,
            row.backend,
            f"{row.device} {row.dtype}",
            other,
            steps,
            f"{row.reached} of {row.runs}",
            number(row.steps[0]),
            interval(*row.steps[1:]),
            seconds(row.seconds),
            seconds(row.against_seconds),
            number(row.ratio[0]),
            interval(*row.ratio[1:]),
        )
        for (model, _optimizer, other, steps), own in groups.items()
        for row in races.summaries(own)
    ]
    columns = (
        "model", "backend", "on", "target: the loss of", "after steps", "reached", "steps", "95 %", "time",
        "the other's time", "ratio", "95 %",
    )  # fmt: skip
    words = frozenset({"backend", "on", "target: the loss of"})
    notes = [
        "How many steps and seconds one optimizer needs to reach the loss that another has after its steps. Both see "
        "all examples at every step and run one after the other in one process, from the initial weights of each seed; "
        "compilation is not counted. Means over the seeds, and the geometric mean of the ratio of seconds, with "
        "Student t intervals.",
        f"{plural(len(found), 'race')}; the one that has to reach the target: "
        + "; ".join(dict.fromkeys(optimizer for _, optimizer, _, _ in groups))
        + ".",
    ]
    return Section("race", "Natural gradient against Adam", notes, (), [Table("Steps and time", columns, rows, words)])
