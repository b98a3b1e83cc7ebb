"""The streaming engine: blocks of replicates through one gradient function, moments and clock beside it.

Runs in the process of one framework. Memory does not grow with the number of replicates.

Noise has one of two sources. "shared": NumPy's, the same for every backend and dtype; the moments of its gradients are
computed here, in float64. "framework": the framework's own generator, seeded anew for every block (`native`); draw,
gradient and sums of powers stay in the framework, which is quicker by an order of magnitude.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import median
from types import ModuleType
from typing import Any

import numpy as np

from harness import noise as noises
from harness.execution import progress
from harness.results.schema import Variance
from harness.statistics import moments
from harness.variance import native
from harness.variance.blocks import Blocks, gradient_function, prepare
from harness.variance.judging import Found, Judging
from harness.variance.kept import Kept, Partial
from harness.variance.records import records
from harness.variance.task import Task


def stream(blocks: Blocks, judging: Judging | None, first: int, last: int) -> Partial:
    """Compute blocks one by one, moments and largest deviations in float64.

    Args:
        blocks: the whole run's.
        judging: what judges the first blocks; None where another process does.
        first: number of the first block.
        last: number of the block before which to end.
    """
    kept = Kept(blocks.replicates)
    seconds: list[float] = []
    subject = blocks.subject(seconds)
    with np.errstate(all="ignore"):  # infinite gradients make NaN moments, and the record then says None
        pilot = subject(0, blocks.rows(0))
        del seconds[:]  # the function is compiled after its first call
        centres = {name: moments.spread(rows).mean for name, rows in pilot.items()}
        for number in range(first, last):
            rows = subject(number, blocks.rows(number)) if number else pilot
            kept.block(number, rows, centres)
            if judging:
                judging.add(rows)
            done = min((number + 1 - first) * blocks.size, blocks.replicates)
            progress.report(done, min((last - first) * blocks.size, blocks.replicates), "replicates")
        biases = judged(judging, blocks, range(last, blocks.number))
    return Partial(kept.nodes, kept.largest, median(blocks.clocked(0, seconds)) / blocks.size, biases)


def judged(
    judging: Judging | None, blocks: Blocks, numbers: Iterable[int], seed: Callable[[int], int] = int
) -> dict[str, Found]:
    """Add blocks until all replicates that are judged were added, and return what is known of each parameter.

    Args:
        judging: what judges; None where another process does.
        blocks: the whole run's.
        numbers: of the blocks, in order.
        seed: number of a block -> its seed.
    """
    if judging is None:
        return {}
    subject = blocks.subject([])
    for number in numbers:
        if not judging.left:
            break
        judging.add(subject(seed(number), blocks.rows(number)))
    return judging.found()


def share_of(
    backend: ModuleType, task: Task, share: tuple[int, int] = (0, 1), per_call: int = native.BLOCKS_PER_CALL
) -> Partial:
    """Compute one process's share of the blocks of a task.

    Args:
        backend: the loaded and configured backend.
        task: what is measured.
        share: (i, n): the i-th of n equal runs of blocks.
        per_call: blocks in one call, where the framework draws.
    """
    blocks = prepare(backend, task)
    judging = None if share[0] else Judging(task)
    first, last = (blocks.number * part // share[1] for part in (share[0], share[0] + 1))
    if task.source == "shared":
        return stream(blocks, judging, first, last)
    plain = gradient_function(backend, task.estimator, task.problem, "eager")
    base = noises.integer(task.seed, "variance", task.problem, task.estimator)

    def seed(number: int) -> int:
        return (base + number) % noises.SEEDS

    part = native.stream(blocks, plain, seed, task.mode == "compiled", task.dtype, first, last, per_call)
    return part._replace(biases=judged(judging, blocks, range(blocks.number), seed))


def partial(
    backend: ModuleType, *, share: tuple[int, int], per_call: int = native.BLOCKS_PER_CALL, **task: Any
) -> Partial:
    """Compute one process's share of a measurement, of which `harness.variance.records` makes records.

    Args:
        backend: the loaded and configured backend.
        share: (i, n): the i-th of n equal runs of blocks.
        per_call: blocks in one call, where the framework draws.
        **task: fields of a `Task`.
    """
    return share_of(backend, Task(**task), share, per_call)


def measure(
    backend: ModuleType, *, name: str, device: str, per_call: int = native.BLOCKS_PER_CALL, **task: Any
) -> list[Variance]:
    """Measure mean, bias and variance of one estimator on one problem: one record per parameter.

    Args:
        backend: the loaded and configured backend.
        name: its name, for the records.
        device: on which it was configured.
        per_call: blocks in one call, where the framework draws.
        **task: fields of a `Task`.
    """
    whole = Task(**task)
    return records([share_of(backend, whole, per_call=per_call)], name, device, whole)
