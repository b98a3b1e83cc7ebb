"""Losses of models as subjects of the check: value, and gradient by every weight, at initial weights."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness import dtypes, noise
from harness.agreement import checks
from harness.agreement.budgets import NORMWISE, Budget
from harness.agreement.cases import Case, find
from harness.agreement.checks import Configuration
from harness.execution.work import Cell, Work
from harness.modes import in_mode
from harness.training.models import MODELS
from harness.training.weights import initial_weights

if TYPE_CHECKING:
    from harness.oracle.truth import Truth

Array = NDArray[np.float64]

PREFIX = "models."

#: Temperature of the relaxation, exact in every dtype.
TEMPERATURE = 0.5

BUDGET = Budget(
    32,
    NORMWISE,
    "rounding errors of a sum of n products add up like sqrt(n) eps; the layers' widths on the way, 784, 256, 128, 50, "
    "128 and 256, make sqrt(1602) = 40 at worst, and most of them act on a part of the norm only",
)


def work_arguments(kernel: str, name: str, dtype: str) -> dict[str, Any]:
    """Return what `evaluate` takes, rounded to `dtype`, for a case by name."""
    row = find(kernel, name).row
    _, model, _ = kernel.split(".")
    layout = MODELS[model]
    random = noise.generator(0, "agreement", model, name)
    images = (random.random((row["images"], layout.layers[0][1])) < 0.5).astype(np.float64)
    draws = noise.draw(layout.noise, (row["samples"], row["images"], *layout.event), random)
    weights = initial_weights(layout.layers, 0)
    return {
        "kernel": kernel,
        "parameters": {key: dtypes.rounded(value, dtype) for key, value in weights.items()},
        "rest": [images, dtypes.rounded(draws, dtype)] + ([np.array(TEMPERATURE)] if layout.schedules else []),
        "dtype": dtype,
    }


def evaluate(
    backend: ModuleType, kernel: str, parameters: dict[str, Array], rest: list[Array], dtype: str, mode: str
) -> dict[str, Array]:
    """Return the loss, as "value", and its gradient by each parameter, as "vjp:PARAMETER", in float64."""
    _, module, name = kernel.split(".")
    loss = getattr(getattr(backend.models, module), name)
    asarray = backend.runtime.asarray

    def run(parameters: Any, *rest: Any) -> Any:
        return backend.autodiff.value_and_gradient(loss, parameters, *rest)

    call = in_mode(backend, run, mode)
    given = {key: asarray(value, dtype) for key, value in parameters.items()}
    value, gradient = backend.runtime.to_numpy(call(given, *(asarray(part, dtype) for part in rest)))
    products = {f"vjp:{key}": np.asarray(part, np.float64) for key, part in gradient.items()}
    return {"value": np.asarray(value, np.float64)} | products


def truths(kernel: str, name: str, dtype: str) -> dict[str, Truth]:
    """Return the true loss and gradient of a case by name; the condition is the norm of the whole."""
    from harness.agreement.longdouble import truth_of
    from harness.oracle import networks

    arguments = work_arguments(kernel, name, dtype)
    weights = {key: part.astype(np.longdouble) for key, part in arguments["parameters"].items()}
    images, draws, *scalars = (part.astype(np.longdouble) for part in arguments["rest"])
    function = kernel.rsplit(".", 1)[1]
    value, gradient = (
        networks.categorical_vae_loss(weights, images, draws, *scalars)
        if scalars
        else networks.vae_loss(function.removeprefix("loss_"), weights, images, draws)
    )
    found = {"value": truth_of(value, np.abs(value))}
    return found | {f"vjp:{key}": truth_of(part, np.sqrt((part**2).sum())) for key, part in gradient.items()}


def cells(chosen: Sequence[Case], where: Configuration, note: str) -> list[Cell]:
    """Return one cell for each case of a model."""
    return [_cell(case, where, note) for case in chosen if case.kernel.startswith(PREFIX)]


def _cell(case: Case, where: Configuration, note: str) -> Cell:
    arguments = work_arguments(case.kernel, case.name, where.dtype) | {"mode": where.mode}
    work = Work("harness.agreement.models:evaluate", where.backend, where.device, arguments)
    return checks.case_cell(case, where, note, work, truths, BUDGET, lambda _: checks.literal({"case": case.name}))
