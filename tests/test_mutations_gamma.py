"""Mutations of the gamma and beta texts: each is a mistake that people make, and is seen replicate by replicate."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from conftest import Pool

import implementations
from harness.agreement import estimators, plan
from harness.results.schema import Record

#: (before, after) by the backend's name.
Texts = dict[str, tuple[str, str]]


class Mutation(NamedTuple):
    """What a mutation is called.

    Attributes:
        module: whose text is mutated.
        names: the public names that are taken from the mutated text.
        estimator: which subject sees it.
        case: in which case.
        mistake: in a few words; "" for the right text.
    """

    module: str
    names: tuple[str, ...]
    estimator: str
    case: str
    mistake: str = ""


_IMPLICIT, _SCORE = "implicit_reparameterization", "score_function"
_GAMMA, _BETA = "gamma_quadratic", "beta_quadratic"


def _slope(mistake: str, case: str = _GAMMA) -> Mutation:
    return Mutation("gamma", ("sample_derivative",), _IMPLICIT, case, mistake)


def _in_gamma(mistake: str) -> Mutation:
    return Mutation("distributions", ("GAMMA",), _IMPLICIT, _GAMMA, mistake)


def _in_beta(mistake: str) -> Mutation:
    return Mutation("distributions", ("BETA",), _IMPLICIT, _BETA, mistake)


MUTATIONS: dict[Mutation, Texts] = {
    _in_gamma("rate missing"): {
        "torch": ('parameters["concentration"]) / rate', 'parameters["concentration"])'),
        "jax": ('parameters["concentration"]) / rate', 'parameters["concentration"])'),
        "tensorflow": ('by_concentration / parameters["rate"]', "by_concentration"),
    },
    _in_gamma("sign of the derivative by the rate"): {
        "torch": ('"rate": -_gamma_sample', '"rate": _gamma_sample'),
        "jax": ('"rate": -noise', '"rate": noise'),
        "tensorflow": ('"rate": -_gamma_sample', '"rate": _gamma_sample'),
    },
    _in_gamma("wrong parameter"): {
        "torch": ('sample_derivative(noise, parameters["concentration"])', "sample_derivative(noise, rate)"),
        "jax": ('sample_derivative(noise, parameters["concentration"])', "sample_derivative(noise, rate)"),
        "tensorflow": (
            'sample_derivative(noise, parameters["concentration"])',
            'sample_derivative(noise, parameters["rate"])',
        ),
    },
    _in_beta("x for 1 - x"): {
        "torch": ("(zero / total)", "(one / total)"),
        "jax": ("share[:, :, 1] * by_one", "share[:, :, 0] * by_one"),
        "tensorflow": ("(second / total)", "(first / total)"),
    },
    _in_beta("sign of the derivative by concentration0"): {
        "torch": ("-gamma.sample_derivative(zero", "gamma.sample_derivative(zero"),
        "jax": ("-share[:, :, 0]", "share[:, :, 0]"),
        "tensorflow": ("(-first / total)", "(first / total)"),
    },
    _in_beta("wrong concentration"): {
        "torch": ('(zero, parameters["concentration0"])', '(zero, parameters["concentration1"])'),
        "jax": ('("concentration1", "concentration0"))\n', '("concentration1", "concentration1"))\n'),
        "tensorflow": ('(second, parameters["concentration0"])', '(second, parameters["concentration1"])'),
    },
    _slope("sign"): {
        "torch": ("return torch.where(below,", "return -torch.where(below,"),
        "jax": ("return jnp.where(lower, x / a", "return -jnp.where(lower, x / a"),
        "tensorflow": ("return tf.where(below, x / a", "return -tf.where(below, x / a"),
    },
    _slope("psi(a) for psi(a + 1)"): {
        "torch": ("torch.digamma(a + 1.0)", "torch.digamma(a)"),
        "jax": ("digamma(a + 1)", "digamma(a)"),
        "tensorflow": ("tf.math.digamma(a + 1.0)", "tf.math.digamma(a)"),
    },
    _slope("the lower formula above"): {
        "torch": ("below = depth >= 0", "below = depth > -1e30"),
        "jax": ("lower = d >= 0", "lower = d > -1e30"),
        "tensorflow": ("below = depth >= 0.0", "below = depth > -1e30"),
    },
    _slope("a term of Stirling's series", "a large concentration"): {
        "torch": ("(-1 / 12, 1 / 120", "(-1 / 12, 1 / 60"),
        "jax": ("1 / 120, -1 / 12, 0]", "1 / 60, -1 / 12, 0]"),
        "tensorflow": ("(-1 / 12, 1 / 120", "(-1 / 12, 1 / 60"),
    },
    _slope("half the nodes, at twice the step", "a large concentration"): {
        "torch": ("_FIRST, _LAST, _PER_UNIT = -28, 36, 8", "_FIRST, _LAST, _PER_UNIT = -14, 18, 4"),
        "jax": (
            "step = 1 / 8\n    nodes = step * jnp.arange(-28, 37",
            "step = 1 / 4\n    nodes = step * jnp.arange(-14, 19",
        ),
        "tensorflow": ("_STEP, _NODES = 0.125, (-28, 37)", "_STEP, _NODES = 0.25, (-14, 19)"),
    },
    Mutation("gamma", ("log_prob",), _SCORE, _GAMMA, "without the rate's power"): {
        "torch": (" + concentration * torch.log(rate)", ""),
        "jax": ("(log_x + jnp.log(rate))", "log_x"),
        "tensorflow": (" - concentration * tf.math.log(rate)", ""),
    },
    Mutation("beta", ("log_prob",), _SCORE, _BETA, "without log B"): {
        "torch": (" - log_beta", ""),
        "jax": ("return powers + ", "return powers  # "),
        "tensorflow": ("return powers + ", "return powers  # "),
    },
}
RIGHT = [Mutation(*subject) for subject in sorted({row[:4] for row in MUTATIONS})]
Outcomes = dict[tuple[str, Mutation], Sequence[Record]]


def text(backend: str, mutation: Mutation) -> str:
    """Return the module's text with one expression, which stands in it once, replaced."""
    source = (Path(implementations.__file__).parent / backend / f"{mutation.module}.py").read_text()
    if not mutation.mistake:
        return source
    before, after = MUTATIONS[mutation][backend]
    assert source.count(before) == 1, f"{mutation.module} of {backend} does not hold {before!r} once"
    return source.replace(before, after)


