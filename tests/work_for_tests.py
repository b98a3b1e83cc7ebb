"""Work that test cells do inside a worker process."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from harness import dtypes, noise
from harness.execution import progress
from harness.results.schema import Article, TrainingVariance


class OddError(Exception):
    """An exception that cannot be unpickled: its constructor takes two arguments."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first}: {second}")


def record(number: int) -> Article:
    return Article(
        backend="jax", dtype="float32", device="cpu", formula=f"formula {number}", quantity="number", seed=0,
        samples=1, measured=float(number), measured_low=None, measured_high=None, confidence=0.95, exact=None,
        right=0.0,
    )  # fmt: skip


def note_and_record(backend: ModuleType, number: int, log: str, seconds: float) -> list[Article]:
    """Say in a log that the cell is being measured, take some time, and return one record."""
    del backend
    with Path(log).open("a") as file:
        file.write(f"{number}\n")
    time.sleep(seconds)
    return [record(number)]


def process_number(backend: ModuleType) -> tuple[int, str]:
    return os.getpid(), backend.__name__


def die(backend: ModuleType) -> None:
    del backend
    os._exit(9)


def raise_odd(backend: ModuleType) -> None:
    del backend
    raise OddError("first", "second")


def report_twice(backend: ModuleType) -> list[Any]:
    del backend
    progress.report(1, 2, "half")
    progress.report(2, 2, "whole")
    return []


def environment(backend: ModuleType) -> dict[str, str]:
    del backend
    return dict(os.environ)


#: Replicates and coordinates of the gradients whose powers are summed.
POWER_SHAPE = (256, 2, 3)


def power_inputs(dtype: str) -> tuple[np.ndarray, np.ndarray, float]:
    """Return gradients, a centre near their mean and a scale, all rounded to the dtype."""
    values = 3.0 * noise.generator(2, "power sums").standard_exponential(POWER_SHAPE) - 1.0
    rounded = dtypes.rounded(values, dtype)
    return rounded, dtypes.rounded(rounded.mean(axis=0), dtype), 2.0


def power_sums(backend: ModuleType, dtype: str, compiled: bool) -> dict[str, np.ndarray]:
    """Return the power sums of two blocks of the same gradients: the draw does not look at its seed."""
    runtime = backend.runtime
    values, centre, scale = power_inputs(dtype)
    values, centre, rate = (runtime.asarray(np.asarray(array), dtype) for array in (values, centre, 1 / scale))

    def reduce(centre: Any, rate: Any, noise: Any) -> Any:
        return backend.streaming.power_sums(noise, centre, rate)

    def draw(seed: Any) -> Any:
        del seed
        return values

    run = backend.streaming.over_blocks(draw, reduce, compiled)
    return runtime.to_numpy(run(runtime.asarray(np.array([3, 4]), "int64"), centre, rate))


def trajectory_with_a_short_reference(backend: ModuleType, **arguments: Any) -> list[TrainingVariance]:
    """Measure along a training, with long runs of two points for each scrambling."""
    from harness.oracle import reference
    from harness.variance import trajectory

    for problem, road in reference.ROADS.items():
        reference.ROADS[problem] = road._replace(points=2)
    return trajectory.measure(backend, **arguments)
