"""How far a process grows over a long stream of gradients, and how long it takes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from harness.errors import MeasurementError
from harness.execution.work import Cell
from harness.results.schema import Stream
from harness.timing import memory
from harness.timing.throughput import cell_of
from harness.variance import engine
from harness.variance import plan as variances
from harness.variance.blocks import BLOCK
from harness.variance.native import BLOCKS_PER_CALL


def measure(
    backend: ModuleType,
    *,
    name: str,
    device: str,
    dtype: str,
    estimator: str,
    replicates: int,
    mode: str,
    seed: int,
) -> list[Stream]:
    """Measure how far a fresh process grows over a long stream of scalar gradients, and how long it takes.

    Args:
        backend: the loaded and configured backend.
        name: its name, for the records.
        device: on which it was configured.
        dtype: floating type.
        estimator: a key of `ESTIMATORS`.
        replicates: gradients.
        mode: "eager" or "compiled".
        seed: of the noise.

    Raises:
        MeasurementError: the stream's variance is not finite, so that it did not do its work.
    """
    row: dict[str, Any] = {"dtype": dtype, "estimator": estimator, "problem": "quadratic", "mode": mode, "seed": seed}
    row |= {"settings": {"loc": 0.5, "scale": 1.0, "k": 0.0}, "dimension": 1, "samples": 1, "source": "framework"}
    small = BLOCK * (BLOCKS_PER_CALL + 1)
    # what is compiled and loaded is not counted
    engine.measure(backend, name=name, device=device, replicates=small, **row)
    memory.forget_the_peak()
    before = memory.present()
    begin = time.perf_counter()
    found = engine.measure(backend, name=name, device=device, replicates=replicates, **row)
    seconds = time.perf_counter() - begin
    if any(record.variance is None for record in found):
        raise MeasurementError(f"{estimator} on quadratic gave a variance that is not finite")
    return [
        Stream(
            backend=name,
            dtype=dtype,
            device=device,
            mode=mode,
            estimator=estimator,
            replicates=replicates,
            seconds=seconds,
            bytes=max(memory.peak() - before, 0),
        )
    ]


def plan(
    backends: Sequence[str],
    dtypes: Sequence[str] = ("float32",),
    *,
    replicates: Sequence[int] = (10**6, 10**7, 10**8, 10**9),
    estimator: str = "pathwise",
    seed: int = 0,
) -> list[Cell]:
    """Return one cell, in a process of its own, for each backend, dtype and number of replicates, on the CPU.

    Args:
        backends: reference backends.
        dtypes: floating types.
        replicates: gradients, each at least 2.
        estimator: that fits the quadratic problem.
        seed: at least 0.

    Raises:
        BadInputError: a name is unknown or a number out of range.
    """
    for count in replicates:
        variances.plan(estimator, "quadratic", {}, replicates=count, backends=backends, dtypes=dtypes, seed=seed)
    return [
        cell_of(
            "stream",
            "harness.timing.stream_memory:measure",
            {"name": backend, "device": "cpu", "dtype": dtype, "estimator": estimator, "replicates": count}
            | {"mode": "compiled", "seed": seed},
            alone=True,
        )
        for backend in backends
        for dtype in dtypes
        for count in replicates
    ]
