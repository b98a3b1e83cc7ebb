"""From results and their truth to a record of the comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.agreement.budgets import Budget
from harness.agreement.cases import Case
from harness.execution.work import Cell, Work
from harness.results.schema import Check, finite

if TYPE_CHECKING:
    from harness.oracle.truth import Truth

Array = NDArray[np.float64]


class Configuration(NamedTuple):
    """Under what conditions something is judged."""

    backend: str
    dtype: str
    device: str
    mode: str


def key(where: Configuration, subject: str, note: str) -> str:
    """Return the key of a cell."""
    words = ("check", where.backend, subject, where.dtype, where.device, where.mode, note)
    return " ".join(word for word in words if word)


def listed(array: Array) -> Any:
    """Return an array as nested lists, or, where they would not tell its shape, as {"empty": shape}."""
    return array.tolist() if array.size else {"empty": list(array.shape)}


def array(value: Any) -> Array:
    """Return the array that `listed` described."""
    return np.zeros(value["empty"]) if isinstance(value, dict) else np.array(value, np.float64)


def literal(value: Any) -> str:
    """Write built-in values so that `ast.literal_eval` reads them back: infinity as 1e999, which overflows to it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name!r}: {literal(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return repr(value).replace("inf", "1e999") if isinstance(value, float) else repr(value)


def check(
    where: Configuration,
    kernel: str,
    case: str,
    derivative: str,
    got: Array | str,
    truth: Truth,
    budget: Budget,
    describe: Callable[[tuple[int, ...]], str],
) -> Check:
    """Compare one result with its truth.

    Args:
        where: backend, dtype, device and mode.
        kernel: what was compared.
        case: the case.
        derivative: "value", "jvp", "vjp:ARGUMENT" or "hvp:ARGUMENT".
        got: the result, or what the framework said instead; that, and another shape than the truth's, is an error
            without a size.
        truth: what it should be. A product that is not finite is not compared.
        budget: how far off it may be.
        describe: gives the input of the number at an index.
    """
    sizes, comparisons = _sizes(got, truth, where.dtype, budget, derivative)
    index = tuple(map(int, np.unravel_index(int(np.argmax(sizes)), sizes.shape))) if sizes.size else ()
    worst = max(float(sizes[index]), 0.0) if sizes.size else 0.0
    failed = isinstance(got, str) or got.shape != truth.high.shape
    if failed:
        worst = np.inf
    within = bool(worst <= budget.limit)
    return Check(
        backend=where.backend,
        dtype=where.dtype,
        device=where.device,
        kernel=kernel,
        case=case,
        mode=where.mode,
        derivative=derivative,
        error=finite(worst),
        unit=budget.unit,
        budget=float(budget.limit),
        within_budget=within,
        worst_input=describe(index),
        comparisons=comparisons,
        observed="" if within else _observed(got, truth, index, failed),
    )


def _sizes(got: Array | str, truth: Truth, dtype: str, budget: Budget, derivative: str) -> tuple[Array, int]:
    """Return the error of each number, -1 where there is nothing to compare, and how many were compared."""
    from harness.agreement import compare

    if isinstance(got, str) or got.shape != truth.high.shape:
        return np.full(truth.high.shape, np.inf), truth.high.size
    sizes = compare.errors(got, truth, dtype, budget.unit)
    counted = np.ones_like(sizes, bool) if derivative == "value" else np.isfinite(truth.high)
    return np.where(counted, sizes, -1.0), int(counted.sum())


def _observed(got: Array | str, truth: Truth, index: tuple[int, ...], failed: bool) -> str:
    if isinstance(got, str):
        return got
    if failed:
        return f"shape {got.shape}, expected {truth.high.shape}"
    return f"got {got[index]:.9g}, expected {truth.high[index]:.9g}"


def case_cell(
    case: Case,
    where: Configuration,
    note: str,
    work: Work,
    truths: Callable[[str, str, str], Mapping[str, Truth]],
    budget: Budget,
    describe: Callable[[tuple[int, ...]], str],
) -> Cell:
    """Return the cell that judges one case by itself.

    Args:
        case: the case.
        where: backend, dtype, device and mode.
        note: what the key says of the choice.
        work: gives the results by derivative.
        truths: (kernel, case, dtype) -> truth by derivative.
        budget: how far off a result may be.
        describe: gives the input of the number at an index.
    """

    def finish(results: Mapping[str, Array]) -> list[Check]:
        return [
            check(where, case.kernel, case.name, derivative, results[derivative], truth, budget, describe)
            for derivative, truth in truths(case.kernel, case.name, where.dtype).items()
        ]

    return Cell(key(where, f"{case.kernel} {case.name}", note), work, finish)
