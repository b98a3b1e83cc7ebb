"""Mutations of Fisher-vector products and of conjugate gradient: each is a mistake that people make, and is seen."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from conftest import Pool

from harness.agreement import plan
from harness.results.schema import Record

Replacement = Callable[[ModuleType, Any], Any]


class Mutation(NamedTuple):
    """A row: `replacement` takes the place of `target` in each backend, made from the backend and the right one.

    Attributes:
        name: of the mistake.
        kernel: which subject sees it.
        case: in which case.
        target: "module.name" below the backend's package.
        replacement: (backend, right) -> wrong.
    """

    name: str
    kernel: str
    case: str
    target: str
    replacement: Replacement


def _text(target: str, **texts: tuple[str, str]) -> Replacement:
    """Take the function from its module's text, with one expression replaced; for each backend (before, after)."""
    module, name = target.split(".")

    def replacement(backend: ModuleType, _right: Any) -> Any:
        owner = getattr(backend, module)
        before, after = texts[backend.__name__.rpartition(".")[2]]
        source = Path(owner.__file__).read_text()
        assert source.count(before) == 1, f"{owner.__name__} does not hold {before!r} once"
        mutated = ModuleType(owner.__name__)
        mutated.__package__ = backend.__name__
        exec(compile(source.replace(before, after), f"<mutant of {owner.__name__}>", "exec"), mutated.__dict__)
        return getattr(mutated, name)

    return replacement


def _both_sides(_backend: ModuleType, right: Any) -> Any:
    return lambda kl, outputs, parameters: right(lambda _old, new: kl(new, new), outputs, parameters)


def _sum_of_kl(_backend: ModuleType, right: Any) -> Any:
    return lambda kl, outputs, parameters: right(lambda old, new: 5 * kl(old, new), outputs, parameters)


def _sum_of_products(_backend: ModuleType, right: Any) -> Any:
    def gauss_newton(middle: Any, outputs: Any, parameters: Any) -> Any:
        product = right(middle, outputs, parameters)
        return lambda vector: {name: 5 * part for name, part in product(vector).items()}

    return gauss_newton


def _scaled(name: str, factor: float) -> Replacement:
    """Multiply one parameter's part of the closed form."""

    def replacement(_backend: ModuleType, family: Any) -> Any:
        def fisher(parameters: Any, tangents: Any) -> Any:
            found = family.fisher(parameters, tangents)
            return found | {name: factor * found[name]}

        return family._replace(fisher=fisher)

    return replacement


def _norm(vector: Any) -> Any:
    return sum((part[None] @ part[:, None])[0, 0] for part in vector.values()) ** 0.5


def _solver(**changes: Callable[..., Any]) -> Replacement:
    """Change arguments of conjugate gradient: name -> (its value, the right-hand side) -> another value."""

    def replacement(_backend: ModuleType, right: Any) -> Any:
        def solve(product: Any, b: Any, tolerance: Any, iterations: int, **options: Any) -> Any:
            given = {"tolerance": tolerance, **options}
            changed = {name: changes[name](value, b) if name in changes else value for name, value in given.items()}
            return right(product, b, iterations=iterations, **changed)

        return solve

    return replacement


_CG = "solvers.conjugate_gradient"
_TWO, _FIVE = "normal, two entries", "regression"

