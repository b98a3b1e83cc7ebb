"""What is found out about a row of another package: a record for each thing looked at, and the runs that tell it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from harness.console import progress
from harness.execution.engine import Engine
from harness.execution.local import Workers
from harness.execution.work import Cell, Work
from harness.plugins import rows
from harness.results.schema import Check, Record, Variance, finite
from harness.variance import laws
from harness.variance.judging import biased, described

Float = NDArray[np.float64]

#: In which all is judged: an error is then a wrong term, not a rounding.
DTYPE = "float64"

#: Two texts of one formula at the same noise: far above the roundings of both, far below any term.
AGREEMENT = 1e-9

#: The least p-value that is told from 0.
LEAST_P_VALUE = 1e-300

#: This machine, and 120 s for one answer of a row: it takes a few.
ENGINE = Engine(time_limit=120.0)


@dataclass(frozen=True)
class Settings:
    """How rows are judged.

    Attributes:
        backends: the names of those that are judged; none means all that are installed.
        replicates: gradients of each mean.
        seed: of the noise.
        engine: which machines run them, and how long one answer may take.
    """

    backends: tuple[str, ...] = ()
    replicates: int = 100_000
    seed: int = 0
    engine: Engine = ENGINE


def finding(
    kernel: str, what: str, *, backend: str = "", case: str = "", wrong: str = "", error: float | None = None,
    unit: str = "", budget: float = 0.0, comparisons: int = 1,
) -> Check:  # fmt: skip
    """Return the record of one thing that was looked at.

    Args:
        kernel: such as "estimators.my_estimator".
        what: was looked at, such as "shape" or "mean".
        backend: whose text.
        case: the problem.
        wrong: what is wrong; "" for nothing.
        error: its size, if it has one.
        unit: of error and budget.
        budget: largest error allowed.
        comparisons: how many numbers were compared.
    """
    return Check(
        backend=backend, dtype=DTYPE, device="cpu", kernel=kernel, case=case, mode="", derivative=what,
        error=0.0 if error is None and not wrong else finite(error) if error is not None else None,
        unit=unit, budget=budget, within_budget=not wrong, worst_input="", comparisons=comparisons, observed=wrong,
    )  # fmt: skip


def run(cells: Sequence[Cell], engine: Engine) -> list[tuple[Cell, Sequence[Record] | Exception]]:
    """Run cells on an engine, and return each with its records, or with what went wrong."""
    found = []
    with progress(len(cells)) as (listener, finished), Workers(2, 1, listener, engine) as workers:
        for pair in workers.stream(cells):
            found.append(pair)
            finished()
    order = {cell.key: place for place, cell in enumerate(cells)}
    return sorted(found, key=lambda pair: order[pair[0].key])


def contract(kernel: str, functions: Mapping[str, str], backends: Sequence[str]) -> list[Check]:
    """Hold the texts of one function against each other: a docstring each, with the same first line."""
    said = {backend: rows.docstring(functions[backend]).partition("\n")[0] for backend in backends}
    first, *_ = said
    found = []
    for backend, summary in said.items():
        wrong = "" if summary else "it has no docstring, or is not defined where the row says"
        if summary and summary != said[first]:
            wrong = f"its docstring begins with {summary!r}, that of {first} with {said[first]!r}"
        found.append(finding(kernel, "contract", backend=backend, wrong=wrong))
    return found


def trials(
    kernel: str, function: str, tasks: Mapping[str, Sequence[dict[str, Any]]], package: str, engine: Engine
) -> tuple[list[Check], dict[str, dict[str, dict[str, Float]]]]:
    """Try the texts of a row, each in the process of its backend.

    Args:
        kernel: for the records.
        function: of `harness.plugins.trial`.
        tasks: by backend.
        package: whose code they are.
        engine: which machines run them, and how long each may take.

    Returns:
        A record for each backend and problem, and the results {backend: {problem: {name: array}}} of those that are
        sound in all.
    """
    kept: dict[str, dict[str, Any]] = {}

    def cell(backend: str) -> Cell:
        def finish(result: dict[str, Any]) -> Sequence[Record]:
            kept[backend] = result
            return ()

        work = Work(f"harness.plugins.trial:{function}", backend, "cpu", {"tasks": tasks[backend]}, package=package)
        return Cell(f"try {kernel} {backend}", work, finish)

    found = []
    for one, outcome in run([cell(backend) for backend in tasks], engine):
        backend = one.work.backend
        if isinstance(outcome, Exception):
            found.append(finding(kernel, "call", backend=backend, wrong=str(outcome)))
        for problem, result in kept.get(backend, {}).items():
            for what, text in result["wrong"].items() or [("call", "")]:
                found.append(finding(kernel, what, backend=backend, case=problem, wrong=text))
    bad = {record.backend for record in found if not record.within_budget}
    sound = {
        backend: {problem: result["results"] for problem, result in kept[backend].items()}
        for backend in tasks
        if backend in kept and backend not in bad
    }
    return found, sound


def agreement(kernel: str, results: Mapping[str, Mapping[str, Mapping[str, Float]]]) -> list[Check]:
    """Compare what backends give at the same noise, number by number, with what the first of them gives."""
    found = []
    first, *others = results or ("",)
    for backend in others:
        for problem, arrays in results[backend].items():
            worst, size = 0.0, 0
            for name, got in arrays.items():
                wanted = results[first][problem][name]
                scale = float(np.abs(wanted).max(initial=0.0)) or 1.0
                worst, size = max(worst, float(np.abs(got - wanted).max(initial=0.0)) / scale), size + got.size
            wrong = f"not what {first} gives at the same noise"
            found.append(
                finding(kernel, "agreement", backend=backend, case=problem, error=worst, budget=AGREEMENT,
                        unit="relative", comparisons=size, wrong=wrong if worst > AGREEMENT else "")
            )  # fmt: skip
    return found


def far(records: Sequence[Variance]) -> float:
    """Return from how many standard errors on a variance is off, at the family-wise rate of `laws`."""
    return float(stats.norm.isf(laws.FAMILY_WISE / max(len(records), 1) / 2))


def measured(cells: Sequence[Cell], kernel: str, engine: Engine) -> tuple[list[Check], list[Variance]]:
    """Run measurements, and return a record for each that failed, and those of the others."""
    found, records = [], []
    for cell, outcome in run(cells, engine):
        if isinstance(outcome, Exception):
            case = str(cell.work.arguments["problem"])
            found.append(finding(kernel, "mean", backend=cell.work.backend, case=case, wrong=str(outcome)))
        else:
            records += [record for record in outcome if isinstance(record, Variance)]
    return found, records


def improbability(p_value: float) -> float:
    """Return -log10 of a p-value, in which the error of a mean is counted."""
    return -math.log10(max(p_value, LEAST_P_VALUE))


def bias_error(record: Variance) -> float:
    """Return the error of a mean, in `improbability`; infinite for one that is NaN or infinite."""
    if record.mean is None:
        return math.inf
    return 0.0 if record.bias_p_value is None else improbability(record.bias_p_value)


def off(record: Variance, comparisons: int) -> bool:
    """Return whether a mean is off: its bias is found, or it is NaN or infinite."""
    return record.mean is None or bool(biased(record, comparisons, laws.FAMILY_WISE))


def description(record: Variance) -> str:
    """Return what was measured of a mean, and what it should be."""
    return described(record) + (" (its sign is wrong)" if _opposite(record) else "")


def _opposite(record: Variance) -> bool:
    """Return whether the mean over coordinates is that of the exact gradient with the other sign."""
    mean, exact = record.mean, record.exact_mean
    if mean is None or exact is None or abs(exact) <= 8 * (record.mean_standard_error or 0.0) + laws.rounding(record):
        return False
    return abs(mean + exact) < abs(mean - exact) / 4
