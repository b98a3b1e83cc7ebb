"""How often the intervals hold the exact value: the same measurement repeated, each time on other noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from harness import noise as noises
from harness.errors import BadInputError
from harness.execution import progress
from harness.execution.work import Cell
from harness.oracle import gradients as exact_gradients
from harness.oracle import variances as exact_variances
from harness.problems import PROBLEMS, draw_noise
from harness.results.schema import Coverage
from harness.statistics import intervals, moments, tails
from harness.validation import require_count
from harness.variance import plan as variances
from harness.variance.blocks import prepare
from harness.variance.task import Task, inputs, shape

Float = NDArray[np.float64]

#: What is measured by default: light tails, heavy ones, and a discrete variable.
PAIRS = (
    ("pathwise", "quadratic"),
    ("score_function", "quadratic"),
    ("score_function", "cosine"),
    ("score_function", "categorical_quadratic"),
    ("rebar", "bernoulli_quadratic"),
    ("score_function", "bernoulli"),
)


def proportion(hits: int, tries: int, confidence: float = intervals.CONFIDENCE) -> tuple[float, float]:
    """Return the exact interval of a proportion: Clopper and Pearson, 1934."""
    found = stats.binomtest(hits, tries).proportion_ci(confidence, method="exact")
    return float(found.low), float(found.high)


def measure(backend: ModuleType, *, name: str, device: str, repeats: int, **task: Any) -> list[Coverage]:
    """Repeat a measurement and count how often the intervals of mean and variance hold the exact value.

    Args:
        backend: the loaded and configured backend.
        name: its name, for the records.
        device: on which it was configured.
        repeats: measurements.
        **task: fields of a `Task`, on a problem with exact moments.
    """
    return counted(backend, name, device, repeats, Task(**task))


def counted(backend: ModuleType, name: str, device: str, repeats: int, task: Task) -> list[Coverage]:
    """Do what `measure` says."""
    estimator, problem, replicates = task.estimator, task.problem, task.replicates
    parameters, constants = inputs(task)
    ready = prepare(backend, task)
    drawn = shape(task, parameters, replicates)
    truth = exact_gradients.expectation(problem, parameters, constants, task.samples)
    spread = exact_variances.variance(estimator, problem, parameters, constants, task.samples)
    if truth is None or spread is None:
        raise BadInputError(f"{estimator} on {problem} has no exact variance; take another pair")
    exact = {
        (what, parameter): float(np.mean(values[parameter]))
        for what, values in (("mean", truth.gradient), ("variance", spread))
        for parameter in PROBLEMS[problem].parameters
    }
    hits = dict.fromkeys(exact, 0)
    untrusted = dict.fromkeys(PROBLEMS[problem].parameters, 0)
    for repeat in range(repeats):
        random = noises.generator(task.seed, "coverage", problem, estimator, replicates, repeat)
        noise = backend.runtime.asarray(draw_noise(problem, parameters, drawn, random), task.dtype)
        gradients = backend.runtime.to_numpy(ready.gradients(*ready.arguments, noise))
        for parameter in untrusted:
            rows = np.asarray(gradients[parameter], np.float64).reshape(replicates, -1)
            stream = moments.start(rows)
            for what, found in (("mean", intervals.mean(stream)), ("variance", intervals.variance(stream))):
                hits[what, parameter] += found.low <= exact[what, parameter] <= found.high
            squares = moments.mean_squares(rows, stream.centre)
            largest = tails.keep(np.empty(0), squares, tails.size(replicates))
            untrusted[parameter] += tails.trusted(tails.shape(largest)) is False
        progress.report(repeat + 1, repeats, "repeats")

    def record(what: str, parameter: str) -> Coverage:
        low, high = proportion(hits[what, parameter], repeats)
        return Coverage(
            backend=name,
            dtype=task.dtype,
            device=device,
            estimator=estimator,
            problem=problem,
            parameter=parameter,
            settings=variances.settings_text(task.settings),
            quantity=what,
            replicates=replicates,
            repeats=repeats,
            seed=task.seed,
            nominal=intervals.CONFIDENCE,
            coverage=hits[what, parameter] / repeats,
            coverage_low=low,
            coverage_high=high,
            untrusted=untrusted[parameter] / repeats,
        )

    return [record(*key) for key in exact]


def plan(
    pairs: Sequence[tuple[str, str]] = PAIRS,
    *,
    backends: Sequence[str],
    dtypes: Sequence[str] = ("float64",),
    devices: Sequence[str] = ("cpu",),
    replicates: Sequence[int] = (100, 1_000, 10_000),
    repeats: int = 1_000,
    seed: int = 0,
) -> list[Cell]:
    """Return one cell for each pair, size, backend, dtype and device, at default settings.

    Args:
        pairs: (estimator, problem).
        backends: reference backends.
        dtypes: floating types.
        devices: "cpu", "gpu".
        replicates: sizes of one measurement.
        repeats: measurements, at least 100.
        seed: of the noise.

    Raises:
        BadInputError: a name is unknown or does not fit, or a number is out of range.
    """
    require_count("repeats", repeats, 100, "with fewer, the coverage is not known to 5 %")
    cells = []
    for size in replicates:
        for estimator, problem in pairs:
            planned = variances.plan(
                estimator, problem, {}, replicates=size, backends=backends, dtypes=dtypes, devices=devices, seed=seed
            )
            for cell in planned:
                arguments: dict[str, Any] = dict(cell.work.arguments) | {"repeats": repeats}
                del arguments["per_call"]
                work = replace(cell.work, function="harness.variance.coverage:measure", arguments=arguments)
                cells.append(Cell(f"coverage {repeats} {cell.key}", work))
    return cells
