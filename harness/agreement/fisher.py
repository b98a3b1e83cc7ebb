"""Fisher-vector products as subjects of the check: of a distribution's own parameters, and of a network's weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
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
from harness.training import models
from harness.training.weights import initial_weights
from implementations import registry

if TYPE_CHECKING:
    from harness.oracle.truth import Truth

Array = NDArray[np.float64]
Arrays = dict[str, Array]

PREFIX = "fisher."

BUDGET = Budget(
    32,
    NORMWISE,
    "second derivatives take twice the roundings of a first one (PITFALLS, budgets that can be defended); the norm is "
    "that of absolute terms at the level of the distribution, where products vanish, and of the product by a weight",
)


def _inputs(row: Any, random: np.random.Generator, dtype: str) -> tuple[str, Arrays, Arrays]:
    """Return the family, the parameters, and {"inputs"} for a network, rounded to `dtype`."""
    if "model" not in row:
        given = {key: np.array(value, np.float64) for key, value in row["parameters"].items()}
        return row["family"], {key: dtypes.rounded(value, dtype) for key, value in given.items()}, {}
    model = models.find(row["model"])
    weights = {key: dtypes.rounded(value, dtype) for key, value in initial_weights(model.layers, 0).items()}
    rows = random.random((row["examples"], model.layers[0][1]))
    return model.family, weights, {"inputs": dtypes.rounded(rows, dtype)}


def _rule(subject: str, family: str, rows: Any, random: np.random.Generator, dtype: str) -> Arrays:
    """Return values and weights of `sampled`, or labels of `empirical`, for these outputs."""
    from harness.oracle import scores

    values, weights = scores.rule(family, rows)
    if subject == "sampled":
        return {"values": dtypes.rounded(values, dtype), "weights": dtypes.rounded(weights, dtype)}
    examples = np.arange(values.shape[1])
    drawn = values[random.integers(len(values), size=len(examples)), examples]
    moved = random.normal(size=drawn.shape) if family.startswith("NORMAL") else 0
    return {"labels": dtypes.rounded(drawn + moved, dtype)}


def work_arguments(kernel: str, name: str, dtype: str) -> dict[str, Any]:
    """Return what `evaluate` takes, rounded to `dtype`, for a case by name."""
    from harness.oracle import products

    row = find(kernel, name).row
    subject = kernel.removeprefix(PREFIX)
    random = noise.generator(0, "agreement", "fisher", name)
    family, parameters, rest = _inputs(row, random, dtype)
    several = (row["vectors"],) if "vectors" in row else ()
    given = row.get("vector", {})
    vector = {
        key: given[key] if key in given else random.normal(size=(*several, *value.shape))
        for key, value in parameters.items()
    }
    if subject in ("sampled", "empirical"):
        rows = products.outputs(row.get("model", ""), _wide(parameters), _wide(rest))
        rest |= _rule(subject, family, rows, random, dtype)
    if subject == "damped":
        rest["damping"] = dtypes.rounded(row["damping"], dtype)
    return {
        "subject": subject,
        "family": family,
        "model": row.get("model", ""),
        "parameters": parameters,
        "vector": {key: dtypes.rounded(value, dtype) for key, value in vector.items()},
        "rest": rest,
        "reverse": row.get("reverse", False),
        "dtype": dtype,
    }


def _prepare(
    fisher: Any, subject: str, family: Any, outputs: Callable[[Any], Any], parameters: Any, rest: Any, reverse: bool
) -> Any:
    """Return the product that a subject makes: vector -> vector."""
    if subject.startswith("kl_"):
        divergence = (lambda old, new: family.kl(new, old)) if reverse else family.kl
        return getattr(fisher, subject)(divergence, outputs, parameters)
    if subject == "sampled":
        middle = fisher.sampled(family, rest["values"], rest["weights"])
    elif subject == "empirical":
        middle = fisher.empirical(family, rest["labels"])
    else:
        middle = family.fisher
    product = fisher.gauss_newton(middle, outputs, parameters)
    if subject == "damped":
        return fisher.damped(product, rest["damping"])
    return fisher.batched(product) if subject == "batched" else product


@cache
def _function(backend: ModuleType, subject: str, family: str, model: str, reverse: bool, mode: str) -> Any:
    """Return (parameters, vector, rest) -> product, the same one for all cases, so that a shape is compiled once."""

    def run(parameters: Any, vector: Any, rest: Any) -> Any:
        def outputs(weights: Any) -> Any:
            return getattr(backend.models, model).outputs(weights, rest["inputs"]) if model else weights

        of_outputs = getattr(backend.families, family)
        return _prepare(backend.fisher, subject, of_outputs, outputs, parameters, rest, reverse)(vector)

    return in_mode(backend, run, mode)


def evaluate(
    backend: ModuleType,
    subject: str,
    family: str,
    model: str,
    parameters: Arrays,
    vector: Arrays,
    rest: Arrays,
    reverse: bool,
    dtype: str,
    mode: str,
) -> Arrays:
    """Return the product with `vector`, as {"hvp:PARAMETER": ...}, in float64."""
    asarray = backend.runtime.asarray
    call = _function(backend, subject, family, model, reverse, mode)
    sent = ({key: asarray(value, dtype) for key, value in part.items()} for part in (parameters, vector, rest))
    result = backend.runtime.to_numpy(call(*sent))
    return {f"hvp:{key}": np.asarray(value, np.float64) for key, value in result.items()}


def truths(kernel: str, name: str, dtype: str) -> dict[str, Truth]:
    """Return the true product of a case by name, under the names that `evaluate` gives it.

    The condition is the norm; an error of one smallest normal number is forgiven (pitfall F1).
    """
    from harness.agreement.longdouble import truth_of
    from harness.oracle import products

    given = work_arguments(kernel, name, dtype)
    parameters, vector, rest = (_wide(given[part]) for part in ("parameters", "vector", "rest"))
    several = given["subject"] == "batched"
    vectors = [{key: part[i] for key, part in vector.items()} for i in range(_count(vector))] if several else [vector]
    found = [products.product(given["family"], given["model"], parameters, each, rest) for each in vectors]
    row = dtypes.find(dtype)
    least = row.tiny / (BUDGET.limit * row.eps)
    truth = {}
    for key in vector:
        value = np.stack([each.value[key] for each in found]) if several else found[0].value[key]
        norm = np.sqrt(sum((each.load[key] ** 2).sum() for each in found))
        truth[f"hvp:{key}"] = truth_of(value, norm + least)
    return truth


def _count(vectors: Any) -> int:
    return len(next(iter(vectors.values())))


def _wide(arrays: Arrays) -> dict[str, NDArray[Any]]:
    return {key: part.astype(np.longdouble) for key, part in arrays.items()}


def cells(chosen: Sequence[Case], where: Configuration, note: str) -> list[Cell]:
    """Return one cell for each case of a Fisher-vector product."""
    offered = (
        case for case in chosen if case.kernel.startswith(PREFIX) and registry.offers(where.backend, case.kernel)
    )
    return [_cell(case, where, note) for case in offered]


def _cell(case: Case, where: Configuration, note: str) -> Cell:
    arguments = work_arguments(case.kernel, case.name, where.dtype) | {"mode": where.mode}
    work = Work("harness.agreement.fisher:evaluate", where.backend, where.device, arguments)
    return checks.case_cell(case, where, note, work, truths, BUDGET, lambda _: checks.literal({"case": case.name}))
