"""Which calls are timed: one cell for each kernel, backend, dtype, device, size, mode and derivative."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

from harness import dtypes as dtype_names
from harness.backends import is_library
from harness.errors import BadInputError, unknown
from harness.execution.work import Cell, Work
from harness.kernels import select
from harness.timing import subjects
from harness.validation import require_count
from implementations import registry
from implementations.interface.contract import kernels as contract_kernels

MODES = ("eager", "compiled")
DERIVATIVES = ("value", "vjp")
DEVICES = ("cpu", "gpu")

MEASURE = "harness.timing.measure:measure"


def _require_known(kind: str, given: Sequence[str], known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            raise unknown(kind, name, known)


def _cell(row: dict[str, Any]) -> Cell:
    key = "time {name} {kernel} {dtype} {device} {mode} {derivative} size={size} repeats={repeats} seed={seed}"
    work = Work(MEASURE, row["name"], row["device"], row, package=subjects.packages(row["kernel"]))
    return Cell(key.format_map(row), work)


def _offers(backend: str, subject: str) -> bool:
    if is_library(backend):
        return subject in contract_kernels() and registry.offers(backend, subject)
    return subjects.has(backend, subject)


def calls(
    kernels: Sequence[str],
    backends: Sequence[str],
    dtypes: Sequence[str],
    devices: Sequence[str],
    *,
    sizes: Sequence[int],
    modes: Sequence[str],
    derivatives: Sequence[str],
    seed: int,
) -> list[dict[str, Any]]:
    """Return the arguments of `measure.prepare` for every call that the backends have, and their names and devices.

    Takes and raises what `plan` does; what has no derivative, or is one, has its value alone.
    """
    chosen = select(kernels, subjects.names(), "kernel")
    _require_known("backend", backends, list(registry.backends()))
    _require_known("device", devices, DEVICES)
    _require_known("mode", modes, MODES)
    _require_known("derivative", derivatives, DERIVATIVES)
    for dtype in dtypes:
        dtype_names.find(dtype)
    for size in sizes:
        require_count("size", size, 1)
    require_count("seed", seed, 0)
    rows = [
        {"kernel": kernel, "name": backend, "dtype": dtype, "device": device, "size": size}
        | {"mode": mode, "derivative": derivative, "seed": seed}
        for kernel, backend, dtype, device in product(chosen, backends, dtypes, devices)
        for size in dict.fromkeys(subjects.elements(kernel, size) for size in sizes)
        for mode, derivative in product(modes, derivatives)
        if derivative in subjects.derivatives(kernel) and _offers(backend, kernel)
    ]
    if backends and not rows:
        raise BadInputError(
            f"{', '.join(chosen)}: no derivative to time, or not in {', '.join(backends)}; give --derivative value, a "
            "kernel that is differentiated, or one that the backend has (reparam list gaps)"
        )
    return rows


def plan(
    kernels: Sequence[str] = (),
    backends: Sequence[str] = (),
    dtypes: Sequence[str] = ("float32",),
    devices: Sequence[str] = ("cpu",),
    *,
    sizes: Sequence[int] = (65_536,),
    modes: Sequence[str] = MODES,
    derivatives: Sequence[str] = DERIVATIVES,
    repeats: int = 20,
    seed: int = 0,
) -> list[Cell]:
    """Return the cells that time the chosen kernels, estimators and models.

    Args:
        kernels: names, modules or globs; none means all.
        backends: names from the registry.
        dtypes: floating types.
        devices: "cpu", "gpu".
        sizes: elements of the largest argument; models have their own.
        modes: "eager", "compiled".
        derivatives: "value" (forward), "vjp" (forward and backward). What has no derivative, or is one, is timed
            forward only.
        repeats: timed bodies of each cell.
        seed: of the inputs, at least 0.

    Raises:
        BadInputError: a name is unknown, a number out of range, or nothing chosen has the derivative.
    """
    require_count("repeats", repeats, 1)
    rows = calls(kernels, backends, dtypes, devices, sizes=sizes, modes=modes, derivatives=derivatives, seed=seed)
    return [_cell(row | {"repeats": repeats}) for row in rows]
