"""Time: seconds per call, by kernel, backend and mode, forward and with the backward pass."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import altair as alt
import pandas as pd

from harness.results.schema import Record, Time, frame
from harness.site import palette, scaling
from harness.site.page import Figure, Section, Table, figure, of
from harness.site.text import PASSES, passes, plural, seconds, slug


def place(record: Time) -> str:
    """Return the device and the dtype."""
    return f"{record.device} {record.dtype}"


def section(records: Sequence[Record], backends: Sequence[str]) -> Section | None:
    """Return the section on time, or None without one."""
    times = of(records, Time)
    if not times:
        return None
    repeats = sorted({record.repeats for record in times})
    notes = [
        "Seconds of one call, results waited for, on a logarithmic scale: the median, with a bar from the first to the "
        "third quartile. Compilation is not in it; the table below holds the first call, which compiles.",
        f"{plural(len(times), 'timing')}, {repeats[0]}{f' to {repeats[-1]}' if len(repeats) > 1 else ''} calls each.",
    ]
    places = {where: [record for record in times if place(record) == where] for where in sorted(map(place, times))}
    figures = [_chart(where, own, backends) for where, own in places.items()]
    figures += [scaling.curves(own, where, backends) for where, own in places.items() if scaling.exponents(own)]
    tables = [_table(times)]
    if scaling.exponents(times):
        tables.append(scaling.table(times))
    else:
        notes.append("Scaling exponents: not measured, since every kernel was timed at one size.")
    return Section("time", "What it costs", notes, figures, tables)


def largest(records: Sequence[Time]) -> list[Time]:
    """Return the records of each kernel's largest size."""
    sizes: dict[str, int] = defaultdict(int)
    for record in records:
        sizes[record.kernel] = max(sizes[record.kernel], record.size)
    return [record for record in records if record.size == sizes[record.kernel]]


def _chart(where: str, records: Sequence[Time], backends: Sequence[str]) -> Figure:
    shown = largest(records)
    rows = [
        {
            "kernel": record.kernel,
            "backend": record.backend,
            "pass": f"{record.mode}, {passes(record.derivative)}",
            "seconds": record.seconds,
            "low": record.seconds_low,
            "high": record.seconds_high,
            "median": seconds(record.seconds),
            "quartiles": f"{seconds(record.seconds_low)} to {seconds(record.seconds_high)}",
            "first": seconds(record.seconds_first_call),
            "size": f"{record.size:,}",
            "repeats": record.repeats,
        }
        for record in shown
    ]
    fields = ("kernel", "backend", "pass", "median", "quartiles", "first", "size", "repeats")
    titles = {"first": "first call", "size": "elements"}
    scale = alt.Scale(type="log", nice=False, padding=10)
    axis = alt.Axis(format="~s", tickCount=4, labelFlush=False)
    base = alt.Chart().encode(
        y=alt.Y("kernel:N", title=None, axis=alt.Axis(grid=True)),
        yOffset=alt.YOffset("backend:N", scale=alt.Scale(domain=list(backends), paddingOuter=0.4)),
        color=palette.colour(backends),
        tooltip=[alt.Tooltip(f"{name}:N", title=titles.get(name, name)) for name in fields],
    )
    chart = (
        alt.layer(
            base.mark_rule(strokeWidth=2, opacity=0.65).encode(x=alt.X("low:Q", scale=scale), x2="high:Q"),
            base.mark_point(filled=True, size=36, opacity=1).encode(
                x=alt.X("seconds:Q", title="seconds", scale=scale, axis=axis), shape=palette.shape(backends)
            ),
            data=pd.DataFrame(rows),
        )
        .properties(width=195, height=alt.Step(9))
        .facet(
            column=alt.Column("pass:N", title=None, sort=sorted({str(row["pass"]) for row in rows}, key=_pass_order))
        )
    )
    kernels = len({record.kernel for record in shown})
    sizes = sorted({record.size for record in shown})
    size = f"{sizes[0]:,} elements" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,} elements"
    alt_text = f"Seconds per call of {plural(kernels, 'kernel')} at {size} on {where}, by backend, mode and pass."
    title = f"Time per call, {where}, at each kernel's largest size ({size})"
    return figure(f"time-{slug(where)}", title, alt_text, chart, frame(records))


def _pass_order(name: str) -> tuple[str, int]:
    mode, _, what = name.partition(", ")
    return mode, list(PASSES.values()).index(what) if what in PASSES.values() else len(PASSES)


def _table(times: Sequence[Time]) -> Table:
    rows = [
        (
            record.kernel,
            record.backend,
            place(record),
            record.mode,
            passes(record.derivative),
            f"{record.size:,}",
            seconds(record.seconds),
            f"{seconds(record.seconds_low)} to {seconds(record.seconds_high)}",
            seconds(record.seconds_first_call),
        )
        for record in sorted(times, key=lambda r: (r.kernel, r.size, r.derivative, r.mode, place(r), r.seconds))
    ]
    columns = ("kernel", "backend", "on", "mode", "pass", "elements", "median", "quartiles", "first call")
    words = frozenset({"backend", "on", "mode", "pass"})
    return Table("Seconds per call, fastest first within each kernel, size, pass and mode", columns, rows, words, True)
