"""The library backends: each is loaded in a process of its own and gives a few values that are known."""

from __future__ import annotations

import math
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from harness.execution.local import Workers
from harness.execution.work import Cell, Work
from implementations import registry

LIBRARIES = [
    row.name
    for row in registry.backends().values()
    if row.kind == "library" and registry.offers(row.name, "divergences.kl_normal")
]

#: kernel, arguments, value; float64.
VALUES: dict[str, tuple[list[Any], Any]] = {
    "gaussian.reparameterize": ([1.0, 2.0, [0.5, -1.0]], [2.0, -1.0]),
    "gaussian.log_prob": ([0.0, 0.0, 1.0], -0.5 * math.log(2.0 * math.pi)),
    "gaussian.prob": ([0.0, 0.0, 1.0], 1.0 / math.sqrt(2.0 * math.pi)),
    "gaussian.cdf": ([1.0, 1.0, 2.0], 0.5),
    "gaussian.entropy": ([[0.0, 3.0], 1.0], [0.5 + 0.5 * math.log(2.0 * math.pi)] * 2),
    "gumbel.cdf": ([0.0, 0.0, 1.0], math.exp(-1.0)),
    "gumbel.gumbel_softmax": ([[0.0, 1.0], [1.0, 0.0], 0.5], [0.5, 0.5]),
    "categorical.prob": ([[0.0, 1.0], [math.log(1.0), math.log(3.0)]], 0.75),
    "bernoulli.log_prob": ([1.0, 0.0], -math.log(2.0)),
    "bernoulli.relaxed_sample": ([0.0, math.log(3.0), 1.0], 0.75),
    "relaxed_categorical.log_sample": ([[0.0, 0.0], [0.0, math.log(3.0)], 1.0], np.log([0.25, 0.75])),
    "divergences.kl_normal": ([1.0, 1.0, 0.0, 1.0], 0.5),
    "divergences.kl_diagonal_normal": ([[1.0, 1.0], [1.0, 1.0], [0.0, 0.0], [1.0, 1.0]], 1.0),
    "divergences.kl_categorical": ([[0.0, 0.0], [0.0, math.log(3.0)]], 0.5 * math.log(4.0 / 3.0)),
    "divergences.kl_normal_monte_carlo": ([[1.0], [1.0], [0.0], [1.0], [[1.0], [-1.0]]], [0.5]),
}
REFERENCE_ONLY = ("article", "annealing", "distributions", "objectives", "optimizers", "estimators", "fisher")


def measure(backend: ModuleType) -> dict[str, Any]:
    """Return the values, in float64, the gradient of one kernel, and the modules that are there but should not be."""
    arrays = backend.runtime
    values = {
        name: arrays.to_numpy(
            getattr(getattr(backend, name.partition(".")[0]), name.partition(".")[2])(
                *(arrays.asarray(np.asarray(argument), "float64") for argument in arguments)
            )
        )
        for name, (arguments, _) in VALUES.items()
    }
    primals = [arrays.asarray(value, "float64") for value in (1.0, 1.0, 0.0, 1.0)]
    _, gradient = backend.autodiff.vjp(backend.divergences.kl_normal, primals, arrays.asarray(1.0, "float64"))
    return {
        "values": values,
        "gradient": arrays.to_numpy(gradient),
        "framework": arrays.describe()["framework"],
        "unexpected": [name for name in REFERENCE_ONLY if hasattr(backend, name)],
    }


@cache
def measured(name: str) -> dict[str, Any]:
    work = Work("test_library_backends:measure", name)
    with Workers(threads=1) as workers:
        found: list[Any] = workers.run([Cell(name, work, lambda result: result)])
    return found[0]


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    chosen = request.config.getoption("backend")
    if chosen and name not in chosen:
        pytest.skip("not chosen")
    if not registry.installed(name):
        pytest.skip(registry.install_command(name))
    return name


@pytest.mark.parametrize("kernel", VALUES)
def test_values(library: str, kernel: str) -> None:
    found, expected = measured(library)["values"][kernel], np.asarray(VALUES[kernel][1])
    assert found.shape == expected.shape
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_gradient_of_the_base(library: str) -> None:
    """KL of N(1, 1) from N(0, 1): d/d(loc_q, scale_q, loc_p, scale_p) = (1, 0, -1, -1)."""
    np.testing.assert_allclose(measured(library)["gradient"], [1.0, 0.0, -1.0, -1.0], atol=1e-12)


def test_the_rest_is_the_base(library: str) -> None:
    found = measured(library)
    assert found["framework"] == registry.find(library).base
    assert found["unexpected"] == []


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_missing_library_says_its_install_command(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.importlib.util, "find_spec", lambda _: None)
    assert not registry.installed(name)
    with pytest.raises(registry.MissingFrameworkError) as caught:
        registry.load(name)
    row = registry.find(name)
    for part in (row.framework, registry.find(row.base).framework, registry.install_command(name)):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_framework_of_the_base_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.importlib.util, "find_spec", lambda name: None if name == "jax" else object())
    assert not registry.installed("numpyro")
    assert registry.installed("torch_distributions")
