"""Backends with which a check compares nothing, and why: their gap tables, or the modes that were chosen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.agreement import plan
from harness.execution.work import Cell
from harness.modes import MODES
from implementations import registry


def reasons(
    cells: Iterable[Cell], kernels: Sequence[str], cases: Sequence[str], modes: Sequence[str], backends: Sequence[str]
) -> list[str]:
    """Return a line for each backend that has no cell.

    Args:
        cells: of the check.
        kernels: names, modules or globs that were chosen; none means all.
        cases: names or globs of cases; none means all.
        modes: keys of `harness.modes.MODES`; none means each backend's usual one.
        backends: that were chosen.
    """
    present = {cell.work.backend for cell in cells}
    names = list(dict.fromkeys(case.kernel for case in plan.chosen_cases(kernels, cases)))
    return [_reason(backend, names, modes) for backend in dict.fromkeys(backends) if backend not in present]


def _reason(backend: str, names: Sequence[str], modes: Sequence[str]) -> str:
    """Return why nothing of these names is compared with a backend."""
    module = names[0].partition(".")[0]
    if registry.find(backend).kind == "library" and module not in registry.LIBRARY_MODULES:
        return f"{backend} is a library, which has kernels and no {module}"
    lacking = [name for name in names if not registry.offers(backend, name)]
    if lacking:
        found = list(dict.fromkeys(registry.reason(backend, name) for name in lacking))
        return f"{backend} has no {_some(lacking)} ({found[0]})"
    of_kernels = [mode for mode in modes if MODES[mode].mapped or MODES[mode].single]
    where = f"in mode {' or '.join(of_kernels)}, which is for kernels" if of_kernels else "with the chosen options"
    return f"{backend} has no case of {_some(names)} {where}"


def _some(names: Sequence[str]) -> str:
    """Return the first name, and how many there are beside it."""
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
