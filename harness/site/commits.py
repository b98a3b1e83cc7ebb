"""Times over the commits, from asv's database: each relative to its first commit, with the steps that asv detects."""

from __future__ import annotations

import itertools
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

from harness.site import palette
from harness.site.page import Figure, Section, Table, figure
from harness.site.text import number, plural, seconds, slug

ANCHOR, TITLE = "commits", "Over the commits"

#: Characters of a commit's name that are shown, and commits below which there is no change to show.
SHORT, LEAST_COMMITS = 8, 2

#: Relative change below which a step is not told, where asv.conf.json says nothing: asv's own.
THRESHOLD = 0.05


@dataclass(frozen=True)
class Point:
    """One result.

    Attributes:
        commit: its hash.
        date: of the commit, in milliseconds since 1970.
        value: in the benchmark's unit.
        low: lower end of asv's 99 % interval; None where there is none.
        high: its upper end.
    """

    commit: str
    date: int
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Series:
    """The results of one benchmark at one set of parameters on one machine, by the date of the commit.

    Attributes:
        benchmark: its name in asv.
        title: what it is, for readers.
        unit: of its values.
        parameters: name -> value.
        machine: where it was measured.
        points: at least one.
    """

    benchmark: str
    title: str
    unit: str
    parameters: Mapping[str, str]
    machine: str
    points: Sequence[Point] = field(default_factory=tuple)

    @property
    def entry(self) -> str:
        """Its name with its parameters, as asv's thresholds match it."""
        return f"{self.benchmark}({', '.join(map(repr, self.parameters.values()))})"

    @property
    def subject(self) -> str:
        """What is measured: its parameters but the backend."""
        return ", ".join(value for name, value in self.parameters.items() if name != "backend")


@dataclass(frozen=True)
class Step:
    """A change of level between two commits that follow each other in a series.

    Attributes:
        before: the last point of the old level.
        after: the first point of the new one.
        old: the old level.
        new: the new level.
        regression: whether asv marks it: worse, beyond the threshold, not made good since, and no return from a dip.
    """

    before: Point
    after: Point
    old: float
    new: float
    regression: bool


def read(folder: Path) -> list[Series]:
    """Return everything in a database of asv, in the order of benchmarks and parameters.

    Results of another version of a benchmark, and values that were not measured, are left out.

    Args:
        folder: `results_dir` of asv.

    Raises:
        ImportError: asv is not installed.
        asv.util.UserError: the folder is no such database.
    """
    from asv.benchmarks import Benchmarks
    from asv.config import Config
    from asv.results import iter_results

    config = Config()
    config.results_dir = str(folder)
    benchmarks = Benchmarks.load(config)
    points: dict[tuple[str, str, int], list[Point]] = defaultdict(list)
    for results in sorted(iter_results(str(folder)), key=lambda one: (one.date, one.commit_hash)):
        for name in results.get_result_keys(benchmarks):
            for index, point in _points(results, name, benchmarks[name]["params"]):
                points[results.params["machine"], name, index].append(point)
    return [
        _series(benchmarks[name], index, machine, points[machine, name, index])
        for machine, name, index in sorted(points)
    ]


def _points(results: Any, name: str, params: Sequence[Sequence[str]]) -> Iterator[tuple[int, Point]]:
    values = results.get_result_value(name, params)
    stats = results.get_result_stats(name, params)
    for index, (value, told) in enumerate(zip(values, stats, strict=True)):
        if value is not None and value == value:  # noqa: PLR0124  # not NaN, which is what was skipped
            ends = (told["ci_99_a"], told["ci_99_b"]) if told else ()
            known = all(map(math.isfinite, ends))  # infinite where there are too few samples
            yield index, Point(results.commit_hash, results.date, value, *(ends if known else ()))


def _series(benchmark: Mapping[str, Any], index: int, machine: str, points: Sequence[Point]) -> Series:
    sets = itertools.product(*benchmark["params"])
    chosen = next(itertools.islice(sets, index, None))
    names = (value.strip("'") for value in chosen)  # asv keeps the text that Python shows
    return Series(
        benchmark["name"],
        benchmark.get("pretty_name") or benchmark["name"],
        benchmark.get("unit", ""),
        dict(zip(benchmark["param_names"], names, strict=True)),
        machine,
        points,
    )


def threshold(series: Series, thresholds: Mapping[str, float]) -> float:
    """Return the relative change from which asv marks a regression: the largest of those whose pattern matches."""
    matching = [value for pattern, value in thresholds.items() if re.match(pattern, series.entry)]
    return max(matching, default=THRESHOLD)


def steps(series: Series, least: float) -> list[Step]:
    """Return the steps that asv detects in a series: every regression, and what else changes by so much.

    Args:
        series: its points weigh by the width of their intervals, as in asv.
        least: relative change.
    """
    from asv import step_detect

    points = series.points
    weights = [_weight(point) for point in points]
    levels = step_detect.detect_steps([point.value for point in points], weights)
    _, _, jumps = step_detect.detect_regressions(levels, least)
    worse = {after for _, after, *_ in jumps or ()}
    found = [
        Step(points[end - 1], points[start], old, new, start in worse)
        for (_, end, old, *_), (start, _, new, *_) in itertools.pairwise(levels)
    ]
    return [step for step in found if step.regression or abs(step.new - step.old) >= least * abs(step.old)]


