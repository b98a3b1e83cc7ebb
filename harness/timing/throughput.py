"""Gradients per second of the streaming engine, beside a loop over single samples and beside the draw of its noise.

All take turns in one process: the stream of `harness.variance.native`, with all moments kept; a plain loop that draws
one sample and differentiates, one operation after the other; and the floor, that is nothing but the draw of the same
normals in the same blocks, by whichever way of asking the framework for them is the quickest.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from harness.backends import require_references
from harness.execution.progress import report
from harness.execution.work import Cell, Work
from harness.results.schema import Throughput
from harness.timing.turns import CONFIDENCE, interval, require_turns
from harness.validation import require_count
from harness.variance.blocks import block_replicates, prepare
from harness.variance.native import reduction
from harness.variance.task import Task

PROBLEM = "norm_squared"
ESTIMATORS = ("pathwise", "score_function")

#: Gradients of the loop in each turn, unless said otherwise.
LOOP = 200


def _seconds(run: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def measure(
    backend: ModuleType,
    *,
    name: str,
    device: str,
    dtype: str,
    estimator: str,
    dimension: int,
    blocks: int,
    turns: int,
    seed: int,
    loop: int = LOOP,
) -> list[Throughput]:
    """Measure one estimator on |x|^2, with loc and scale, compiled.

    Args:
        backend: the loaded and configured backend.
        name: its name, for the records.
        device: on which it was configured.
        dtype: floating type.
        estimator: "pathwise" or "score_function".
        dimension: coordinates.
        blocks: in one call of the stream.
        turns: of each subject.
        seed: of the noise.
        loop: gradients of the loop in each turn.
    """
    runtime = backend.runtime
    size = block_replicates(PROBLEM, dimension, 1)
    task = Task(
        dtype=dtype, estimator=estimator, problem=PROBLEM, settings={"loc": 0.5, "scale": 1.0},
        dimension=dimension, samples=1, replicates=size * blocks, seed=seed, mode="eager", source="framework",
    )  # fmt: skip
    ready = prepare(backend, task)
    parameters, constants = ready.arguments
    seeds = runtime.asarray(np.arange(1, blocks + 1), "int64")
    zeros = {key: runtime.asarray(np.zeros(dimension), dtype) for key in parameters}
    ones = {key: runtime.asarray(np.ones(()), dtype) for key in parameters}
    like = next(iter(parameters.values()))

    stream = backend.streaming.over_blocks(ready.draw, reduction(backend, ready.gradients), True)
    squares = backend.streaming.over_blocks(
        ready.draw, lambda noise: {"squares": backend.objectives.norm_squared(noise, {}, {})}, True
    )

    def streamed() -> None:
        runtime.to_numpy(stream(seeds, ready.arguments, zeros, ones))

    def summed() -> None:
        runtime.synchronize(squares(seeds))

    def drawn() -> None:
        for number in range(1, blocks + 1):
            runtime.synchronize(ready.draw(number))

    def looped() -> None:
        for number in range(loop):
            noise = backend.sampling.standard_normal(number, (1, 1, dimension), like)
            runtime.synchronize(ready.gradients(parameters, constants, noise))

    subjects = (streamed, summed, drawn, looped)
    for run in subjects:
        run()
    rows = []
    for turn in range(turns):
        report(turn, turns, f"turn {turn + 1} of {turns}")
        # whoever comes after the loop finds cold caches: each subject takes every place equally often
        order = [(turn + place) % len(subjects) for place in range(len(subjects))]
        taken = {place: _seconds(subjects[place]) for place in order}
        rows.append([taken[place] for place in range(len(subjects))])
    gradients = size * blocks
    rates = [gradients / ours for ours, *_ in rows]
    loops = [rate / (loop / seconds) for rate, (*_, seconds) in zip(rates, rows, strict=True)]
    floors = [min(a, b) / ours for ours, a, b, _ in rows]
    loop_low, loop_high = interval(loops)
    floor_low, floor_high = interval(floors)
    return [
        Throughput(
            backend=name,
            dtype=dtype,
            device=device,
            estimator=estimator,
            problem=PROBLEM,
            dimension=dimension,
            block=size,
            blocks=blocks,
            turns=turns,
            gradients_per_second=statistics.median(rates),
            loop_ratio=statistics.median(loops),
            loop_ratio_low=loop_low,
            loop_ratio_high=loop_high,
            floor_ratio=statistics.median(floors),
            floor_ratio_low=floor_low,
            floor_ratio_high=floor_high,
            confidence=CONFIDENCE,
        )
    ]


def plan(
    backends: Sequence[str],
    dtypes: Sequence[str] = ("float32",),
    devices: Sequence[str] = ("cpu",),
    *,
    estimators: Sequence[str] = ESTIMATORS,
    dimension: int = 50,
    blocks: int = 32,
    turns: int = 16,
    seed: int = 0,
) -> list[Cell]:
    """Return one cell for each backend, dtype, device and estimator.

    Args:
        backends: reference backends.
        dtypes: floating types.
        devices: "cpu", "gpu".
        estimators: "pathwise", "score_function".
        dimension: coordinates, at least 1.
        blocks: in one call, at least 1.
        turns: at least 6, below which 95 % confidence has no interval.
        seed: at least 0.

    Raises:
        BadInputError: a number is out of range, or a backend is a library.
    """
    require_references(backends, "estimators")
    require_count("dimension", dimension, 1)
    require_count("blocks", blocks, 1)
    require_turns(turns)
    return [
        cell_of(
            "throughput",
            "harness.timing.throughput:measure",
            {"name": backend, "device": device, "dtype": dtype, "estimator": estimator, "dimension": dimension}
            | {"blocks": blocks, "turns": turns, "seed": seed},
        )
        for backend in backends
        for device in devices
        for dtype in dtypes
        for estimator in estimators
    ]


def cell_of(kind: str, function: str, row: dict[str, Any], alone: bool = False) -> Cell:
    """Return a cell whose key says its arguments.

    Args:
        kind: the key's first word.
        function: as in `Work`.
        row: its arguments, "name" and "device" among them.
        alone: as in `Work`.
    """
    key = " ".join([kind, *(f"{name}={value}" for name, value in row.items())])
    return Cell(key, Work(function, row["name"], row["device"], row, alone=alone))
