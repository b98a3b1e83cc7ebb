"""Steps and seconds until one optimizer reaches the loss that another has after some steps, in one process.

Both see all examples at every step, so that a loss is that of the whole training set. For each seed the one that sets
the target runs first, the other right after it; the first step of each, which compiles, is taken beforehand.

Reference:
    Schmidt, Schneider and Hennig, Descending through a crowded valley, ICML 2021, for what such a comparison needs:
    several seeds, and the settings of both said.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from harness import backends as backend_names
from harness import data
from harness.execution.progress import report
from harness.execution.work import Cell, Work
from harness.modes import usual
from harness.results.schema import Race
from harness.training import models, optimizers
from harness.training.loop import Taken, Training, step_function, steps_of
from harness.training.plan import require_dtype, settings_of
from harness.validation import require_count

CONFIDENCE = 0.95


def _told(rival: Mapping[str, Any]) -> str:
    """Return an optimizer's settings as "name=value", joined by blanks."""
    return " ".join(
        f"{name}={value:g}" for name, value in {**rival["settings"]["optimizer"], **rival["counts"]}.items()
    )


def measure(
    backend: ModuleType,
    *,
    name: str,
    model: str,
    objective: str,
    dtype: str,
    device: str,
    mode: str,
    batch: int,
    seeds: Sequence[int],
    steps: int,
    rival: Mapping[str, Any],
    against: Mapping[str, Any],
) -> list[Race]:
    """Run both optimizers from the initial weights of each seed.

    Args:
        backend: the framework's package, configured.
        name: the backend's name, for the records.
        model: a key of `models.MODELS`, without noise.
        objective: one of its objectives.
        dtype: of weights and data.
        device: where the backend is configured to compute.
        mode: "eager" or "compiled".
        batch: how many examples there are.
        seeds: of initial weights.
        steps: of the optimizer that sets the target; the other takes as many at most.
        rival: "optimizer", "settings" and "counts" of the one that has to reach the target.
        against: the same of the one that sets it.

    Returns:
        A record for each seed.
    """
    about: dict[str, Any] = {
        "model": model,
        "objective": objective,
        "schedule": "",
        "dtype": dtype,
        "batch": batch,
        "samples": 1,
    }
    trainings = {id(row): Training(**row, **about, seed=seeds[0], mode=mode) for row in (rival, against)}
    updates = {row: step_function(backend, training) for row, training in trainings.items()}

    def start(row: Mapping[str, Any], seed: int) -> Iterator[Taken]:
        return steps_of(backend, updates[id(row)], replace(trainings[id(row)], seed=seed))

    for row in (rival, against):
        next(start(row, seeds[0]))
    records = []
    for done, seed in enumerate(seeds):
        report(done, len(seeds), f"seed {seed}")
        # losses and seconds alone: the weights of every step would add up
        *taken, (target, _) = ((step.loss, step.seconds) for step in itertools.islice(start(against, seed), steps + 1))
        reached, seconds = _reach(start(rival, seed), target, steps)
        records.append(
            Race(
                backend=name,
                dtype=dtype,
                device=device,
                mode=mode,
                model=model,
                objective=objective,
                batch=batch,
                seed=seed,
                optimizer=rival["optimizer"],
                settings=_told(rival),
                against=against["optimizer"],
                against_settings=_told(against),
                against_steps=steps,
                against_seconds=sum(seconds_of_step for _, seconds_of_step in taken),
                target=target,
                steps=reached,
                seconds=seconds,
            )
        )
    return records


def _reach(taken: Iterator[Taken], target: float, limit: int) -> tuple[int | None, float | None]:
    """Return after how many steps, at most `limit`, the loss is at most the target, and what they took in seconds."""
    seconds = 0.0
    for count, step in enumerate(itertools.islice(taken, limit + 1)):
        if step.loss <= target:  # the loss before this step, that is after `count` steps
            return count, seconds
        seconds += step.seconds
    return None, None


class Summary(NamedTuple):
    """What the races of one backend say together.

    Attributes:
        backend: whose.
        dtype: floating type.
        device: "cpu" or "gpu".
        runs: seeds.
        reached: how many of them reached the target.
        steps: mean number of steps of those, with the ends of its Student t interval; NaN where fewer than two did.
        seconds: their mean seconds; None where none did.
        against_seconds: mean seconds of the other optimizer.
        ratio: geometric mean of seconds over the other's, with the ends of the t interval on the log scale.
    """

    backend: str
    dtype: str
    device: str
    runs: int
    reached: int
    steps: tuple[float, float, float]
    seconds: float | None
    against_seconds: float
    ratio: tuple[float, float, float]


