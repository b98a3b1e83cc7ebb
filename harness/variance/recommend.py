"""Which estimator to take: variances, biases and costs of all that fit a problem, for `harness.variance.ranking`.

Estimators that need an oracle are measured and listed, and have no rank: nobody can take them on an expectation that is
not known. What cannot be measured is skipped, with its reason.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median
from types import ModuleType
from typing import Any

import numpy as np

from harness import noise as noises
from harness.errors import BadInputError, unknown
from harness.estimators import ESTIMATORS, excess, fitting
from harness.execution.progress import report
from harness.execution.work import Cell, Work
from harness.plugins import texts
from harness.problems import CONCENTRATIONS, NOISE, PROBLEMS, draw_noise
from harness.results.schema import Variance
from harness.timing.turns import interval, require_turns
from harness.validation import require_count, settle
from harness.variance import engine
from harness.variance import plan as variances
from harness.variance.blocks import Blocks, prepare
from harness.variance.ranking import Cost, Skipped, rank
from harness.variance.records import records
from harness.variance.task import Task, shape

#: Arguments of a planned cell that are no fields of a `Task`.
_NO_FIELDS = ("name", "device", "per_call")


def measure(
    backend: ModuleType, *, name: str, device: str, rows: Sequence[Mapping[str, Any]], turns: int
) -> tuple[list[list[Variance]], list[Cost]]:
    """Measure variances one after the other, and then seconds, all estimators taking turns.

    Args:
        backend: the loaded and configured backend.
        name: its name.
        device: on which it was configured.
        rows: fields of a `Task`, one for each estimator.
        turns: of the clock.
    """
    tasks = [Task(**row) for row in rows]
    found = []
    for done, task in enumerate(tasks):
        report(done, len(tasks), f"variance of {task.estimator}")
        found.append(records([engine.share_of(backend, task)], name, device, task))
    ready = [prepare(backend, task) for task in tasks]
    together = _clock(ready, turns, "blocks")
    alone = _clock([_single(task, blocks) for task, blocks in zip(tasks, ready, strict=True)], turns, "alone")
    costs = [
        Cost(median(own), *interval(own), blocks.size, median(single))
        for own, blocks, single in zip(together, ready, alone, strict=True)
    ]
    return found, costs


def _clock(ready: Sequence[Blocks], turns: int, what: str) -> list[list[float]]:
    """Return the seconds of one gradient of each, in each turn: draw and gradients of a block over their number."""
    seconds: list[list[float]] = [[] for _ in ready]
    for turn in range(turns + 1):
        report(turn, turns, f"{what}: turn {turn} of {turns}")
        for blocks, kept in zip(ready, seconds, strict=True):
            begin = time.perf_counter()
            blocks.backend.runtime.synchronize(blocks.gradients(*blocks.arguments, blocks.draw(turn)))
            kept.append((time.perf_counter() - begin) / blocks.size)
    return [kept[1:] for kept in seconds]  # the first call compiles


def _single(task: Task, blocks: Blocks) -> Blocks:
    """Return blocks of one gradient, for the same arguments and with noise from the same source."""
    runtime = blocks.backend.runtime
    parameters = {key: np.asarray(value, np.float64) for key, value in runtime.to_numpy(blocks.arguments[0]).items()}
    drawn = shape(task, parameters, 1)
    like = next(iter(blocks.arguments[0].values()))

    def shared(number: int) -> Any:
        random = noises.generator(task.seed, "alone", task.problem, task.estimator, number)
        return runtime.asarray(draw_noise(task.problem, parameters, drawn, random), task.dtype)

    def own(seed: int) -> Any:
        native = getattr(blocks.backend.sampling, f"standard_{NOISE[PROBLEMS[task.problem].distribution]}")
        return native(seed, drawn, like)

    return replace(blocks, draw=shared if task.source == "shared" else own, size=1)


def plan(
    problem: str,
    budget: float,
    settings: Mapping[str, float],
    *,
    backends: Sequence[str],
    dtypes: Sequence[str] = ("float32",),
    devices: Sequence[str] = ("cpu",),
    dimension: int | None = None,
    samples: int | None = None,
    replicates: int = 65_536,
    turns: int = 25,
    seed: int = 0,
) -> list[Cell]:
    """Return one cell for each backend, dtype and device, in which all estimators that fit the problem are compared.

    Args:
        problem: a key of `PROBLEMS`.
        budget: seconds for one estimate of the gradient, above 0.
        settings: of the problem, and of estimators that have such a setting.
        backends: reference backends.
        dtypes: floating types.
        devices: "cpu", "gpu".
        dimension: coordinates, for a problem that takes them.
        samples: in one gradient; None is the least that each estimator needs.
        replicates: gradients of each estimator, for its variance.
        turns: of the clock, at least 6.
        seed: of the noise.

    Raises:
        BadInputError: a name is unknown, or a number out of range.
    """
    if not (math.isfinite(budget) and budget > 0):
        raise BadInputError(f"--budget is {budget:g}; allowed: above 0, in seconds; as in --budget 0.01")
    require_turns(turns)
    if samples is not None:
        require_count("samples", samples, 1)
    if problem not in PROBLEMS:
        raise unknown("problem", problem, PROBLEMS, "reparam list problems")
    names = fitting(problem)
    known = {key for name in names for key in variances.settings_of(name, problem)}
    for key in settings:
        if key not in known:
            raise unknown(f"setting of problem {problem!r} and its estimators", key, sorted(known))
    source = "shared" if PROBLEMS[problem].distribution in CONCENTRATIONS else "framework"
    coordinates = variances.coordinates_of(problem, dimension)
    skipped: list[Skipped] = []
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for name in names:
        having = texts.having(backends, name, problem)
        if not having:
            continue
        allowed = variances.settings_of(name, problem)
        own = {key: value for key, value in settings.items() if key in allowed}
        count = max(samples or 1, ESTIMATORS[name].least_samples)
        reason = excess(name, problem, coordinates)
        if reason:
            text = variances.settings_text(settle(allowed, own, dtypes[0], f"problem {problem!r}"))
            skipped.append(Skipped(name, text, count, reason))
            continue
        planned = variances.plan(
            name,
            problem,
            own,
            dimension=dimension,
            samples=count,
            replicates=replicates,
            backends=having,
            dtypes=dtypes,
            devices=devices,
            seed=seed,
            source=source,
        )
        for cell in planned:
            row = {key: value for key, value in cell.work.arguments.items() if key not in _NO_FIELDS}
            groups.setdefault((cell.work.backend, row["dtype"], cell.work.device), []).append(row)
    size = f"dimension={coordinates} samples={samples or 'least'} replicates={replicates} seed={seed}"
    size = " ".join(filter(None, (size, variances.settings_text(settings))))
    return [
        Cell(
            f"recommend {problem} {backend} {dtype} {device} budget={budget:g} {size}",
            Work(
                "harness.variance.recommend:measure",
                backend,
                device,
                {"name": backend, "device": device, "rows": rows, "turns": turns},
                package=texts.packages([row["estimator"] for row in rows], problem),
            ),
            functools.partial(rank, budget=budget, skipped=skipped),
        )
        for (backend, dtype, device), rows in groups.items()
    ]
