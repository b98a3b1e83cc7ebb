"""Work that test cells do inside a worker process."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import ModuleType
from typing import Any

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


def trajectory_with_a_short_reference(backend: ModuleType, **arguments: Any) -> list[TrainingVariance]:
    """Measure along a training, with long runs of two points for each scrambling."""
    from harness.oracle import reference
    from harness.variance import trajectory

    for problem, road in reference.ROADS.items():
        reference.ROADS[problem] = road._replace(points=2)
    return trajectory.measure(backend, **arguments)
