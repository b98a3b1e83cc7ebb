"""What accumulating costs beside the gradients: python tests/benchmark_accumulating.py.

Side by side in one process, in turns: a block of JAX gradients of the project's VAE, and what is kept of it, as seconds
per gradient and as a ratio with its interval; then the seconds and the memory of large gradients, in arrays of float64
of their size beside the gradient itself.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from harness.measuring.accumulate import Accumulator
from harness.measuring.tree import layout_of, matrix
from harness.statistics.bias import BiasTest
from harness.timing.turns import interval
from harness.variance.blocks import prepare
from harness.variance.kept import Kept
from harness.variance.task import Task
from implementations import registry

#: Turns of the clock, after a first one.
TURNS = 25

#: Replicates of a block.
BLOCK = 4096


def seconds(call: Callable[[], Any]) -> float:
    """Return the seconds of a call."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def vae() -> None:
    """Print what is kept of gradients of the VAE, beside the gradients."""
    backend = registry.load("jax")
    backend.runtime.configure("cpu", "float32")
    task = Task(
        estimator="pathwise", problem="vae", settings={}, dimension=1, samples=1, replicates=BLOCK, seed=0,
        dtype="float32", mode="compiled",
    )  # fmt: skip
    blocks = prepare(backend, task)
    subject = blocks.subject([])
    parts = [subject(number, blocks.size) for number in range(-(-BLOCK // blocks.size))]
    rows = {name: np.concatenate([part[name] for part in parts])[:BLOCK] for name in parts[0]}
    centres = {name: values.mean(axis=0) for name, values in rows.items()}
    layout = layout_of(rows, BLOCK)
    flat = matrix(rows, layout, BLOCK)
    noises = [blocks.draw(number) for number in range(len(parts))]
    runs: dict[str, Callable[[], Any]] = {
        "gradients": lambda: [blocks.timed(noise) for noise in noises],
        "the project's records": lambda: Kept(BLOCK).block(0, rows, centres),
        "reparam.measure": lambda: Accumulator(layout, flat.mean(axis=0), BLOCK).add(flat),
    }
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(TURNS + 1):
        for name, run in runs.items():
            found[name].append(seconds(run))
    base = found.pop("gradients")[1:]
    print(f"VAE, {layout.size} coordinates, {BLOCK} replicates: {median(base) / BLOCK * 1e6:.2f} us per gradient")
    for name, taken in found.items():
        ratios = [one / other for one, other in zip(taken[1:], base, strict=True)]
        low, high = interval(ratios)
        print(f"  {name}: {median(ratios):.3f} [{low:.3f}, {high:.3f}] of a gradient (limit 0.15)")


def large(coordinates: int) -> None:
    """Print seconds and memory of a large gradient."""
    row = np.random.default_rng(0).standard_normal((1, coordinates), np.float32)
    layout = layout_of(row, 1)
    array = 8 * coordinates
    tracemalloc.start()
    kept = Accumulator(layout, np.zeros(coordinates), 100)
    kept.add(row)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    taken = median(seconds(lambda: kept.add(row)) for _ in range(5))
    tracemalloc.start()
    test = BiasTest(np.ones(coordinates), coordinates, 32, eps=1e-7, scale=1.0)
    for _ in range(18):
        test.add(row)
    judged = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    judging = median(seconds(lambda: test.add(row)) for _ in range(5))
    print(
        f"{coordinates:.0e} coordinates: measure {taken * 1e3:.1f} ms a replicate and {peak / array:.1f} arrays; "
        f"bias {judging * 1e3:.1f} ms and {judged / array:.1f} arrays, beside the gradient in float32 and the truth"
    )


if __name__ == "__main__":
    vae()
    for size in (10**6, 10**7):
        large(size)
