"""Timing of one call: the first apart, since it compiles; then repeats, each of which waits for its result."""

from __future__ import annotations

import math
import timeit
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from harness.execution.progress import report
from harness.results.schema import Time
from harness.timing import subjects

#: A timed body lasts at least this many seconds, so that the clock and its call cost less than 1 in 1,000.
SHORTEST_BODY = 1e-3


def _eager(backend: ModuleType, function: Callable[..., Any]) -> Callable[..., Any]:  # noqa: ARG001
    return function


def _compiled(backend: ModuleType, function: Callable[..., Any]) -> Callable[..., Any]:
    compiled: Callable[..., Any] = backend.runtime.compile(function)
    return compiled


MODES = {"eager": _eager, "compiled": _compiled}


def prepare(
    backend: ModuleType, kernel: str, *, dtype: str, mode: str, derivative: str, size: int, seed: int
) -> Callable[[], Any]:
    """Return a callable without arguments that runs once, waits for every result (pitfall T1) and returns it.

    Nothing has run when this returns: the first call compiles. Benchmarks cache what it returns, since asv calls
    `setup` before every timed call (pitfall A1).

    Args:
        backend: the loaded and configured backend.
        kernel: one of `subjects.names()`.
        dtype: of the arguments.
        mode: "eager" or "compiled".
        derivative: "value" (forward) or "vjp" (forward and backward).
        size: elements of the largest argument.
        seed: of the inputs.
    """
    function, arguments = subjects.call(backend, kernel, dtype=dtype, derivative=derivative, size=size, seed=seed)
    function = MODES[mode](backend, function)
    synchronize = backend.runtime.synchronize
    synchronize(arguments)

    def run() -> Any:
        result = function(*arguments)
        synchronize(result)
        return result

    return run


def _calls_per_body(timer: timeit.Timer) -> int:
    """Return how many calls last as long as `SHORTEST_BODY`; finding out warms up."""
    number = 1
    while (seconds := timer.timeit(number)) < SHORTEST_BODY:
        # aim a fifth above the target, and grow at most tenfold since short timings are uncertain
        number = min(10 * number, max(number + 1, math.ceil(1.2 * number * SHORTEST_BODY / max(seconds, 1e-9))))
    return number


def seconds_per_call(run: Callable[[], Any], repeats: int) -> tuple[float, list[float]]:
    """Return the seconds of the first call, and of `repeats` later ones, each a mean over one timed body.

    Args:
        run: runs once and waits; not called before.
        repeats: timed bodies.
    """
    timer = timeit.Timer(run)  # garbage collection is off inside the timed body
    first = timer.timeit(1)
    timer.timeit(1)  # the second call may still allocate or tune
    number = _calls_per_body(timer)
    return first, [timer.timeit(number) / number for _ in range(repeats)]


def measure(
    backend: ModuleType,
    *,
    name: str,
    kernel: str,
    dtype: str,
    device: str,
    mode: str,
    derivative: str,
    size: int,
    repeats: int,
    seed: int,
) -> list[Time]:
    """Time one kernel in the framework's process.

    Args:
        backend: the loaded backend, configured for `device`.
        name: the backend's name, for the record.
        kernel: one of `subjects.names()`.
        dtype: of the arguments.
        device: "cpu" or "gpu".
        mode: "eager" or "compiled".
        derivative: "value" or "vjp".
        size: elements of the largest argument.
        repeats: timed bodies, over which median and quartiles are taken.
        seed: of the inputs.

    Returns:
        One record.
    """
    report(0, 1, f"{kernel} {mode} {derivative}")
    run = prepare(backend, kernel, dtype=dtype, mode=mode, derivative=derivative, size=size, seed=seed)
    first, seconds = seconds_per_call(run, repeats)
    low, median, high = (float(x) for x in np.quantile(seconds, (0.25, 0.5, 0.75)))
    return [
        Time(
            backend=name,
            dtype=dtype,
            device=device,
            kernel=kernel,
            mode=mode,
            derivative=derivative,
            size=size,
            repeats=repeats,
            seconds_first_call=first,
            seconds=median,
            seconds_low=low,
            seconds_high=high,
        )
    ]