def _weight(point: Point) -> float | None:
    if point.low is None or point.high is None or point.low == point.high:
        return None
    return 2 / (point.high - point.low)


def section(every: Sequence[Series], thresholds: Mapping[str, float], backends: Sequence[str]) -> Section | None:
    """Return the section on times over the commits, or None where no benchmark was measured at two.

    Args:
        every: as `read`.
        thresholds: `regressions_thresholds` of asv.conf.json.
        backends: in the order of their colours.
    """
    long = [series for series in every if len(series.points) >= LEAST_COMMITS]
    if not long:
        return None
    told = {id(series): steps(series, threshold(series, thresholds)) for series in long}
    found = [(series, step) for series in long for step in told[id(series)]]
    commits = {point.commit for series in long for point in series.points}
    marked = sum(step.regression for _, step in found)
    notes = [
        "asv builds a commit into an environment of its own and measures it, with the frameworks of one set of "
        "versions: what changes from left to right is this project’s code. Each line is relative to its first commit; "
        "bars are asv’s 99 % intervals of the median.",
        f"{plural(len(commits), 'commit')}, {len(long):,} series: asv marks {plural(marked, 'regression')}. A "
        "regression is a step to a worse level, beyond the threshold of asv.conf.json, that no later commit made "
        "good; “slower” stands at the commit from which on it holds. It is a reason to look, since other work on the "
        "machine leaves its mark too: asv continuous FROM TO --bench NAME measures two commits in turns.",
    ]
    timed = [series for series in long if series.unit == "seconds"]
    groups = sorted({(series.machine, series.benchmark) for series in timed})
    figures = [
        _chart([series for series in timed if (series.machine, series.benchmark) == group], told, backends)
        for group in groups
    ]
    return Section(ANCHOR, TITLE, notes, figures, [_table(found)] if found else [])


def _rows(series: Series, found: Sequence[Step]) -> Iterator[dict[str, Any]]:
    first = series.points[0].value
    marked = {step.after.commit for step in found if step.regression}
    for point in series.points:
        yield {
            "benchmark": series.benchmark,
            "subject": series.subject,
            "backend": series.parameters.get("backend", ""),
            "machine": series.machine,
            "commit": point.commit[:SHORT],
            "date": f"{datetime.fromtimestamp(point.date / 1000, UTC):%Y-%m-%d %H:%M}",
            "seconds": point.value,
            "relative": point.value / first,
            "low": (point.value if point.low is None else point.low) / first,
            "high": (point.value if point.high is None else point.high) / first,
            "regression": point.commit in marked,
        }


def _chart(group: Sequence[Series], told: Mapping[int, Sequence[Step]], backends: Sequence[str]) -> Figure:
    data = pd.DataFrame([row for series in group for row in _rows(series, told[id(series)])])
    order = list(data.sort_values("date", kind="stable")["commit"].unique())
    scale = alt.Scale(type="log", nice=False, padding=10)
    base = alt.Chart().encode(
        x=alt.X("commit:N", title=None, sort=order, axis=alt.Axis(labelAngle=-45)),
        tooltip=["subject:N", "backend:N", "commit:N", "date:N", "seconds:Q", alt.Tooltip("relative:Q", format=".3f")],
    )
    relative = alt.Y("relative:Q", title="times the first commit", scale=scale)
    coloured = base.encode(color=palette.colour(backends))
    chart = (
        alt.layer(
            coloured.mark_line().encode(y=relative),
            coloured.mark_rule(strokeWidth=2, opacity=0.65).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q"),
            coloured.mark_point(filled=True, size=36, opacity=1).encode(y=relative, shape=palette.shape(backends)),
            base.transform_filter("datum.regression")
            .mark_text(style=palette.FAILED, text="slower", dy=-12)
            .encode(y=relative),
            data=data,
        )
        .properties(width=190, height=130)
        .facet(facet=alt.Facet("subject:N", title=None), columns=3)
    )
    one = group[0]
    worse = int(data["regression"].sum())
    alt_text = (
        f"{one.title} at {plural(len(order), 'commit')}, relative to the first, by "
        f"{plural(data['subject'].nunique(), 'subject')} and backend; {plural(worse, 'regression')} marked."
    )
    return figure(f"{slug(one.machine)}-{slug(one.benchmark)}", f"{one.title}, {one.machine}", alt_text, chart, data)


def _value(value: float, unit: str) -> str:
    return seconds(value) if unit == "seconds" else f"{number(value)} {unit}"


def _table(found: Sequence[tuple[Series, Step]]) -> Table:
    ordered = sorted(found, key=lambda item: (not item[1].regression, -abs(item[1].new / item[1].old - 1)))
    rows = [
        (
            f"{series.title}: {series.subject}" if series.subject else series.title,
            series.parameters.get("backend", "–"),
            step.before.commit[:SHORT],
            step.after.commit[:SHORT],
            _value(step.old, series.unit),
            _value(step.new, series.unit),
            f"{100 * (step.new / step.old - 1):+.0f} %",
            "regression" if step.regression else "better" if step.new < step.old else "worse",
        )
        for series, step in ordered
    ]
    columns = ("benchmark", "backend", "from", "to", "before", "after", "change", "asv says")
    words = frozenset({"backend", "from", "to", "asv says"})
    return Table("Steps that asv detects, regressions first", columns, rows, words)
