"""The streaming engine: blocks of replicates through one gradient function, moments and clock beside it.

Runs in the process of one framework. Memory does not grow with the number of replicates.

Noise has one of two sources. "shared": NumPy's, the same for every backend and dtype; the moments of its gradients are
computed here, in float64. "framework": the framework's own generator, seeded anew for every block (`native`); draw,
gradient and sums of powers stay in the framework, which is quicker by an order of magnitude.
"""

from __future__ import annotations

from statistics import median
from types import ModuleType
from typing import Any

import numpy as np

from harness import noise as noises
from harness.execution import progress
from harness.results.schema import Variance
from harness.variance import moments, native
from harness.variance.blocks import Blocks, gradient_function, prepare
from harness.variance.kept import Kept, Partial
from harness.variance.records import records
from harness.variance.task import Task

#: Timed calls at the least; the first block is repeated where there are fewer blocks.
LEAST_CALLS = 5


def stream(blocks: Blocks, first: int, last: int) -> Partial:
    """Compute blocks one by one, moments and largest deviations in float64.

    Args:
        blocks: the whole run's.
        first: number of the first block.
        last: number of the block before which to end.
    """
    kept = Kept(blocks.replicates)
    seconds: list[float] = []
    pilot = blocks.draw(0)
    with np.errstate(all="ignore"):  # infinite gradients make NaN moments, and the record then says None
        centres = {name: moments.moments(rows).mean for name, rows in blocks.pilot(pilot).items()}
        for number in range(first, last):
            result, elapsed = blocks.timed(blocks.draw(number))
            seconds.append(elapsed)
            kept.block(number, blocks.rows(result, number), centres)
            done = min((number + 1 - first) * blocks.size, blocks.replicates)
            progress.report(done, min((last - first) * blocks.size, blocks.replicates), "replicates")
    seconds += [blocks.timed(pilot)[1] for _ in range(LEAST_CALLS - len(seconds))]
    return Partial(kept.nodes, kept.largest, median(seconds) / blocks.size)


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
    first, last = (blocks.number * part // share[1] for part in (share[0], share[0] + 1))
    if task.source == "shared":
        return stream(blocks, first, last)
    plain = gradient_function(backend, task.estimator, task.problem, "eager")
    base = noises.integer(task.seed, "variance", task.problem, task.estimator)
    return native.stream(
        blocks,
        plain,
        lambda number: (base + number) % noises.SEEDS,
        task.mode == "compiled",
        task.dtype,
        first,
        last,
        per_call,
    )


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
