"""Estimators as subjects of the check: every replicate's gradient against the oracle's, at the same noise."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness import dtypes, noise
from harness.agreement import checks
from harness.agreement.budgets import RELATIVE, Budget
from harness.agreement.cases import Case, find
from harness.agreement.checks import Configuration
from harness.estimators import ESTIMATORS, noise_shape
from harness.execution.work import Cell, Work
from harness.modes import in_mode
from harness.plugins import texts
from harness.problems import PROBLEMS, draw_noise, instance
from harness.validation import settle

if TYPE_CHECKING:
    from harness.oracle.truth import Truth

Array = NDArray[np.float64]

PREFIX = "estimators."

BUDGET = Budget(
    16, RELATIVE, "some ten roundings from noise to gradient, and sums over few samples; unit: sum of absolute terms"
)


def work_arguments(kernel: str, name: str, dtype: str) -> dict[str, Any]:
    """Return what `evaluate` takes, rounded to `dtype`, for a case by name."""
    from harness.oracle import baselines

    row = find(kernel, name).row
    estimator = kernel.removeprefix(PREFIX)
    problem = PROBLEMS[row["problem"]]
    settings = settle(problem.settings, row.get("settings", {}), dtype, f"problem {row['problem']!r}")
    parameters, constants = instance(row["problem"], settings, row.get("dimension", 1), dtype)
    own = settle(ESTIMATORS[estimator].settings, _own(row, estimator), dtype, kernel)
    constants |= {key: dtypes.rounded(value, dtype) for key, value in own.items()}
    event = next(iter(parameters.values())).shape
    random = noise.generator(0, "agreement", row["problem"], name)
    constants |= baselines.constants_of(estimator, row["problem"], parameters, constants, dtype)
    shape = noise_shape(estimator, own, row["replicates"], row["samples"], event)
    draws = draw_noise(row["problem"], parameters, shape, random)
    return {
        "estimator": estimator,
        "problem": row["problem"],
        "parameters": parameters,
        "constants": constants,
        "noise": dtypes.rounded(draws, dtype),
        "dtype": dtype,
    }


def _own(row: Any, estimator: str) -> dict[str, float]:
    given = row.get("estimator_settings", {})
    return {name: value for name, value in given.items() if name in ESTIMATORS[estimator].settings}


def evaluate(
    backend: ModuleType,
    estimator: str,
    problem: str,
    parameters: dict[str, Array],
    constants: dict[str, Array],
    noise: Array,
    dtype: str,
    mode: str,
) -> dict[str, Array]:
    """Return the gradients [replicates, *param] of an estimator, as {"vjp:PARAMETER": ...}, in float64."""
    row, asarray = PROBLEMS[problem], backend.runtime.asarray
    function, objective = texts.estimator(backend, estimator), texts.objective(backend, problem)
    distribution = getattr(backend.distributions, row.distribution)

    def run(parameters: Any, constants: Any, noise: Any) -> Any:
        return function(distribution, objective, parameters, constants, noise)

    call = in_mode(backend, run, mode)
    given, fixed = ({name: asarray(value, dtype) for name, value in part.items()} for part in (parameters, constants))
    result = backend.runtime.to_numpy(call(given, fixed, asarray(noise, dtype)))
    return {f"vjp:{name}": np.asarray(value, np.float64) for name, value in result.items()}


def truths(kernel: str, name: str, dtype: str) -> dict[str, Truth]:
    """Return the true gradients of a case by name, under the names that `evaluate` gives them."""
    from harness.agreement.longdouble import truth_of
    from harness.oracle import estimators as oracle

    arguments = work_arguments(kernel, name, dtype)
    found = oracle.truth(*(arguments[part] for part in ("estimator", "problem", "parameters", "constants", "noise")))
    return {f"vjp:{key}": truth_of(value.value, value.size) for key, value in found.items()}


def cells(chosen: Sequence[Case], where: Configuration, note: str) -> list[Cell]:
    """Return one cell for each case of an estimator."""
    return [_cell(case, where, note) for case in chosen if case.kernel.startswith(PREFIX)]


def _cell(case: Case, where: Configuration, note: str) -> Cell:
    arguments = work_arguments(case.kernel, case.name, where.dtype) | {"mode": where.mode}
    work = Work("harness.agreement.estimators:evaluate", where.backend, where.device, arguments)
    return checks.case_cell(
        case,
        where,
        note,
        work,
        truths,
        BUDGET,
        lambda index: checks.literal({"replicate": index[0], "coordinate": list(index[1:])}),
    )
