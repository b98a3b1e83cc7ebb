"""What the measurements of estimators are worth: coverage of the intervals, speed of the stream, and decisions."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.results.schema import Coverage, Recommendation, Record, Stream, Throughput
from harness.site.page import Section, Table, of
from harness.site.text import interval, number, plural, seconds

_WHOSE = ("backend", "estimator", "in")


def coverage(records: Sequence[Record], backends: Sequence[str]) -> Section | None:
    """Return the section on the coverage of intervals, or None without one."""
    del backends
    rows = of(records, Coverage)
    if not rows:
        return None
    notes = [
        "The same measurement repeated, each time on other noise: how often its interval holds the exact value, and "
        "how often the tail diagnostic marks it. At 95 % an interval that covers more is too long, one that covers "
        "less promises too much; the brackets are exact 95 % intervals of the coverage itself. Repeats are independent "
        "of one another, rows are not: backends and parameters of one estimator see the same noise, and miss together.",
    ]
    cells = [
        (
            row.quantity,
            row.estimator,
            row.problem,
            row.parameter,
            row.backend,
            row.dtype,
            f"{row.replicates:,}",
            f"{row.repeats:,}",
            f"{row.coverage:.3f}",
            interval(row.coverage_low, row.coverage_high),
            f"{row.untrusted:.3f}",
        )
        for row in sorted(rows, key=lambda row: (row.quantity, row.estimator, row.problem, row.replicates, row.backend))
    ]
    columns = (
        "interval of the", "estimator", "problem", "by", "backend", "in", "replicates", "repeats", "coverage", "95 %",
        "marked",
    )  # fmt: skip
    words = frozenset({"interval of the", "estimator", "problem", "by", "backend", "in"})
    return Section("coverage", "Do the intervals hold?", notes, [], [Table("Coverage", columns, cells, words, True)])


def throughput(records: Sequence[Record], backends: Sequence[str]) -> Section | None:
    """Return the section on the speed of the stream, or None without one."""
    del backends
    rates, streams = of(records, Throughput), of(records, Stream)
    if not rates and not streams:
        return None
    notes = [
        "Gradients per second of the streaming engine, which sums mean and variance of each coordinate, beside an "
        "eager loop over single samples, and the share of its time that the mere draw of the same normals in the same "
        "blocks takes; all take turns in one process. Below: long streams of scalar gradients, each in a fresh "
        "process.",
    ]
    tables = []
    if rates:
        cells = [
            (
                row.backend,
                row.estimator,
                row.dtype,
                str(row.dimension),
                f"{row.gradients_per_second:.3g}",
                f"{row.loop_ratio:.0f} {interval(row.loop_ratio_low, row.loop_ratio_high)}",
                f"{row.floor_ratio:.2f} {interval(row.floor_ratio_low, row.floor_ratio_high)}",
                str(row.turns),
            )
            for row in rates
        ]
        columns = (
            "backend",
            "estimator",
            "in",
            "coordinates",
            "gradients/s",
            "times the loop",
            "draw's share",
            "turns",
        )
        words = frozenset({"backend", "estimator", "in"})
        tables.append(Table("Gradients per second (medians, 95 % intervals)", columns, cells, words, True))
    if streams:
        long = [
            (
                row.backend,
                row.estimator,
                row.dtype,
                f"{row.replicates:,}",
                seconds(row.seconds),
                f"{row.bytes / 2**20:.0f} MiB",
            )
            for row in sorted(streams, key=lambda row: (row.backend, row.estimator, row.replicates))
        ]
        names = (*_WHOSE, "gradients", "time", "memory over the start")
        tables.append(Table("Long streams", names, long, frozenset(_WHOSE), True))
    return Section("throughput", "Speed of the streaming engine", notes, [], tables)


def recommendations(records: Sequence[Record], backends: Sequence[str]) -> Section | None:
    """Return the section that ranks estimators, or None without one."""
    del backends
    rows = of(records, Recommendation)
    if not rows:
        return None
    ranked = [row for row in rows if not row.needs_oracle and not row.skipped]
    with_oracle = [row for row in rows if row.needs_oracle and not row.skipped]
    estimators, problems, places = (
        {getattr(row, field) for row in ranked} for field in ("estimator", "problem", "backend")
    )
    notes = [
        "What a number of seconds buys: the expected squared distance of the averaged gradient from the true one, "
        "summed over coordinates, with as many gradients as fit into the budget on this machine. Estimators that "
        "cannot be told apart from the best, at 5 % over all comparisons, are marked by =. Ratio: of the squared error "
        "to that of the first. Amortised: seconds of one gradient in a block of thousands, of which the gradients "
        "are made, its draw included; alone: of a call that computes one gradient.",
        f"{plural(len(estimators), 'estimator')} on {plural(len(problems), 'problem')} in "
        f"{plural(len(places), 'backend')}, ranked on each problem in each backend.",
    ]
    skipped = dict.fromkeys(f"{row.estimator} on {row.problem}: {row.skipped}" for row in rows if row.skipped)
    notes += [f"Skipped: {line}." for line in skipped]
    seen = dict.fromkeys(f"{row.estimator} on {row.problem} in {row.backend}" for row in rows if row.bias_seen)
    notes += [f"A bias is seen that its law does not have: {line}." for line in seen]
    tables = [_ranking("Estimators by what they buy", ranked)]
    if with_oracle:
        caption = "Not ranked, since they need an oracle: exact moments, or a sum over every outcome"
        tables.append(_ranking(caption, with_oracle))
    return Section("recommendations", "Which estimator?", notes, [], tables)


def _ranking(caption: str, rows: Sequence[Recommendation]) -> Table:
    """Return a table of estimators, problem by problem and backend by backend."""
    last = math.inf
    ordered = sorted(rows, key=lambda row: (row.problem, row.backend, row.rank or last, row.mean_squared_error or 0.0))
    cells = [
        (
            f"{row.problem}, {row.dimension}",
            row.backend,
            seconds(row.budget_seconds),
            "–" if row.rank is None else f"{row.rank}{' =' if row.as_good_as_the_best else ''}",
            row.estimator,
            "not to be trusted"
            if row.trusted is False
            else f"{number(row.mean_squared_error, 3)} {interval(row.low, row.high)}",
            number(row.ratio),
            number(row.bias_squared, 2),
            "–" if row.gradients is None else f"{row.gradients:,.0f}",
            seconds(row.seconds_per_gradient),
            seconds(row.seconds_alone),
        )
        for row in ordered
    ]
    columns = (
        "problem, coordinates", "backend", "budget", "rank", "estimator", "squared error", "ratio", "of it bias",
        "gradients", "each, amortised", "alone",
    )  # fmt: skip
    words = frozenset({"problem, coordinates", "backend", "rank", "estimator"})
    return Table(caption, columns, cells, words, True)
