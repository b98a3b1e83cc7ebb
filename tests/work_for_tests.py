"""Work that test cells do inside a worker process."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from harness import dtypes, noise
from harness.errors import BadInputError
from harness.execution import progress
from harness.execution.child import UnavailableError
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


class OddBadInputError(BadInputError):
    """Bad input of a third party, that cannot be unpickled."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first}: {second}")


class _Unreadable:
    def __reduce__(self) -> tuple[Any, ...]:
        return int, ("no number",)


def draw(backend: ModuleType, seed: int) -> list[float]:
    del backend
    return list(noise.generator(seed, "worker test").standard_normal(100))


def kill_itself(backend: ModuleType, log: str) -> None:
    note_and_record(backend, 0, log, 0.0)
    os.kill(os.getpid(), signal.SIGKILL)


def draw_on_second_try(backend: ModuleType, seed: int, flag: str) -> list[float]:
    """Draw, but for the first time, when the process is killed."""
    if not Path(flag).exists():
        kill_itself(backend, flag)
    return draw(backend, seed)


def fail_until(backend: ModuleType, flag: str) -> list[Article]:
    del backend
    if not Path(flag).exists():
        raise ImportError(f"cannot import name\nfrom {flag}")
    return [record(2)]


def hang(backend: ModuleType) -> None:
    del backend
    while True:
        time.sleep(60)


def fork_and_die(backend: ModuleType, log: str) -> None:
    """Leave a child that lives on for a while, and with it every file that this process has open."""
    del backend
    child = os.fork()
    if child == 0:
        time.sleep(100)
    else:
        Path(log).write_text(str(child))
    os._exit(7)


def allocate(backend: ModuleType) -> None:
    """Ask for more memory than the process may have."""
    del backend
    resource.setrlimit(resource.RLIMIT_AS, (2**33, resource.getrlimit(resource.RLIMIT_AS)[1]))
    np.ones(2**34, dtype=np.int8)


def leave(backend: ModuleType) -> None:
    del backend
    sys.exit(5)


def refuse(backend: ModuleType) -> None:
    del backend
    raise BadInputError("size is 0; allowed: above 0; give such a size")


def be_unavailable(backend: ModuleType) -> None:
    del backend
    raise UnavailableError("no worker offers the resource")


def raise_odd_bad_input(backend: ModuleType) -> None:
    del backend
    raise OddBadInputError("first", "second")


def return_what_cannot_be_sent(backend: ModuleType) -> Any:
    return lambda: backend


def return_what_cannot_be_read(backend: ModuleType) -> Any:
    del backend
    return _Unreadable()


def echo(backend: ModuleType, numbers: bytes) -> bytes:
    del backend
    return numbers


def report_often(backend: ModuleType, times: int) -> list[Any]:
    del backend
    for turn in range(times):
        progress.report(turn + 1, times, "again")
    return []


def parents(backend: ModuleType) -> tuple[int, int]:
    del backend
    return os.getpid(), os.getppid()


def note_and_draw(backend: ModuleType, seed: int, log: str, seconds: float) -> list[float]:
    note_and_record(backend, seed, log, seconds)
    return draw(backend, seed)
