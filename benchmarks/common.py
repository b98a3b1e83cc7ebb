"""What the benchmarks share: their parameters, what to skip and why, and calls that are prepared once per process."""

from collections.abc import Callable
from functools import cache
from typing import Any

from harness.timing import session

BACKENDS = ["torch", "jax", "tensorflow"]
DEVICES = ["cpu", "gpu"]
DTYPE = "float32"
SIZE = 65_536
SEED = 0

#: Of one operation: with one, what else runs on the machine disturbs least, and two commits compare.
THREADS = 1

#: {backend: {device: why it cannot be measured, or ""}}
Missing = dict[str, dict[str, str]]


def setup_cache() -> Missing:
    """Ask every framework once which devices it sees, so that a skipped benchmark need not load it."""
    return {backend: session.missing(backend, DEVICES) for backend in BACKENDS}


def require(missing: Missing, backend: str, device: str) -> None:
    """Skip the benchmark, as asv wants it said, where the backend or the device is not there."""
    if missing[backend][device]:
        raise NotImplementedError(missing[backend][device])


@cache
def prepared(kernel: str, backend: str, device: str, mode: str, derivative: str) -> Callable[[], Any]:
    """Return a call that has run once, so that it is compiled.

    It is kept for the life of the process, since asv runs `setup` again before every timed call (pitfall A1).
    """
    from harness.timing import measure  # here, since a benchmark that is skipped need not load it

    run = measure.prepare(
        session.backend(backend, device, THREADS),
        kernel,
        dtype=DTYPE,
        mode=mode,
        derivative=derivative,
        size=SIZE,
        seed=SEED,
    )
    run()
    run()  # the second call may still allocate or tune
    return run
