"""Peak memory of one gradient, and of a matrix-free solve with the same network and batch, in one process."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.errors import MeasurementError
from harness.execution.progress import report
from harness.execution.work import Cell, Work
from harness.modes import in_mode, usual
from harness.results.schema import Memory
from harness.timing import curvature
from harness.validation import require_count

#: ru_maxrss counts kilobytes on Linux, bytes on macOS.
_UNIT = 1 if sys.platform == "darwin" else 1024

_STATUS, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def _status(name: str) -> int:
    """Return a line of the process's status, such as VmRSS or VmHWM, in bytes."""
    (line,) = (line for line in _STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


def forget_the_peak() -> None:
    """Let the peak begin again at the present, where the system can: what was freed before must not count as growth."""
    with suppress(OSError):
        _FORGET.write_text("5")


def peak() -> int:
    """Return the most memory that the process has held since then, in bytes.

    Raises:
        MeasurementError: the system does not report it.
    """
    if _STATUS.exists():
        return _status("VmHWM")
    try:
        import resource
    except ImportError:
        raise MeasurementError("this system does not report the peak memory of a process; Linux and macOS do") from None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT


def present() -> int:
    """Return the memory that the process holds, in bytes."""
    return _status("VmRSS") if _STATUS.exists() else peak()


def measure(
    backend: ModuleType,
    *,
    name: str,
    dtype: str,
    device: str,
    mode: str,
    widths: Sequence[int],
    batch: int,
    iterations: int,
    seed: int,
) -> list[Memory]:
    """Measure how far one gradient, and then a solve, take a fresh process over what weights and data fill.

    The peak begins again before the first; the gradient comes first, since without that a peak only grows.
    Compilation is in both.

    Args:
        backend: the loaded backend, configured for `device`.
        name: the backend's name, for the records.
        dtype: of all arrays.
        device: "cpu": memory of a GPU is not seen by this.
        mode: "eager" or "compiled".
        widths: of the network, from inputs to classes.
        batch: examples.
        iterations: of conjugate gradient.
        seed: of weights and data.

    Raises:
        MeasurementError: the gradient did not need more memory than the process had; it was not a fresh one.
    """
    # a small network first: what a framework loads when it is first used is not counted
    small = curvature.inputs(backend, (4, 3, 2), 2, dtype, seed)
    subjects = {
        "gradient": curvature.chain(backend, curvature.GRADIENT, 1),
        "conjugate_gradient": curvature.solve(backend, iterations),
    }
    calls = {subject: in_mode(backend, function, mode) for subject, function in subjects.items()}
    for call in calls.values():
        backend.runtime.synchronize(call(*small))
    arguments = curvature.inputs(backend, widths, batch, dtype, seed)
    forget_the_peak()
    before = present()
    grown = {}
    for done, (subject, call) in enumerate(calls.items()):
        report(done, len(calls), subject)
        backend.runtime.synchronize(call(*arguments))
        grown[subject] = peak() - before
    if grown["gradient"] <= 0:
        raise MeasurementError("the gradient found all its memory in the process already; measure in a fresh process")
    return [
        Memory(
            backend=name,
            dtype=dtype,
            device=device,
            subject=subject,
            mode=mode,
            network="-".join(map(str, widths)),
            parameters=curvature.size(widths),
            batch=batch,
            iterations=0 if subject == "gradient" else iterations,
            bytes=size,
            ratio=size / grown["gradient"],
        )
        for subject, size in grown.items()
    ]


def plan(
    backends: Sequence[str],
    *,
    dtypes: Sequence[str] = ("float32",),
    widths: Sequence[int] = (784, 2800, 2800, 10),
    batch: int = 512,
    iterations: int = 10,
    seed: int = 0,
) -> list[Cell]:
    """Return one cell for each backend, in the mode in which people mostly run it, and dtype, on the CPU.

    Args:
        backends: reference backends.
        dtypes: floating types.
        widths: of the network, at least inputs and classes.
        batch: examples, at least 1.
        iterations: of conjugate gradient, at least 1.
        seed: at least 0.

    Raises:
        BadInputError: a number is out of range.
    """
    curvature.require_network(widths, batch, seed)
    require_count("iterations", iterations, 1)
    cells = []
    for backend in backends:
        for dtype in dtypes:
            row: dict[str, Any] = {
                "name": backend,
                "dtype": dtype,
                "device": "cpu",
                "mode": usual(backend),
                "widths": list(widths),
            }
            row |= {"batch": batch, "iterations": iterations, "seed": seed}
            key = "memory " + " ".join(f"{name}={value}" for name, value in row.items())
            cells.append(Cell(key, Work("harness.timing.memory:measure", backend, "cpu", row, alone=True)))
    return cells
