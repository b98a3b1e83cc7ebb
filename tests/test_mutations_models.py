"""Models and Adam against the oracle at the initial weights; and defects, by name, each of which must be seen."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import models_for_tests
import pytest
from models_for_tests import BUDGET, MUTANTS, adam_error, cell, loss_error

from harness.oracle import networks

DTYPES = ("float32", "float64")
LOSSES = [("vae", name) for name in networks.OBJECTIVES] + [("categorical_vae", "bernoulli")]

Results = Mapping[tuple[str, ...], Any]


@pytest.fixture(scope="module")
def results(workers: Any, installed_backends: Sequence[str]) -> Results:
    """Every evaluation of this file, so that each framework is loaded once."""
    keys: list[tuple[str, ...]] = []
    for name in installed_backends:
        keys += [(name, *loss, dtype, "") for loss in LOSSES for dtype in DTYPES]
        keys += [(name, row.model, "bernoulli", "float64", key) for key, row in MUTANTS.items() if row.model]
        keys += [(name, "adam", dtype, "") for dtype in DTYPES]
        keys += [(name, "adam", "float64", key) for key, row in MUTANTS.items() if not row.model]
    cells = [
        cell(backend, "adam", dtype=rest[1], mutant=rest[2])
        if rest[0] == "adam"
        else cell(backend, "evaluate", **dict(zip(("model", "objective", "dtype", "mutant"), rest, strict=True)))
        for backend, *rest in keys
    ]
    return {key: records[0] for key, records in zip(keys, workers.run(cells), strict=True)}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("model", "objective"), LOSSES)
def test_loss_and_gradient_are_true(results: Results, backend: str, model: str, objective: str, dtype: str) -> None:
    error = loss_error(results[backend, model, objective, dtype, ""], model, objective, dtype)
    assert error <= BUDGET


@pytest.mark.parametrize("dtype", DTYPES)
def test_adam_is_true(results: Results, backend: str, dtype: str) -> None:
    assert adam_error(results[backend, "adam", dtype, ""], dtype) <= 1


@pytest.mark.parametrize("mutant", [name for name, row in MUTANTS.items() if row.model])
def test_a_defect_of_a_loss_is_caught(results: Results, backend: str, mutant: str) -> None:
    model = MUTANTS[mutant].model
    assert model is not None
    error = loss_error(results[backend, model, "bernoulli", "float64", mutant], model, "bernoulli", "float64")
    # seen in float32 too, whose eps is 2^29 times larger
    assert error > BUDGET * 2.0**29


@pytest.mark.parametrize("mutant", [name for name, row in MUTANTS.items() if not row.model])
def test_a_defect_of_adam_is_caught(results: Results, backend: str, mutant: str) -> None:
    assert adam_error(results[backend, "adam", "float64", mutant], "float64") > 2.0**29


def test_a_defect_is_gone_afterwards() -> None:
    """The patch is undone: the module holds the right function again."""
    module = ModuleType("fake.divergences")
    module.kl_standard_normal = right = lambda *_: 1  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "fake.divergences", module)
        with models_for_tests.defect(ModuleType("fake"), "KL left out"):
            assert module.kl_standard_normal(0.0, 1.0) == 0
        assert module.kl_standard_normal is right
