"""The variance explorer: the variances of every run as plain rows, which its script in the page turns into curves."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from harness.results.run import Run
from harness.results.schema import Variance
from harness.site import biases, palette
from harness.site.page import of
from harness.site.variance import own_settings
from harness.variance.judging import biased

#: Columns that a reader chooses from, in this order, each leaving the choices of the next, and what they are called.
CHOICES = {
    "run": "Run",
    "problem": "Problem",
    "settings": "Settings",
    "parameter": "Gradient by",
    "dimension": "Dimension",
    "backend": "Backend",
    "dtype": "Type",
}

#: What else is chosen: names of the two axes.
AXES = {"y": "Vertical axis", "x": "Horizontal axis"}


class Range(NamedTuple):
    """A number and its interval; None where it is not known."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Explorer:
    """What the page needs.

    Attributes:
        data: what its script reads: the rows, whose names stand there once, and how lines are told apart.
        files: kind of file ("CSV", "JSON") -> its path relative to the site.
        controls: name of a control -> its label.
    """

    data: dict[str, Any]
    files: dict[str, str]
    controls: dict[str, str]


def explorer(runs: Sequence[Run], output: Path) -> Explorer | None:
    """Write all rows below figures/ and return what the page needs, or None without a variance.

    Args:
        runs: the latest first.
        output: the site's folder.
    """
    found = rows(runs)
    if not found:
        return None
    folder = output / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(found).to_csv(folder / "variance-explorer.csv", index=False)
    (folder / "variance-explorer.json").write_text(json.dumps(found), "utf-8")
    files = {kind: f"figures/variance-explorer.{kind.lower()}" for kind in ("CSV", "JSON")}
    data = {
        "choices": list(CHOICES),
        "columns": list(found[0]),
        "rows": [list(row.values()) for row in found],
        "colours": palette.COLOURS,
        "shapes": palette.SHAPES,
    }
    return Explorer(data, files, CHOICES | AXES)


def rows(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return a row for each variance, with the intervals of all that can be drawn.

    Runs are never merged: each is a choice, under a name of its own.

    Args:
        runs: the latest first.

    Returns:
        Rows that are told apart by what is chosen and by their estimator, sorted within each run. A row's
        `estimator` is its name and whatever else differs between rows of it; `biased` is what the row of the
        estimator says (of one that is not known here, true), `bias_seen` what was measured, None where that is not
        known.
    """
    names = _distinct([run.name for run in runs])
    return [row for run, name in zip(runs, names, strict=True) for row in _of_run(of(run.records, Variance), name)]


def _distinct(names: Sequence[str]) -> list[str]:
    counts = [names[:position].count(name) for position, name in enumerate(names)]
    return [f"{name} ({count + 1})" if count else name for name, count in zip(names, counts, strict=True)]


def _of_run(records: Sequence[Variance], run: str) -> list[dict[str, Any]]:
    split = own_settings(records)
    labels = _labels(split)
    found = [_row(record, run, *split[record], labels[record]) for record in split]
    return sorted(found, key=lambda row: [row[name] for name in (*CHOICES, "estimator")])


def _on(record: Variance) -> str:
    return record.dtype if record.device == "cpu" else f"{record.dtype} {record.device}"


def _labels(split: dict[Variance, tuple[str, str]]) -> dict[Variance, str]:
    """Name each record by its estimator, and by its settings and sizes where those differ at one place.

    Args:
        split: each record's settings: those of its problem, and the estimator's.
    """
    facts = {record: _facts(record, own) for record, (_, own) in split.items()}
    first: dict[tuple[Any, ...], dict[str, str]] = {}
    told: dict[tuple[str, str], set[str]] = defaultdict(set)
    for record, (shared, _) in split.items():
        place = record.problem, shared, record.parameter, record.dimension, record.backend, _on(record)
        other = first.setdefault((*place, record.estimator), facts[record])
        told[record.problem, record.estimator] |= {name for name, _ in facts[record].items() ^ other.items()}
    return {
        record: " ".join(
            [record.estimator]
            + [f"{name}={value}" for name, value in own.items() if name in told[record.problem, record.estimator]]
        )
        for record, own in facts.items()
    }


def _facts(record: Variance, own: str) -> dict[str, str]:
    """Return what may tell two records of an estimator apart, the estimator's settings first."""
    settings = {name: value for name, _, value in (setting.partition("=") for setting in own.split())}
    return settings | {
        "samples": str(record.samples),
        "mode": record.mode,
        "noise": record.source,
        "replicates": str(record.replicates),
        "seed": str(record.seed),
    }


def _row(record: Variance, run: str, shared: str, own: str, label: str) -> dict[str, Any]:
    ranges = {
        "variance": Range(record.variance, record.variance_low, record.variance_high),
        "bias": _bias(record),
        "squared_bias": _squared_bias(record),
    }
    if record.trusted is False:
        ranges = {name: Range(range_.value) for name, range_ in ranges.items()}
    return {
        "run": run,
        "problem": record.problem,
        "settings": shared,
        "dimension": record.dimension,
        "parameter": record.parameter,
        "backend": record.backend,
        "dtype": _on(record),
        "estimator": label,
        "estimator_settings": own,
        "samples": record.samples,
        "replicates": record.replicates,
        "seconds_per_gradient": record.seconds_per_gradient,
        "confidence": record.confidence,
        "trusted": record.trusted,
        "tail_shape": record.tail_shape,
        "biased": biases.declared(record.estimator),
        "bias_seen": biased(record),
        "detectable_distance": record.detectable_distance,
        "exact_variance": record.exact_variance,
        **{
            f"{name}{end}": value
            for name, range_ in ranges.items()
            for end, value in zip(("", "_low", "_high"), range_, strict=True)
        },
    }


def _bias(record: Variance) -> Range:
    """Return the distance of the mean from the true gradient, over all coordinates."""
    return Range(record.distance, record.distance_low, record.distance_high)


def _squared_bias(record: Variance) -> Range:
    """Return what a bias adds to the mean squared error of a coordinate, on average over them.

    It is 0 for an estimator that is unbiased by its row and of which none is found.
    """
    if not biases.declared(record.estimator) and not biased(record):
        return Range(0.0, 0.0, 0.0)
    return Range(*(None if end is None else end**2 / record.dimension for end in _bias(record)))
