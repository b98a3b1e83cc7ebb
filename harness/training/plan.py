"""Which training runs are asked for, checked before anything is started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness import backends as backend_names
from harness import data, dtypes
from harness.errors import BadInputError, out_of_range, unknown
from harness.execution.work import Cell, Work
from harness.modes import usual
from harness.training import models
from harness.validation import require, require_count, settle

DTYPES = ("float32", "float64")
DEVICES = ("cpu", "gpu")


def _require_known(kind: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise unknown(kind, name, known)


def _require_dtype(name: str) -> None:
    dtypes.find(name)
    if name not in DTYPES:
        raise out_of_range(
            "dtype", name, " or ".join(DTYPES), "Adam's 0.999 and 1e-8 do not survive rounding to 16 bits"
        )


def _schedule(
    model: str, schedule: str | None, settings: Mapping[str, float], dtype: str
) -> tuple[str, dict[str, float]]:
    """Return the schedule's name, empty for a model without temperature, and all its settings."""
    known = models.find(model).schedules
    if not known:
        if schedule or settings:
            raise BadInputError(f"model {model!r} has no temperature; leave out schedule and settings")
        return "", {}
    chosen = schedule or known[0]
    _require_known("schedule", chosen, known)
    return chosen, settle(models.SCHEDULES[chosen], settings, dtype, f"schedule {chosen!r}")


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
    learning_rate: float = 1e-3,
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
        batch: images per step, 1 to 5000.
        learning_rate: Adam's, above 0.
        samples: latent samples per image, at least 1.
        schedule: of the temperature, for a model that has one; None for its first.
        settings: of the schedule, where they differ from its defaults.

    Returns:
        Cells whose records are `harness.results.schema.Train`, one per step.

    Raises:
        BadInputError: a name is unknown, a number out of its range, or a framework or the images missing.
    """
    row = models.find(model)
    goal = objective or next(iter(row.objectives))
    _require_known(f"objective of model {model!r}", goal, list(row.objectives))
    require_count("steps", steps, 1)
    require_count("samples", samples, 1)
    require_count("seed", seed, 0)
    require_count("batch", batch, 1)
    if batch > data.IMAGES:
        raise out_of_range("batch", batch, f"1 to {data.IMAGES}, the number of images", "give a smaller batch")
    data.require_digits()

    backend_names.require_references(backends, "models")
    cells = []
    for backend in backend_names.chosen(backends):
        for dtype in dtypes:
            _require_dtype(dtype)
            require("learning rate", learning_rate, "positive", dtype)
            chosen, values = _schedule(model, schedule, settings or {}, dtype)
            for device in devices:
                _require_known("device", device, DEVICES)
                arguments = {
                    "model": model,
                    "objective": goal,
                    "dtype": dtype,
                    "device": device,
                    "steps": steps,
                    "seed": seed,
                    "batch": batch,
                    "learning_rate": learning_rate,
                    "samples": samples,
                    "schedule": chosen,
                    "settings": values,
                }
                words = [f"{name}={value}" for name, value in arguments.items() if name != "settings"]
                words += [f"{name}={value}" for name, value in values.items()]
                work = Work(
                    "harness.training.loop:train",
                    backend,
                    device,
                    {"name": backend, "mode": usual(backend), **arguments},
                )
                cells.append(Cell(f"train {backend} {' '.join(words)}", work))
    return cells
