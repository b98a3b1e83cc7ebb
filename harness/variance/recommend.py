"""Which estimator to take: the expected squared distance from the true gradient that a number of seconds buys.

In B seconds n = B / t gradients are averaged, t the seconds of one, its draw included. The expected square of the
distance of their mean is sum_p D_p (bias_p^2 + variance_p / n), over parameters p of D_p coordinates. An estimator that
is unbiased by its law counts with bias 0, a biased one with its measured bias, less what sampling errors add to it.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Mapping, Sequence
from statistics import median
from types import ModuleType
from typing import Any, NamedTuple

from scipy.special import ndtri

from harness.errors import BadInputError, unknown
from harness.estimators import ESTIMATORS, fitting
from harness.execution.progress import report
from harness.execution.work import Cell, Work
from harness.plugins import texts
from harness.problems import CONCENTRATIONS, PROBLEMS
from harness.results.schema import Recommendation, Variance
from harness.timing.turns import CONFIDENCE, interval, require_turns
from harness.validation import require_count
from harness.variance import engine
from harness.variance import plan as variances
from harness.variance.blocks import prepare
from harness.variance.records import records
from harness.variance.task import Task

#: Chance that any estimator is wrongly told apart from the best one.
LEVEL = 0.05

#: Arguments of a planned cell that are no fields of a `Task`.
_NO_FIELDS = ("name", "device", "per_call")

_Z = float(ndtri((1 + CONFIDENCE) / 2))


class Cost(NamedTuple):
    """Seconds of one gradient: median over the turns, and its interval."""

    seconds: float
    low: float
    high: float


class Error(NamedTuple):
    """Mean squared error at a budget.

    Attributes:
        value: sum over all coordinates.
        log_error: standard error of its logarithm.
        bias_squared: what of it is bias.
        gradients: how many are averaged.
        trusted: False where the tail of a variance is too heavy.
    """

    value: float
    log_error: float
    bias_squared: float
    gradients: float
    trusted: bool


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
    seconds: list[list[float]] = [[] for _ in tasks]
    for turn in range(turns + 1):
        report(turn, turns, f"turn {turn} of {turns}")
        for blocks, kept in zip(ready, seconds, strict=True):
            begin = time.perf_counter()
            backend.runtime.synchronize(blocks.gradients(*blocks.arguments, blocks.draw(turn)))
            kept.append((time.perf_counter() - begin) / blocks.size)
    counted = [kept[1:] for kept in seconds]  # the first call of a generator compiles
    return found, [Cost(median(kept), *interval(kept)) for kept in counted]


def error(rows: Sequence[Variance], cost: Cost, budget: float) -> Error | None:
    """Return the mean squared error that a budget buys; None where not even one gradient fits, or nothing is known.

    Args:
        rows: of one estimator, one for each parameter.
        cost: of one gradient.
        budget: in seconds.
    """
    gradients = float(math.floor(budget / cost.seconds))
    if gradients < 1 or any(row.variance is None or row.variance_low is None for row in rows):
        return None
    bias = noise = deviation = 0.0
    for row in rows:
        if row.variance is None or row.variance_low is None or row.variance_high is None:
            return None
        part = row.dimension * row.variance / gradients
        noise += part
        width = math.log(row.variance_high / row.variance_low) / 2 / _Z if row.variance_low > 0 else 0.0
        deviation += part * width  # parameters share their noise: errors are added, not their squares
        if ESTIMATORS[row.estimator].biased:
            if row.squared_bias is None or row.squared_bias_standard_error is None:
                return None
            bias += row.dimension * max(row.squared_bias, 0.0)
            deviation += row.dimension * row.squared_bias_standard_error
    value = bias + noise
    clock = noise * math.log(cost.high / cost.low) / 2 / _Z
    log_error = math.hypot(deviation, clock) / value if value > 0 else 0.0
    return Error(value, log_error, bias, gradients, all(row.trusted is not False for row in rows))


def told_apart(best: Error, other: Error, estimators: int) -> bool:
    """Tell whether another estimator is worse than the best one beyond chance, at `LEVEL` over all comparisons.

    By the logarithm of their ratio against Bonferroni's bound over all ordered pairs: the best one is chosen by the
    same numbers, so that comparisons with it alone would be too few.

    Args:
        best: of all.
        other: to be compared with it.
        estimators: how many are compared.
    """
    spread = math.hypot(best.log_error, other.log_error)
    if best.value == 0 or other.value == 0:
        return other.value > best.value
    return math.log(other.value / best.value) > -float(ndtri(LEVEL / max(estimators * (estimators - 1), 1))) * spread


def rank(measured: tuple[list[list[Variance]], list[Cost]], budget: float) -> list[Recommendation]:
    """Return a record for each estimator, the best first, those that do not fit the budget last.

    Args:
        measured: by `measure`.
        budget: in seconds.
    """
    every = [(rows, cost, error(rows, cost, budget)) for rows, cost in zip(*measured, strict=True)]
    known = sorted((found.value, i) for i, (_, _, found) in enumerate(every) if found is not None and found.trusted)
    order = [i for _, i in known] + [i for i in range(len(every)) if i not in {i for _, i in known}]
    best = every[order[0]][2] if known else None
    ranked = []
    for place, i in enumerate(order):
        rows, cost, found = every[i]
        first = rows[0]
        judged = found is not None and found.trusted and best is not None
        reach = math.exp(_Z * found.log_error) if found is not None else math.nan
        ranked.append(
            Recommendation(
                backend=first.backend,
                dtype=first.dtype,
                device=first.device,
                problem=first.problem,
                estimator=first.estimator,
                settings=first.settings,
                dimension=first.dimension,
                samples=first.samples,
                replicates=first.replicates,
                seed=first.seed,
                budget_seconds=budget,
                rank=place + 1 if judged else None,
                gradients=None if found is None else found.gradients,
                seconds_per_gradient=cost.seconds,
                mean_squared_error=found.value if found is not None and judged else None,
                low=found.value / reach if found is not None and judged else None,
                high=found.value * reach if found is not None and judged else None,
                confidence=CONFIDENCE,
                bias_squared=None if found is None else found.bias_squared,
                trusted=None if found is None else found.trusted,
                as_good_as_the_best=judged
                and found is not None
                and best is not None
                and not told_apart(best, found, len(known)),
            )
        )
    return ranked


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
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for name in names:
        having = texts.having(backends, name, problem)
        if not having:
            continue
        own = {key: value for key, value in settings.items() if key in variances.settings_of(name, problem)}
        planned = variances.plan(
            name,
            problem,
            own,
            dimension=dimension,
            samples=None if samples is None else max(samples, ESTIMATORS[name].least_samples),
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
    return [
        Cell(
            f"recommend {problem} {backend} {dtype} {device} budget={budget:g} {rows[0]['settings']}",
            Work(
                "harness.variance.recommend:measure",
                backend,
                device,
                {"name": backend, "device": device, "rows": rows, "turns": turns},
                package=texts.packages([row["estimator"] for row in rows], problem),
            ),
            functools.partial(rank, budget=budget),
        )
        for (backend, dtype, device), rows in groups.items()
    ]
