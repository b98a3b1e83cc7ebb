"""What the framework's process does: evaluate calls with one module of kernels replaced."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from harness.agreement import evaluate
from harness.agreement.evaluate import Result
from harness.execution import progress

from .sites import MODULES


@contextmanager
def _replaced(package: str, module: str, source: str) -> Iterator[None]:
    """Import the kernel modules afresh, one of them from another text, and put the first ones back afterwards."""
    parent = sys.modules[package]
    names = {f"{package}.{name}": name for name in MODULES}
    kept = {full: sys.modules.pop(full) for full in names}
    for name in MODULES:
        delattr(parent, name)  # `from package import name` would find it here
    try:
        full = f"{package}.{module}"
        mutated = ModuleType(full)
        mutated.__package__, mutated.__file__ = package, f"<mutant of {full}>"
        sys.modules[full] = mutated
        setattr(parent, module, mutated)
        exec(compile(source, mutated.__file__, "exec"), mutated.__dict__)
        for other in names:
            importlib.import_module(other)
        yield
    finally:
        for full, name in names.items():
            sys.modules[full] = kept[full]
            setattr(parent, name, kept[full])


def _unheard(done: int, total: int, note: str) -> None:
    """Hear nothing."""


def evaluate_mutant(backend: ModuleType, module: str, source: str, **arguments: Any) -> list[Result] | str:
    """Evaluate calls with a module replaced; runs in the framework's process.

    Args:
        backend: the loaded backend.
        module: the module that is replaced.
        source: its text; empty for the one that is there.
        **arguments: of `evaluate.kernels`.

    Returns:
        The results, or what went wrong while the mutated text was imported.
    """
    progress.listen(_unheard)  # nobody reads a session's reports, and a full pipe would block
    if not source:
        return evaluate.kernels(backend, **arguments)
    try:
        with _replaced(backend.__name__, module, source):
            return evaluate.kernels(backend, **arguments)
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:300]
