"""Which training runs are asked for, checked before anything is started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness import backends as backend_names
from harness import data, dtypes
from harness.errors import BadInputError, out_of_range, unknown
from harness.execution.work import Cell, Work
from harness.modes import usual
from harness.training import models, optimizers
from harness.validation import require_count, settle

DTYPES = ("float32", "float64")
DEVICES = ("cpu", "gpu")


def _require_known(kind: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise unknown(kind, name, known)


def require_dtype(name: str) -> None:
    """Check that a model can be trained in a dtype.

    Raises:
        BadInputError: it cannot.
    """
    dtypes.find(name)
    if name not in DTYPES:
        raise out_of_range(
            "dtype", name, " or ".join(DTYPES), "Adam's 0.999 and 1e-8 do not survive rounding to 16 bits"
        )


def settings_of(
    model: str, schedule: str | None, optimizer: str, given: Mapping[str, float], dtype: str
) -> tuple[str, dict[str, dict[str, float]], dict[str, int]]:
    """Return the schedule's name, empty for a model without temperature, the settings of both, and the counts.

    Args:
        model: a key of `models.MODELS`.
        schedule: of the temperature; None for the model's first.
        optimizer: a key of `optimizers.OPTIMIZERS`.
        given: settings that differ from their defaults.
        dtype: in which they must be representable.

    Raises:
        BadInputError: a name is unknown, or a number out of its range.
    """
    known = models.find(model).schedules
    if schedule and not known:
        raise BadInputError(f"model {model!r} has no temperature; leave out the schedule")
    chosen = (schedule or known[0]) if known else ""
    if chosen:
        _require_known("schedule", chosen, known)
    row = optimizers.find(optimizer)
    owners = {"schedule": models.SCHEDULES[chosen] if chosen else {}, "optimizer": row.settings, "counts": row.counts}
    every = {name: setting for rows in owners.values() for name, setting in rows.items()}
    values = settle(every, given, dtype, f"model {model!r} with optimizer {optimizer!r}")
    for name in row.counts:
        if not values[name].is_integer():
            raise out_of_range(name, values[name], "whole numbers", "leave out the fraction")
    split = {owner: {name: values[name] for name in rows} for owner, rows in owners.items()}
    return chosen, split, {name: int(value) for name, value in split.pop("counts").items()}


def plan(
    model: str,
    steps: int = 200,
    objective: str | None = None,
    *,
    backends: Sequence[str],
    dtypes: Sequence[str] = ("float32",),
    devices: Sequence[str] = ("cpu",),
    seed: int = 0,
    batch: int = 128,
    optimizer: str = "adam",
    samples: int = 1,
    schedule: str | None = None,
    settings: Mapping[str, float] | None = None,
) -> list[Cell]:
    """Plan one training run for every backend, dtype and device.

    Args:
        model: a key of `models.MODELS`.
        steps: updates of each run, at least 1.
        objective: one of the model's; None for its first.
        backends: names in the registry; none means every installed reference backend.
        dtypes: "float32", "float64".
        devices: "cpu", "gpu".
        seed: of initial weights, batches and noise, at least 0; the same in every run.
        batch: examples per step, at most as many as there are.
        optimizer: a key of `optimizers.OPTIMIZERS`.
        samples: latent samples per example, at least 1.
        schedule: of the temperature, for a model that has one; None for its first.
        settings: of optimizer and schedule, where they differ from their defaults.

    Returns:
        Cells whose records are `harness.results.schema.Train`, one per step.

    Raises:
        BadInputError: a name is unknown, a number out of its range, or a framework or the data missing.
    """
    row = models.find(model)
    goal = next(iter(row.objectives)) if objective is None else objective
    _require_known(f"objective of model {model!r}", goal, list(row.objectives))
    require_count("steps", steps, 1)
    require_count("samples", samples, 1)
    require_count("seed", seed, 0)
    require_count("batch", batch, 1)
    source = data.require(row.source)
    if batch > source.examples:
        raise out_of_range("batch", batch, f"1 to {source.examples}, the number of examples", "give a smaller batch")
    optimizers.require_family(optimizer, model, row.family)

    backend_names.require_references(backends, "models")
    cells = []
    for backend in backend_names.chosen(backends):
        for dtype in dtypes:
            require_dtype(dtype)
            chosen, values, counts = settings_of(model, schedule, optimizer, settings or {}, dtype)
            for device in devices:
                _require_known("device", device, DEVICES)
                arguments: dict[str, Any] = {
                    "model": model,
                    "objective": goal,
                    "dtype": dtype,
                    "device": device,
                    "steps": steps,
                    "seed": seed,
                    "batch": batch,
                    "optimizer": optimizer,
                    "samples": samples,
                    "schedule": chosen,
                }
                words = [f"{name}={value}" for name, value in arguments.items()]
                words += [
                    f"{name}={value}"
                    for own in (*values.values(), dict[str, float](counts))
                    for name, value in own.items()
                ]
                work = Work(
                    "harness.training.loop:train",
                    backend,
                    device,
                    {"name": backend, "mode": usual(backend), "settings": values, "counts": counts, **arguments},
                )
                cells.append(Cell(f"train {backend} {' '.join(words)}", work))
    return cells
