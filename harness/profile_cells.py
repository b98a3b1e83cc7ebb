"""The cells that a profile comes to: what is compared with the oracle, and what is measured."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from harness.agreement import ledger
from harness.agreement import plan as agreement
from harness.estimators import ESTIMATORS, fitting
from harness.execution.work import Cell
from harness.plugins import texts
from harness.problems import PROBLEMS
from harness.profiles import DTYPES, Profile, VarianceRow
from harness.reproduce import plan as reproductions
from harness.reproduce import table
from harness.results.schema import Check
from harness.timing import memory, peaks, products, stream_memory, throughput
from harness.timing import plan as timing
from harness.training import plan as training
from harness.training import race
from harness.variance import article, coverage, recommend, trajectory
from harness.variance import plan as variance
from implementations import registry


def agreement_cells(
    profile: Profile, backends: Sequence[str], devices: Sequence[str], dtypes: Sequence[str] = ()
) -> list[Cell]:
    """Return the cells of the agreement check; each keeps the worst comparison per kernel and derivative.

    Args:
        profile: says in which modes.
        backends: names.
        devices: "cpu", "gpu".
        dtypes: floating types; none means float32 and float64.
    """

    def worst_of(cell: Cell) -> Cell:
        return replace(cell, finish=lambda result: agreement.worst(cell.finish(result)))

    if not profile.judged:
        return []
    modes = ("eager", "compiled") if profile.both_modes else ()
    groups = {dtype: () if dtypes or dtype == "float32" else profile.float32_alone for dtype in dtypes or DTYPES}
    return [
        worst_of(cell)
        for backend in backends
        for dtype, without in groups.items()
        for cell in agreement.plan(backends=[backend], dtypes=[dtype], devices=devices, modes=modes, without=without)
    ]


def library_cells(profile: Profile, backends: Sequence[str], dtypes: Sequence[str] = ()) -> list[Cell]:
    """Return the cells that judge the installed libraries whose framework is measured, beside their ledgers.

    Args:
        profile: says whether.
        backends: names of reference backends.
        dtypes: floating types; none means float32 and float64.
    """
    rows = registry.backends().values() if profile.judged else ()
    names = [row.name for row in rows if row.base in backends and registry.installed(row.name)]
    chosen = [dtype for dtype in dtypes or DTYPES if dtype in ledger.DTYPES]

    def marked(cell: Cell) -> Cell:
        rows = ledger.load(ledger.path(cell.work.backend)).rows

        def finish(result: Any) -> list[Check]:
            checks = [record for record in cell.finish(result) if isinstance(record, Check)]
            return agreement.worst(ledger.judge(checks, rows))

        return replace(cell, finish=finish)

    return [marked(cell) for name in names if chosen for cell in agreement.plan(backends=[name], dtypes=chosen)]


def measured_cells(
    profile: Profile, backends: Sequence[str], devices: Sequence[str], seed: int, dtypes: Sequence[str] = ()
) -> list[Cell]:
    """Return the cells whose time is measured too, and those of the literature's figures.

    Args:
        profile: what to measure.
        backends: names.
        devices: "cpu", "gpu".
        seed: of all noise.
        dtypes: floating types; none leaves float32, and for training the profile's own.
    """
    chosen = dtypes or ("float32",)
    cells = _variance_cells(profile, backends, devices, seed, chosen)
    if profile.judged:
        cells += article.plan(backends, chosen, devices, seed)
    if profile.time:
        cells += timing.plan(
            profile.time,
            backends=backends,
            dtypes=chosen,
            devices=devices,
            sizes=profile.sizes,
            repeats=profile.repeats,
            seed=seed,
        )
    for model in profile.train:
        cells += training.plan(
            model.model,
            model.steps,
            model.objective,
            backends=backends,
            dtypes=dtypes or model.dtypes,
            devices=devices,
            seed=seed,
            optimizer=model.optimizer,
            settings=model.settings,
            batch=model.batch,
        )
    for name in profile.trajectories:
        cells += trajectory.plan(name, backends=backends, dtypes=chosen, devices=devices, seed=seed)
    for widths in profile.networks:
        cells += products.plan(backends, chosen, devices, widths=widths, seed=seed)
    for widths in profile.solved:
        cells += memory.plan(backends, dtypes=chosen, widths=widths, seed=seed)
    for rivals in profile.races:
        cells += race.plan(
            rivals.model,
            backends=backends,
            dtypes=chosen,
            devices=devices,
            against_settings={"learning_rate": rivals.learning_rate},
            seed=seed,
            seeds=rivals.seeds,
        )
    cells += _calibration_cells(profile, backends, devices, seed, dtypes)
    for name in table.chosen(profile.reproduced):
        cells += reproductions.plan(name, backends=backends, dtypes=dtypes or ("float64",), devices=devices, seed=seed)
    return cells


def peak_cells(profile: Profile, backends: Sequence[str], seed: int, dtypes: Sequence[str] = ()) -> list[Cell]:
    """Return the cells of peak memory, which may be measured side by side: a process sees its own memory alone.

    Args:
        profile: what is measured.
        backends: reference backends.
        seed: of the inputs.
        dtypes: floating types; none is float32.
    """
    return peaks.plan(profile.peaks, backends, dtypes or ("float32",), seed=seed) if profile.peaks else []


def _variance_cells(
    profile: Profile, backends: Sequence[str], devices: Sequence[str], seed: int, dtypes: Sequence[str]
) -> list[Cell]:
    cells = []
    for row in with_plugins(profile.variance):
        compared = row.estimators or fitting(row.problem)
        having = {estimator: texts.having(backends, estimator, row.problem) for estimator in compared}
        for dimension, estimator in itertools.product(row.dimensions, filter(having.get, compared)):
            known = variance.settings_of(estimator, row.problem)
            cells += variance.plan(
                estimator,
                row.problem,
                {name: value for name, value in row.settings.items() if name in known},
                dimension=dimension,
                samples=max(row.samples, ESTIMATORS[estimator].least_samples),
                replicates=row.replicates,
                backends=having[estimator],
                dtypes=dtypes,
                devices=devices,
                seed=seed,
            )
    return cells


def with_plugins(rows: Sequence[VarianceRow]) -> list[VarianceRow]:
    """Return rows to which the estimators of other packages that fit are added, and a row for each of their problems.

    Where nothing is compared, nothing is added.
    """
    found = []
    for row in rows:
        more = [name for name in ESTIMATORS.added if name in fitting(row.problem)]
        found.append(replace(row, estimators=tuple(dict.fromkeys([*row.estimators, *more]))) if row.estimators else row)
    return found + [VarianceRow(name) for name in PROBLEMS.added if rows and fitting(name)]


def _calibration_cells(
    profile: Profile, backends: Sequence[str], devices: Sequence[str], seed: int, dtypes: Sequence[str]
) -> list[Cell]:
    chosen = dtypes or ("float32",)
    cells = []
    if profile.throughput:
        cells += throughput.plan(backends, chosen, devices, seed=seed)
    if profile.streams:
        cells += stream_memory.plan(backends, chosen, replicates=profile.streams, seed=seed)
    for ranked in profile.recommended:
        cells += recommend.plan(
            ranked.problem,
            ranked.budget,
            {},
            backends=backends,
            dtypes=chosen,
            devices=devices,
            dimension=ranked.dimension,
            seed=seed,
        )
    if profile.repeats_of_coverage:
        cells += coverage.plan(
            backends=backends,
            dtypes=dtypes or ("float64",),
            devices=devices,
            repeats=profile.repeats_of_coverage,
            seed=seed,
        )
    return cells