def mutated(backend: ModuleType, mutation: Mutation, **arguments: Any) -> Any:
    """Evaluate a case with names from the mutated text; runs in the framework's process."""
    owner = importlib.import_module(f"{backend.__name__}.{mutation.module}")
    mutant = ModuleType(owner.__name__)
    source = text(backend.__name__.rpartition(".")[2], mutation)
    exec(compile(source, f"<mutant of {owner.__name__}>", "exec"), mutant.__dict__)
    right = {name: getattr(owner, name) for name in mutation.names}
    for name in right:
        setattr(owner, name, getattr(mutant, name))
    try:
        return estimators.evaluate(backend, **arguments)
    finally:
        for name, value in right.items():
            setattr(owner, name, value)


@pytest.fixture(scope="module")
def outcomes(workers: Pool, installed_backends: list[str]) -> Outcomes:
    """The records of every text, by backend."""
    keys = [(backend, row) for backend in installed_backends for row in [*RIGHT, *MUTATIONS]]
    cells = []
    for backend, row in keys:
        kernel = estimators.PREFIX + row.estimator
        (cell,) = plan.plan([kernel], [row.case], backends=[backend], dtypes=["float64"], modes=["eager"])
        work = dataclasses.replace(
            cell.work, function=f"{__name__}:mutated", arguments=cell.work.arguments | {"mutation": row}
        )
        cells.append(dataclasses.replace(cell, key=f"{backend} {row}", work=work))
    return dict(zip(keys, workers.run(cells), strict=True))


def name_of(mutation: Mutation) -> str:
    """Return what the test is called."""
    return ": ".join((mutation.module, mutation.case, mutation.mistake))


@pytest.mark.parametrize("right", RIGHT, ids=name_of)
def test_right_text_passes(right: Mutation, backend: str, outcomes: Outcomes) -> None:
    records = outcomes[backend, right]
    assert records
    assert all(record.within_budget for record in records)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=name_of)
def test_mutation_is_caught(mutation: Mutation, backend: str, outcomes: Outcomes) -> None:
    wrong = [record.observed for record in outcomes[backend, mutation] if not record.within_budget]
    assert wrong
    assert all(said.startswith("got ") and "nan" not in said for said in wrong), "not a number: the text is broken"
