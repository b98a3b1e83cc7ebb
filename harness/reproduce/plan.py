"""The cells of `reparam reproduce`: what the streaming engine measures, turned into points of figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from harness import noise
from harness.estimators import ESTIMATORS
from harness.execution.work import Cell
from harness.reproduce import points, quantities, verdict
from harness.reproduce.rows import Measurement, Paper
from harness.reproduce.table import PAPERS
from harness.results.schema import Record, Reproduction, Variance
from harness.validation import require_count
from harness.variance import plan as variances
from harness.variance.laws import rounding


def plan(
    name: str,
    *,
    backends: Sequence[str],
    dtypes: Sequence[str] = ("float64",),
    devices: Sequence[str] = ("cpu",),
    seed: int = 0,
    fewer: int = 1,
) -> list[Cell]:
    """Return the cells of one reproduction, whose records are `Reproduction`s.

    Args:
        name: a key of `PAPERS`.
        backends: reference backends.
        dtypes: floating types.
        devices: "cpu", "gpu".
        seed: of all noise, at least 0.
        fewer: by which the replicates are divided, for a first look.

    Raises:
        BadInputError: a value cannot be used.
    """
    require_count("seed", seed, 0)
    require_count("fewer", fewer, 1)
    paper = PAPERS[name]
    limit = verdict.limit(paper.comparisons)
    cells = []
    for index, row in enumerate(paper.measurements):
        # points of one curve must not share their noise: slopes are fitted to them
        own = int(noise.generator(seed, "reproduce", name, index).integers(2**31))
        cells += [
            replace(
                cell,
                key=f"reproduce {name} {cell.key}",
                finish=_finish(name, paper, row, limit),
            )
            for cell in variances.plan(
                row.estimator,
                row.problem,
                row.settings,
                dimension=row.dimension,
                samples=row.samples,
                replicates=max(row.replicates // fewer, 2),
                backends=backends,
                dtypes=dtypes,
                devices=devices,
                seed=own,
            )
        ]
    return cells + paper.more(backends, dtypes, devices, seed, limit)


def _finish(name: str, paper: Paper, row: Measurement, limit: float) -> Callable[[Any], Sequence[Record]]:
    def finish(result: list[Variance]) -> Sequence[Record]:
        by_parameter = {record.parameter: record for record in result}
        return [point(name, paper, row, title, by_parameter[paper.figures[title].parameter], limit)
                for title in row.figures]  # fmt: skip

    return finish


def point(name: str, paper: Paper, row: Measurement, title: str, record: Variance, limit: float) -> Reproduction:
    """Return the point of a figure that a measured gradient gives, judged."""
    figure = paper.figures[title]
    quantity = quantities.QUANTITIES[figure.quantity]
    unbiased = figure.quantity == "mean" and not ESTIMATORS[record.estimator].biased
    return points.judged(
        title,
        figure,
        quantity.text,
        quantity.shown(record),
        quantity.exact(quantities.truth(record)),
        limit,
        logarithmic=quantity.logarithmic,
        forgiven=quantity.rounding(rounding(record)),
        p_value=record.bias_p_value if unbiased else None,
        backend=record.backend,
        dtype=record.dtype,
        device=record.device,
        name=name,
        curve=row.curve,
        x=row.x,
        estimator=record.estimator,
        problem=record.problem,
        settings=record.settings,
        samples=record.samples,
        replicates=record.replicates,
        seed=record.seed,
    )