MUTATIONS = (
    Mutation(
        "both sides of the KL differentiated, reverse over reverse",
        "fisher.kl_reverse_over_reverse",
        _TWO,
        "fisher.kl_reverse_over_reverse",
        _both_sides,
    ),
    Mutation(
        "both sides of the KL differentiated, forward over reverse",
        "fisher.kl_forward_over_reverse",
        "categorical",
        "fisher.kl_forward_over_reverse",
        _both_sides,
    ),
    Mutation(
        "sum of the KL over examples",
        "fisher.kl_reverse_over_reverse",
        _FIVE,
        "fisher.kl_reverse_over_reverse",
        _sum_of_kl,
    ),
    Mutation("sum over examples", "fisher.gauss_newton", _FIVE, "fisher.gauss_newton", _sum_of_products),
    Mutation("factor 2 of the scale dropped", "fisher.gauss_newton", _TWO, "families.NORMAL", _scaled("scale", 0.5)),
    Mutation(
        "factor 2 of the log scale dropped",
        "fisher.gauss_newton",
        "normal by log scale, scale 1e-3",
        "families.NORMAL_LOG_SCALE",
        _scaled("log_scale", 0.5),
    ),
    Mutation(
        "factor 1/2 of the variance dropped",
        "fisher.gauss_newton",
        "normal by variance",
        "families.NORMAL_VARIANCE",
        _scaled("variance", 2.0),
    ),
    Mutation(
        "p p^T dropped",
        "fisher.gauss_newton",
        "categorical, equal odds",
        "families.CATEGORICAL",
        _text(
            "families.CATEGORICAL",
            jax=('gumbel.centered(probs, tangents["logits"])', 'tangents["logits"]'),
            torch=("(relative - (probs * relative).sum(dim=-1, keepdim=True))", "tangent"),
            tensorflow=(
                'softmax_pullback(softmax(parameters["logits"]), tangents["logits"])',
                'softmax(parameters["logits"]) * tangents["logits"]',
            ),
        ),
    ),
    Mutation(
        "empirical in place of the expectation",
        "fisher.sampled",
        _TWO,
        "fisher.sampled",
        lambda _, right: lambda family, values, weights: right(family, values[:1], weights[:1] / weights[:1]),
    ),
    Mutation(
        "expectation in place of the empirical",
        "fisher.empirical",
        "classifier",
        "fisher.empirical",
        lambda _backend, _right: lambda family, _labels: family.fisher,
    ),
    Mutation(
        "weights of the samples dropped",
        "fisher.sampled",
        "bernoulli",
        "fisher.sampled",
        lambda _, right: lambda family, values, weights: right(family, values, weights / weights),
    ),
    Mutation(
        "damping dropped",
        "fisher.damped",
        "categorical, null vector",
        "fisher.damped",
        lambda _backend, _right: lambda product, _damping: product,
    ),
    Mutation(
        "one vector for the whole batch",
        "fisher.batched",
        _FIVE,
        "fisher.batched",
        lambda _, right: lambda product: lambda vectors: right(product)({k: 0 * v + v[:1] for k, v in vectors.items()}),
    ),
    Mutation(
        "damping of the system dropped", _CG, "singular, damped", _CG, _solver(damping=lambda damping, _: 0 * damping)
    ),
    Mutation(
        "preconditioner dropped",
        _CG,
        "three eigenvalues, preconditioned",
        _CG,
        _solver(diagonal=lambda diagonal, _: {name: part / part for name, part in diagonal.items()}),
    ),
    Mutation(
        "absolute tolerance",
        _CG,
        "three eigenvalues, right-hand side of 1e-6",
        _CG,
        _solver(tolerance=lambda tolerance, b: tolerance / _norm(b)),
    ),
    Mutation(
        "beta with the wrong sign",
        _CG,
        "three eigenvalues",
        _CG,
        _text(
            _CG,
            jax=("slope / state.slope", "-slope / state.slope"),
            torch=("decrease / before", "-decrease / before"),
            tensorflow=('slope / old["slope"]', '-slope / old["slope"]'),
        ),
    ),
    Mutation(
        "breakdown not seen",
        _CG,
        "indefinite",
        _CG,
        _text(
            _CG,
            jax=("broken = ~(ratio > eps * largest)", "broken = state.broken"),
            torch=("broken = not curvature > eps * largest", "broken = False"),
            tensorflow=("sound = curvature > epsilon * steepest", "sound = tf.constant(True)"),
        ),
    ),
    Mutation(
        "stagnation called convergence",
        _CG,
        "a tolerance below rounding",
        _CG,
        lambda _, right: lambda *a, **o: right(*a, **o)._replace(status=0 * right(*a, **o).status),
    ),
)


def mutated(backend: ModuleType, mutation: str, **arguments: Any) -> Any:
    """Evaluate a case with one function replaced; runs in the framework's process."""
    row = next(row for row in MUTATIONS if row.name == mutation)
    evaluate = importlib.import_module(f"harness.agreement.{row.kernel.partition('.')[0]}").evaluate
    module, name = row.target.split(".")
    owner = getattr(backend, module)
    right = getattr(owner, name)
    setattr(owner, name, row.replacement(backend, right))
    try:
        return evaluate(backend, **arguments)
    finally:
        setattr(owner, name, right)


@pytest.fixture(scope="module")
def outcomes(workers: Pool, installed_backends: list[str]) -> dict[tuple[str, str], Sequence[Record]]:
    """The records of every mutation, by backend and name."""
    keys = [(backend, row) for backend in installed_backends for row in MUTATIONS]
    cells = []
    for backend, row in keys:
        (cell,) = plan.plan([row.kernel], [row.case], backends=[backend], dtypes=["float32"], modes=["eager"])
        arguments = cell.work.arguments | {"mutation": row.name}
        work = dataclasses.replace(cell.work, function=f"{__name__}:mutated", arguments=arguments)
        cells.append(dataclasses.replace(cell, key=f"{backend} {row.name}", work=work))
    records = workers.run(cells)
    return {(backend, row.name): found for (backend, row), found in zip(keys, records, strict=True)}


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda row: row.name)
def test_mutation_is_caught(
    mutation: Mutation, backend: str, outcomes: dict[tuple[str, str], Sequence[Record]]
) -> None:
    records = outcomes[backend, mutation.name]
    assert records
    assert {record.kernel for record in records} == {mutation.kernel}
    assert not all(record.within_budget for record in records)