def _interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return mean and ends of the Student t interval."""
    if len(values) < 2:
        return math.nan, math.nan, math.nan
    mean, error = float(np.mean(values)), float(stats.sem(values))
    reach = float(stats.t.ppf(0.5 + CONFIDENCE / 2, len(values) - 1)) * error
    return mean, mean - reach, mean + reach


def summaries(records: Iterable[Race]) -> list[Summary]:
    """Summarise races over their seeds, one row for each backend, dtype and device."""
    groups: dict[tuple[str, str, str], list[Race]] = defaultdict(list)
    for record in records:
        groups[record.backend, record.dtype, record.device].append(record)
    found = []
    for place, rows in groups.items():
        ended = [(row.steps, row.seconds, row) for row in rows if row.steps is not None and row.seconds is not None]
        logs = [math.log(max(seconds, 1e-9) / row.against_seconds) for _, seconds, row in ended]
        low, middle, high = (math.exp(part) for part in sorted(_interval(logs)))
        found.append(
            Summary(
                *place,
                runs=len(rows),
                reached=len(ended),
                steps=_interval([float(steps) for steps, _, _ in ended]),
                seconds=float(np.mean([seconds for _, seconds, _ in ended])) if ended else None,
                against_seconds=float(np.mean([row.against_seconds for row in rows])),
                ratio=(middle, low, high),
            )
        )
    return found


def plan(
    model: str,
    *,
    backends: Sequence[str],
    dtypes: Sequence[str] = ("float32",),
    devices: Sequence[str] = ("cpu",),
    optimizer: str = "natural_gradient",
    settings: Mapping[str, float] | None = None,
    against: str = "adam",
    against_settings: Mapping[str, float] | None = None,
    steps: int = 200,
    seed: int = 0,
    seeds: int = 5,
) -> list[Cell]:
    """Plan one race for each backend, dtype and device.

    Args:
        model: a key of `models.MODELS`, without noise.
        backends: names in the registry; none means every installed reference backend.
        dtypes: "float32", "float64".
        devices: "cpu", "gpu".
        optimizer: that has to reach the target.
        settings: of it, where they differ from their defaults.
        against: the optimizer that sets the target.
        against_settings: of it.
        steps: of the latter, at least 1.
        seed: the first of the seeds, at least 0.
        seeds: how many, at least 2, since one has no interval.

    Returns:
        Cells whose records are `harness.results.schema.Race`, one per seed.

    Raises:
        BadInputError: a name is unknown, a number out of its range, or a framework or the data missing.
    """
    row = models.find(model)
    require_count("steps", steps, 1)
    require_count("seed", seed, 0)
    require_count("seeds", seeds, 2, "one run has no interval")
    models.require_no_noise(model)
    for name in (optimizer, against):
        optimizers.require_family(name, model, row.family)
    backend_names.require_references(backends, "models")
    cells = []
    for backend in backend_names.chosen(backends):
        for dtype in dtypes:
            require_dtype(dtype)
            rivals = {}
            for role, name, given in (("rival", optimizer, settings), ("against", against, against_settings)):
                _, values, counts = settings_of(model, None, name, given or {}, dtype)
                rivals[role] = {"optimizer": name, "settings": values, "counts": counts}
            for device in devices:
                arguments: dict[str, Any] = {
                    "name": backend,
                    "model": model,
                    "objective": next(iter(row.objectives)),
                    "dtype": dtype,
                    "device": device,
                    "mode": usual(backend),
                    "batch": data.require(row.source).examples,
                    "seeds": list(range(seed, seed + seeds)),
                    "steps": steps,
                    **rivals,
                }
                words = (
                    f"{backend} {model} {dtype} {device} seeds={seed}..{seed + seeds - 1} steps={steps} "
                    f"{optimizer} {_told(rivals['rival'])} against {against} {_told(rivals['against'])}"
                )
                cells.append(Cell(f"race {words}", Work("harness.training.race:measure", backend, device, arguments)))
    return cells
