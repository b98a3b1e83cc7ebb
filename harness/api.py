"""The harness from Python. Every function measures in worker processes and returns one row per record.

A script that calls them must be importable without side effects (`if __name__ == "__main__":`), as with every
program that starts processes by spawning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import get_args

import pandas as pd

from harness import backends as backend_names
from harness.errors import unknown
from harness.execution.local import Workers
from harness.execution.work import Cell
from harness.requirements import explained
from harness.results import schema, store

_DTYPES = ("float32", "float64")
_MODES = ("eager", "compiled")


def _frame(cells: Sequence[Cell], processes: int = 1, threads: int = 0) -> pd.DataFrame:
    with Workers(processes, threads) as workers:
        return schema.frame(chain.from_iterable(workers.run(cells)))


@explained("check")
def check(
    kernels: Sequence[str] = (),
    cases: Sequence[str] = (),
    *,
    backends: Sequence[str] = (),
    dtypes: Sequence[str] = _DTYPES,
    devices: Sequence[str] = ("cpu",),
    modes: Sequence[str] = (),
) -> pd.DataFrame:
    """Compare kernels, estimators and models with the oracle.

    Args:
        kernels: names, modules or globs; none means all.
        cases: names of cases; none means all.
        backends: names; none means every installed reference backend.
        dtypes: floating types.
        devices: "cpu", "gpu".
        modes: keys of `harness.modes.MODES`; none means the one in which each backend is mostly run.

    Returns:
        A row per comparison, with the fields of `harness.results.schema.Check`; those of libraries are marked with
        what their ledgers say.

    Raises:
        BadInputError: a name or value cannot be used.
    """
    from harness.agreement import plan, verdict

    cells = plan.plan(kernels, cases, backend_names.chosen(backends), dtypes, devices, modes)
    with Workers(2, 1) as workers:
        records = [record for found in workers.run(cells) for record in found if isinstance(record, schema.Check)]
    return schema.frame(verdict.judge(records, kernels, cases).records)


@explained("gradient_variance")
def gradient_variance(
    estimator: str,
    problem: str,
    settings: Mapping[str, float] | None = None,
    *,
    dimension: int | None = None,
    samples: int | None = None,
    replicates: int = 100_000,
    backends: Sequence[str] = (),
    dtypes: Sequence[str] = ("float32",),
    devices: Sequence[str] = ("cpu",),
    seed: int = 0,
) -> pd.DataFrame:
    """Measure mean, bias and variance of a gradient estimator, with intervals.

    Args:
        estimator: its name; `reparam list estimators` shows them.
        problem: its name; `reparam list problems` shows them.
        settings: of problem and estimator; the rest keep their defaults.
        dimension: of the problem, where it takes one.
        samples: samples in one gradient; None is the estimator's least.
        replicates: gradients measured, at least 2.
        backends: names; none means every installed reference backend.
        dtypes: floating types.
        devices: "cpu", "gpu".
        seed: of the noise.

    Returns:
        A row per backend, dtype, device and parameter, with the fields of `harness.results.schema.Variance`.

    Raises:
        BadInputError: a name or value cannot be used.
    """
    from harness.variance import plan

    cells = plan.plan(
        estimator,
        problem,
        settings or {},
        dimension=dimension,
        samples=samples,
        replicates=replicates,
        backends=backend_names.chosen(backends),
        dtypes=dtypes,
        devices=devices,
        seed=seed,
    )
    return _frame(cells)


@explained("recommend")
def recommend(
    problem: str,
    budget: float,
    settings: Mapping[str, float] | None = None,
    *,
    dimension: int | None = None,
    samples: int | None = None,
    backends: Sequence[str] = (),
    dtypes: Sequence[str] = ("float32",),
    devices: Sequence[str] = ("cpu",),
    seed: int = 0,
) -> pd.DataFrame:
    """Rank the estimators that fit a problem by the mean squared error that a budget buys on this machine.

    Args:
        problem: its name; `reparam list problems` shows them.
        budget: seconds for one estimate of the gradient, above 0.
        settings: of problem and estimators; the rest keep their defaults.
        dimension: of the problem, where it takes one.
        samples: samples in one gradient; None is each estimator's least.
        backends: names; none means every installed reference backend.
        dtypes: floating types.
        devices: "cpu", "gpu".
        seed: of the noise.

    Returns:
        A row per backend, dtype, device and estimator, the best first, with the fields of
        `harness.results.schema.Recommendation`.

    Raises:
        BadInputError: a name or value cannot be used.
    """
    from harness.variance import recommend as ranking

    cells = ranking.plan(
        problem,
        budget,
        settings or {},
        dimension=dimension,
        samples=samples,
        backends=backend_names.chosen(backends),
        dtypes=dtypes,
        devices=devices,
        seed=seed,
    )
    return _frame(cells, threads=1)


@explained("time")
def time(
    kernels: Sequence[str],
    *,
    backends: Sequence[str] = (),
    dtypes: Sequence[str] = ("float32",),
    devices: Sequence[str] = ("cpu",),
    modes: Sequence[str] = _MODES,
    size: int = 65536,
    repeats: int = 20,
    seed: int = 0,
) -> pd.DataFrame:
    """Time kernels: seconds per call, forward and forward with backward.

    Args:
        kernels: names, modules or globs.
        backends: names; none means every installed reference backend.
        dtypes: floating types.
        devices: "cpu", "gpu".
        modes: "eager", "compiled".
        size: elements of the largest argument.
        repeats: timed calls.
        seed: of the inputs.

    Returns:
        A row per measurement, with the fields of `harness.results.schema.Time`.

    Raises:
        BadInputError: a name or value cannot be used.
    """
    from harness.timing import plan

    cells = plan.plan(
        kernels,
        backends=backend_names.chosen(backends),
        dtypes=dtypes,
        devices=devices,
        sizes=(size,),
        modes=modes,
        repeats=repeats,
        seed=seed,
    )
    return _frame(cells)


@explained("train")
def train(
    model: str,
    steps: int = 200,
    objective: str | None = None,
    *,
    backends: Sequence[str] = (),
    dtypes: Sequence[str] = ("float32",),
    devices: Sequence[str] = ("cpu",),
    seed: int = 0,
    optimizer: str = "adam",
    settings: Mapping[str, float] | None = None,
    batch: int = 128,
) -> pd.DataFrame:
    """Train a model on real data with the same initial weights, batches and noise in every backend.

    Args:
        model: "vae", "categorical_vae", "regression" or "classifier".
        steps: updates.
        objective: the loss; None is the model's own.
        backends: names; none means every installed reference backend.
        dtypes: floating types.
        devices: "cpu", "gpu".
        seed: of weights, batches and noise.
        optimizer: "adam", "sgd" or "natural_gradient".
        settings: of optimizer and schedule, where they differ from their defaults.
        batch: examples per step.

    Returns:
        A row per step, with the fields of `harness.results.schema.Train`.

    Raises:
        BadInputError: a name or value cannot be used.
    """
    from harness.training import plan

    cells = plan.plan(
        model,
        steps,
        objective,
        backends=backend_names.chosen(backends),
        dtypes=dtypes,
        devices=devices,
        seed=seed,
        optimizer=optimizer,
        settings=settings,
        batch=batch,
    )
    return _frame(cells)


@explained("trajectory")
def trajectory(
    model: str,
    steps: int = 200,
    *,
    at: Sequence[int] = (),
    estimators: Sequence[str] = (),
    settings: Mapping[str, float] | None = None,
    samples: int = 2,
    replicates: int = 2_000,
    backends: Sequence[str] = (),
    dtypes: Sequence[str] = ("float32",),
    devices: Sequence[str] = ("cpu",),
    seed: int = 0,
) -> pd.DataFrame:
    """Train a model and measure variance and bias of gradient estimators on the way.

    Args:
        model: "vae" or "categorical_vae".
        steps: updates of the training.
        at: updates before each measurement; none means 0, half and all of them.
        estimators: that fit the model's problem; none means those that the literature compares.
        settings: of the estimators, where they differ from their defaults.
        samples: samples in one gradient.
        replicates: gradients to measure, at least 2.
        backends: names; none means every installed reference backend.
        dtypes: floating types.
        devices: "cpu", "gpu".
        seed: of weights, batches and all noise.

    Returns:
        A row per backend, step, estimator and parameter, with the fields of `harness.results.schema.TrainingVariance`.

    Raises:
        BadInputError: a name or value cannot be used.
    """
    from harness.variance import trajectory as along

    cells = along.plan(
        model,
        steps,
        at=at,
        estimators=estimators,
        settings=settings,
        samples=samples,
        replicates=replicates,
        backends=backend_names.chosen(backends),
        dtypes=dtypes,
        devices=devices,
        seed=seed,
    )
    return _frame(cells)


@explained("reproduction")
def reproduction(
    name: str,
    *,
    backends: Sequence[str] = (),
    dtypes: Sequence[str] = ("float64",),
    devices: Sequence[str] = ("cpu",),
    seed: int = 0,
    fewer: int = 1,
) -> pd.DataFrame:
    """Make the figures and laws of a paper again, and hold every point against its exact value.

    Args:
        name: of the paper, such as "mohamed2020", or "all"; `reparam reproduce --help` lists them.
        backends: names; none means every installed reference backend.
        dtypes: floating types.
        devices: "cpu", "gpu".
        seed: of all noise.
        fewer: by which the replicates are divided, for a first look.

    Returns:
        A row per point, with the fields of `harness.results.schema.Reproduction`.

    Raises:
        BadInputError: a name or value cannot be used.
    """
    from harness.reproduce import plan, table

    where = {"backends": backend_names.chosen(backends), "dtypes": dtypes, "devices": devices}
    return _frame([cell for each in table.chosen((name,)) for cell in plan.plan(each, **where, seed=seed, fewer=fewer)])


def columns(kind: str = "variance") -> pd.DataFrame:
    """Say what the columns of a table of records mean.

    Args:
        kind: as in `read`.

    Returns:
        A row per column of the kind's table: "column", "type" and "meaning".

    Raises:
        BadInputError: there is no such kind.
    """
    known = {row.__struct_config__.tag: row for row in get_args(schema.AnyRecord)}
    if kind not in known:
        raise unknown("kind of record", kind, known)
    row = known[kind]
    meanings, types = schema.meanings(row), schema.types(row)
    return pd.DataFrame([{"column": name, "type": types[name], "meaning": text} for name, text in meanings.items()])


def read(results: str | Path = "results", kind: str = "variance") -> pd.DataFrame:
    """Load the records of one kind from a results folder.

    Args:
        results: the folder.
        kind: "check", "variance", "time", "train", "reproduction", "failure" and so on: the tag of a class of
            `harness.results.schema`.

    Returns:
        A row per record, with the columns "run" and "commit" before the record's own.

    Raises:
        BadInputError: the folder or a file in it cannot be read as results.
    """
    frames = []
    for run in store.read(Path(results)):
        frame = schema.frame(record for record in run.records if record.__struct_config__.tag == kind)
        frame.insert(0, "run", run.name)
        frame.insert(1, "commit", run.provenance.get("commit", ""))
        frames.append(frame)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
