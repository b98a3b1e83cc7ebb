"""Adam as a subject of the check: the parameters after some steps with given gradients."""

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
from harness.execution.work import Cell, Work
from harness.modes import in_mode

if TYPE_CHECKING:
    from harness.oracle.truth import Truth

Array = NDArray[np.float64]

PREFIX = "optimizers."

#: 1 - b2 = 0.001 of Adam: 1 - b2^t loses this much of its argument's rounding at the first step.
AMPLIFICATION = 1000

BUDGET = Budget(8, RELATIVE, "the condition holds the parameter and every step, times what 1 - b2^t amplifies")


def work_arguments(kernel: str, name: str, dtype: str) -> dict[str, Any]:
    """Return what `evaluate` takes, rounded to `dtype`, for a case by name."""
    row = find(kernel, name).row
    random = noise.generator(0, "agreement", kernel, name)
    return {
        "parameters": dtypes.rounded(random.normal(size=row["size"]), dtype),
        "gradients": dtypes.rounded(random.normal(size=(row["steps"], row["size"])), dtype),
        "learning_rate": float(dtypes.rounded(row["learning_rate"], dtype)),
        "dtype": dtype,
    }


def evaluate(
    backend: ModuleType, parameters: Array, gradients: Array, learning_rate: float, dtype: str, mode: str
) -> dict[str, Array]:
    """Return the parameters after a step for each row of `gradients`, as "value", in float64."""
    asarray, adam = backend.runtime.asarray, backend.optimizers.adam
    step = in_mode(backend, adam, mode)
    present = {"x": asarray(parameters, dtype)}
    state = backend.optimizers.adam_initial(present)
    rate = asarray(learning_rate, dtype)
    for gradient in gradients:
        present, state = step(present, {"x": asarray(gradient, dtype)}, state, rate)
    return {"value": np.asarray(backend.runtime.to_numpy(present["x"]), np.float64)}


def truths(kernel: str, name: str, dtype: str) -> dict[str, Truth]:
    """Return the true parameters after the last step, as "value"."""
    from harness.agreement.longdouble import truth_of
    from harness.oracle import networks

    arguments = work_arguments(kernel, name, dtype)
    present = {"x": arguments["parameters"].astype(np.longdouble)}
    state = networks.adam_initial(present)
    for gradient in arguments["gradients"]:
        row = {"x": gradient.astype(np.longdouble)}
        present, state = networks.adam(present, row, state, np.asarray(arguments["learning_rate"], np.longdouble))
    steps = len(arguments["gradients"]) * arguments["learning_rate"]
    return {"value": truth_of(present["x"], np.abs(arguments["parameters"]) + AMPLIFICATION * steps)}


def cells(chosen: Sequence[Case], where: Configuration, note: str) -> list[Cell]:
    """Return one cell for each case of an optimizer."""
    return [_cell(case, where, note) for case in chosen if case.kernel.startswith(PREFIX)]


def _cell(case: Case, where: Configuration, note: str) -> Cell:
    arguments = work_arguments(case.kernel, case.name, where.dtype) | {"mode": where.mode}
    work = Work("harness.agreement.optimizers:evaluate", where.backend, where.device, arguments)
    return checks.case_cell(
        case, where, note, work, truths, BUDGET, lambda index: checks.literal({"coordinate": list(index)})
    )
