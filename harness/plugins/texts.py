"""Where the text of an estimator or an objective is, in a backend or in another package, and who has none."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import Any

from harness.errors import BadInputError
from harness.estimators import ESTIMATORS
from harness.problems import PROBLEMS
from implementations import registry
from implementations.entries import Table


def _of(place: str) -> Callable[..., Any]:
    module, _, name = place.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def estimator(backend: ModuleType, name: str) -> Callable[..., Any]:
    """Return a backend's function of an estimator.

    Args:
        backend: the loaded backend.
        name: a key of `ESTIMATORS`.
    """
    row = ESTIMATORS[name]
    if row.functions:
        return _of(row.functions[registry.name_of(backend)])
    return _of(f"{backend.__name__}.estimators.{row.module}:{name}")


def objective(backend: ModuleType, problem: str) -> Callable[..., Any]:
    """Return a backend's function of the objective of a problem, a key of `PROBLEMS`."""
    row = PROBLEMS[problem]
    if row.functions:
        return _of(row.functions[registry.name_of(backend)])
    return _of(f"{backend.__name__}.objectives:{row.objective}")


def gap(backend: str, name: str, table: Table[Any]) -> str:
    """Return why a backend has no text of an estimator or a problem; "" where it has one.

    Args:
        backend: its name.
        name: of the estimator or the problem.
        table: `ESTIMATORS` or `PROBLEMS`.
    """
    row = table[name]
    if not row.functions or backend in row.functions:
        return ""
    return str(row.gaps.get(backend, f"package {table.package(name)} has no text of it"))


def gaps(backend: str, pair: tuple[str, str]) -> list[str]:
    """Return why a backend cannot measure an estimator on a problem, in a line each; none where it can.

    What no table has is no gap.
    """
    tables: tuple[tuple[str, Table[Any]], ...] = (("estimator", ESTIMATORS), ("problem", PROBLEMS))
    found = (
        (kind, name, gap(backend, name, table))
        for (kind, table), name in zip(tables, pair, strict=True)
        if name in table
    )
    return [f"{backend} has no {kind} {name}: {reason}" for kind, name, reason in found if reason]


def having(backends: Iterable[str], estimator: str, problem: str) -> list[str]:
    """Return the backends that have the texts of both."""
    return [backend for backend in backends if not gaps(backend, (estimator, problem))]


def require_having(backends: Sequence[str], estimator: str, problem: str) -> list[str]:
    """Return the backends that have the texts of both.

    Raises:
        BadInputError: there are backends, and none of them has.
    """
    found = having(backends, estimator, problem)
    if backends and not found:
        lacking = "; ".join(line for backend in backends for line in gaps(backend, (estimator, problem)))
        known = [row.name for row in registry.backends().values() if row.kind == "reference"]
        raise BadInputError(f"{lacking}; allowed: --backend {' or '.join(having(known, estimator, problem)) or 'none'}")
    return found


def packages(estimators: Iterable[str], problem: str) -> str:
    """Return the distributions beside this one that they are from, joined by blanks; "" where all are ours.

    What such a package does to its process is nothing to the cells of others: it is the `package` of a work.
    """
    sources = (*map(ESTIMATORS.plugin, estimators), PROBLEMS.plugin(problem))
    return " ".join(dict.fromkeys(source.package for source in sources if source))
