"""How seconds and peak memory grow with the size of the arguments: exponents, and the curves they come from."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import altair as alt

from harness.results.schema import Peak, Record, Time, frame
from harness.site import palette
from harness.site.page import Figure, Section, Table, figure, of
from harness.site.text import number, passes, plural, slug

_WORDS = frozenset({"backend", "on", "mode", "pass", "from, to"})


def exponents(times: Sequence[Time]) -> list[tuple[Time, Time, tuple[float, float, float]]]:
    """Return the two largest sizes of every call, and log(seconds ratio) / log(size ratio) with its range.

    The range is that from quartile to quartile: the least and the largest exponent of any pair of quartiles.
    """
    groups: dict[tuple[str, ...], dict[int, Time]] = defaultdict(dict)
    for r in times:
        groups[r.kernel, r.backend, r.dtype, r.device, r.mode, r.derivative][r.size] = r
    found = []
    for group in groups.values():
        if len(group) < 2:
            continue
        small, large = (group[size] for size in sorted(group)[-2:])
        pairs = (
            (large.seconds, small.seconds),
            (large.seconds_low, small.seconds_high),
            (large.seconds_high, small.seconds_low),
        )
        slope = math.log(large.size / small.size)
        middle, low, high = (math.log(a / b) / slope for a, b in pairs)
        found.append((small, large, (middle, low, high)))
    return found


def table(times: Sequence[Time]) -> Table:
    """Return the table of exponents; a call that was timed at one size has none."""
    rows = [
        (
            small.kernel,
            small.backend,
            f"{small.device} {small.dtype}",
            small.mode,
            passes(small.derivative),
            f"{small.size:,}, {large.size:,}",
            f"{middle:.2f}",
            f"[{low:.2f}, {high:.2f}]",
        )
        for small, large, (middle, low, high) in exponents(times)
    ]
    columns = ("kernel", "backend", "on", "mode", "pass", "from, to", "exponent", "quartile to quartile")
    caption = "Scaling exponent: seconds grow like elements to this power between the two largest sizes"
    return Table(caption, columns, rows, _WORDS, True)


def faster(times: Sequence[Time]) -> list[Time]:
    """Return, for each kernel, backend and size, the record of the faster mode: with the backward pass, if it has one.

    Args:
        times: on one device and dtype.
    """
    backward = {r.kernel for r in times if r.derivative == "vjp"}
    best: dict[tuple[str, str, int], Time] = {}
    for r in times:
        if r.kernel in backward and r.derivative != "vjp":
            continue
        key = (r.kernel, r.backend, r.size)
        best[key] = min(best.get(key, r), r, key=lambda record: record.seconds)
    return list(best.values())


def curves(times: Sequence[Time], place: str, backends: Sequence[str]) -> Figure:
    """Return seconds against size, in each framework's faster mode, of the kernels that were timed at several sizes.

    The backward pass is in it, where a kernel has one.

    Args:
        times: on one device and dtype.
        place: what to call these.
        backends: in the order of their colours.
    """
    kernels = {small.kernel for small, _, _ in exponents(times)}
    data = frame([record for record in faster(times) if record.kernel in kernels])
    scale = alt.Scale(type="log", nice=False, padding=6)
    x = alt.X("size:Q", scale=scale, axis=alt.Axis(format="~s", tickCount=4), title="elements")
    base = alt.Chart().encode(x=x, color=palette.colour(backends))
    tooltip = ["kernel:N", "backend:N", "mode:N", "size:Q", alt.Tooltip("seconds:Q", format=".3~s")]
    chart = (
        alt.layer(
            base.mark_area(opacity=0.2).encode(y=alt.Y("seconds_low:Q", scale=scale), y2="seconds_high:Q"),
            base.mark_line(point=True).encode(
                y=alt.Y("seconds:Q", scale=scale, axis=alt.Axis(format="~s"), title="seconds"),
                shape=palette.shape(backends),
                tooltip=tooltip,
            ),
            data=data,
        )
        .properties(width=185, height=130)
        .facet(facet=alt.Facet("kernel:N", title=None), columns=4)
        .resolve_scale(y="independent")
        .resolve_axis(x="independent")
    )
    alt_text = f"Seconds of one call against elements, of {plural(len(kernels), 'kernel')} on {place}, by backend."
    title = f"Time against size, {place}, with the backward pass; bands from quartile to quartile"
    return figure(f"scaling-{slug(place)}", title, alt_text, chart, data)


def peaks(records: Sequence[Record], backends: Sequence[str]) -> Section | None:
    """Return the section on peak memory of one call, or None without one."""
    found = of(records, Peak)
    if not found:
        return None
    notes = [
        "How far a call takes a fresh process over what its arguments fill, the most of three, in sizes of its largest "
        "argument: 2 is as much again as two such arrays, results included. What a compiler needs is in it, and "
        "weighs less the larger the arrays are; memory that an allocator kept of earlier work is not in it, which may "
        "be one array.",
        "GPU: not measured, since a process does not see the memory of its device.",
    ]
    largest: dict[str, int] = defaultdict(int)
    for record in found:
        largest[record.kernel] = max(largest[record.kernel], record.size)
    shown = [record for record in found if record.size == largest[record.kernel]]
    return Section("peak-memory", "Peak memory of a call", notes, [_bars(shown, backends)], [_peaks_table(found)])


def _bars(records: Sequence[Peak], backends: Sequence[str]) -> Figure:
    data = frame(records).assign(call=[f"{r.mode}, {passes(r.derivative)}" for r in records])
    chart = (
        alt.Chart(data)
        .mark_point(filled=True, size=45, opacity=1)
        .encode(
            x=alt.X("ratio:Q", scale=alt.Scale(type="log", padding=8), title="largest arguments"),
            y=alt.Y("kernel:N", title=None, axis=alt.Axis(grid=True)),
            yOffset=alt.YOffset("backend:N", scale=alt.Scale(domain=list(backends), paddingOuter=0.4)),
            color=palette.colour(backends),
            shape=palette.shape(backends),
            tooltip=["kernel:N", "backend:N", "call:N", "size:Q", "bytes:Q", alt.Tooltip("ratio:Q", format=".3g")],
        )
        .properties(width=195, height=alt.Step(9))
        .facet(column=alt.Column("call:N", title=None))
    )
    kernels = {record.kernel for record in records}
    alt_text = f"Peak memory of one call of {plural(len(kernels), 'kernel')} by backend, mode and pass."
    title = "Peak memory of one call, in sizes of its largest argument, at each kernel's largest size"
    return figure("peak-memory", title, alt_text, chart, frame(records))


def _peaks_table(records: Sequence[Peak]) -> Table:
    rows = [
        (
            record.kernel,
            record.backend,
            f"{record.device} {record.dtype}",
            record.mode,
            passes(record.derivative),
            f"{record.size:,}",
            f"{number(record.bytes / 1e6)} MB",
            number(record.ratio),
        )
        for record in sorted(records, key=lambda r: (r.kernel, r.derivative, r.mode, r.size, r.bytes))
    ]
    columns = ("kernel", "backend", "on", "mode", "pass", "elements", "peak", "largest arguments")
    return Table("Peak memory of one call", columns, rows, _WORDS, True)
