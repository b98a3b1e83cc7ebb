"""Peak memory of one call of a kernel at growing sizes, in a process of its own."""

from __future__ import annotations

import ctypes
import gc
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import ModuleType
from typing import Any

from harness import dtypes as dtype_names
from harness.backends import is_library
from harness.errors import BadInputError, MeasurementError
from harness.execution.progress import report
from harness.execution.work import Cell, Work
from harness.results.schema import Peak
from harness.timing import measure as timing
from harness.timing import memory, subjects
from harness.timing import plan as plans

#: What a framework loads when it is first used must not count: this runs first, at so few elements.
_FIRST, _FEW = "gaussian.log_prob", 1_024

#: Below, growth is the framework's own more than the arrays'.
SIZES = (2**20, 2**22)


#: The most of so many calls counts: what an allocator kept of earlier work makes growth smaller, never larger.
CALLS = 3

#: Looks at the memory, so many seconds apart, that must agree before it counts as settled; and how many there are.
_LOOKS, _APART, _MOST = 5, 0.02, 250


def _settle() -> int:
    """Give back what earlier work left, and return the bytes that the process then holds.

    Cycles of Python, and what the C library keeps (glibc alone is asked). JAX lets go of the arrays that it copied from
    in threads of its own: it is waited for until the memory no longer falls.
    """
    gc.collect()
    found = [memory.present()]
    while len(set(found[-_LOOKS:])) > 1 or len(found) < _LOOKS:
        if len(found) == _MOST:
            raise MeasurementError(f"the memory of the process still changed after {_MOST * _APART:g} s without work")
        time.sleep(_APART)
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
        found.append(memory.present())
    return found[-1]


def _growth(run: Callable[[], Any]) -> int:
    before = _settle()
    memory.forget_the_peak()
    run()
    return max(memory.peak() - before, 0)


def measure(
    backend: ModuleType,
    *,
    name: str,
    kernel: str,
    dtype: str,
    device: str,
    mode: str,
    derivative: str,
    sizes: Sequence[int],
    seed: int,
) -> list[Peak]:
    """Measure how far a call at each size takes the process over what the arguments fill.

    Args:
        backend: the loaded backend, configured for `device`, in a fresh process.
        name: the backend's name, for the records.
        kernel: one of `subjects.names()`.
        dtype: of the arguments.
        device: "cpu": memory of a GPU is not seen by this.
        mode: "eager" or "compiled".
        derivative: "value" or "vjp".
        sizes: elements of the largest argument, from the smallest.
        seed: of the inputs.

    Returns:
        One record for each size.

    Raises:
        MeasurementError: the process did not come to rest.
    """
    row: dict[str, Any] = {"dtype": dtype, "mode": mode, "seed": seed}
    timing.prepare(backend, _FIRST, derivative="vjp", size=_FEW, **row)()
    if subjects.elements(kernel, _FEW) < min(sizes):
        timing.prepare(backend, kernel, derivative=derivative, size=_FEW, **row)()
    records = []
    for done, size in enumerate(sizes):
        report(done, len(sizes), f"{kernel} {mode} {size:,}")
        run = timing.prepare(backend, kernel, derivative=derivative, size=size, **row)
        grown = max(_growth(run) for _ in range(CALLS))
        filled = size * dtype_names.find(dtype).bits // 8
        records.append(
            Peak(
                backend=name,
                dtype=dtype,
                device=device,
                kernel=kernel,
                mode=mode,
                derivative=derivative,
                size=size,
                bytes=grown,
                ratio=grown / filled,
            )
        )
    return records


def plan(
    kernels: Sequence[str],
    backends: Sequence[str],
    dtypes: Sequence[str] = ("float32",),
    *,
    sizes: Sequence[int] = SIZES,
    modes: Sequence[str] = plans.MODES,
    derivatives: Sequence[str] = plans.DERIVATIVES,
    seed: int = 0,
) -> list[Cell]:
    """Return one cell, in a process of its own, for each kernel, backend, dtype, mode and derivative, on the CPU.

    Args:
        kernels: names, modules or globs.
        backends: reference backends.
        dtypes: floating types.
        sizes: elements of the largest argument; models have their own.
        modes: "eager", "compiled".
        derivatives: "value", "vjp"; what has no derivative is run forward only.
        seed: of the inputs, at least 0.

    Raises:
        BadInputError: a name is unknown, a number out of range, or a backend is a library.
    """
    for backend in filter(is_library, backends):
        raise BadInputError(f"--memory: backend {backend!r} is a library; allowed: reference backends")
    rows = plans.calls(
        kernels, backends, dtypes, ("cpu",), sizes=sorted(sizes), modes=modes, derivatives=derivatives, seed=seed
    )
    sizes_of: dict[tuple[tuple[str, Any], ...], list[int]] = {}
    for row in rows:
        size = row.pop("size")
        sizes_of.setdefault(tuple(row.items()), []).append(size)
    return [_cell(dict(call) | {"sizes": own}) for call, own in sizes_of.items()]


def _cell(row: dict[str, Any]) -> Cell:
    key = "peak " + " ".join(f"{field}={value}" for field, value in row.items())
    package = subjects.packages(row["kernel"])
    return Cell(key, Work("harness.timing.peaks:measure", row["name"], "cpu", row, alone=True, package=package))
