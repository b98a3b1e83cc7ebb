"""E[score score^T] from the families' own samples is the Fisher information, each entry within its interval.

A third road, beside quadrature and the closed form: `Family.sample` and `Family.log_prob` must belong together. The
statistic is a mean over 32 blocks of 4,096 samples, judged by Student's t with 31 degrees of freedom; the level of all
entries of all families and backends together is 1e-6, shared evenly.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from harness import noise
from harness.execution.work import Cell, Work
from harness.modes import in_mode, usual
from harness.oracle import scores
from implementations import registry

BLOCKS, SAMPLES = 32, 4096
FAMILY_WISE = 1e-6
STRETCH = 1.05

PARAMETERS: dict[str, dict[str, list[Any]]] = {
    "NORMAL": {"loc": [0.5], "scale": [0.7]},
    "NORMAL_LOG_SCALE": {"loc": [-3.0], "log_scale": [1.5]},
    "NORMAL_VARIANCE": {"loc": [2.0], "variance": [0.3]},
    "CATEGORICAL": {"logits": [[0.5, -1.0, 1.0]]},
    "BERNOULLI": {"logits": [-1.2]},
}


def parameters(family: str) -> dict[str, NDArray[np.float64]]:
    return {name: np.array(value) for name, value in PARAMETERS[family].items()}


@cache
def judged() -> int:
    """Return how many entries are judged, in all backends."""
    entries = sum(scores.information(family, parameters(family)).size for family in PARAMETERS)
    return entries * sum(row.kind == "reference" for row in registry.backends().values())


def blocks(backend: ModuleType, name: str, family: str, stretch: float) -> NDArray[np.float64]:
    """Return the estimate of the matrix in each block, [BLOCKS, numbers, numbers], of noise times `stretch`."""
    send = backend.runtime.asarray
    row = getattr(backend.families, family)
    numbers = parameters(family)
    given = {key: send(value, "float64") for key, value in numbers.items()}
    weights = send(np.full((SAMPLES, 1), 1.0 / SAMPLES), "float64")
    rows = np.eye(sum(value.size for value in numbers.values()))
    parts = np.split(rows, np.cumsum([value.size for value in numbers.values()])[:-1], axis=1)
    basis = {
        key: send(part.reshape(len(rows), *numbers[key].shape), "float64")
        for key, part in zip(numbers, parts, strict=True)
    }

    def estimate(drawn: Any) -> Any:
        middle = backend.fisher.sampled(row, row.sample(given, drawn), weights)
        return backend.fisher.batched(backend.fisher.gauss_newton(middle, lambda same: same, given))(basis)

    call = in_mode(backend, estimate, usual(name))
    found = []
    for block in range(BLOCKS):
        random = noise.generator(0, "test", "fisher", "monte carlo", family, block)
        shape = (SAMPLES, *next(iter(numbers.values())).shape)
        drawn = send(stretch * noise.draw(row.noise, shape, random), "float64")
        found.append(scores.flat(backend.runtime.to_numpy(call(drawn)), 1))
    return np.array(found)


Estimates = dict[tuple[str, str, float], Any]


@pytest.fixture(scope="module")
def estimates(workers: Any, installed_backends: Sequence[str]) -> Estimates:
    """The estimates of every block by backend, family and stretch, so that each framework is loaded once."""
    rows = [
        (backend, family, stretch)
        for backend in installed_backends
        for family, stretch in [*((family, 1.0) for family in PARAMETERS), ("NORMAL", STRETCH)]
    ]
    cells = []
    for backend, family, stretch in rows:
        arguments = {"name": backend, "family": family, "stretch": stretch}
        work = Work("test_fisher_monte_carlo:blocks", backend, "cpu", arguments)
        cells.append(Cell(f"{backend} {family} {stretch}", work, lambda result: result))
    return dict(zip(rows, workers.run(cells), strict=True))


def deviation(found: NDArray[np.float64], family: str) -> float:
    """Return the largest |mean - truth| of an entry, in units of the half-width of its interval."""
    truth = scores.information(family, parameters(family))[0]
    reach = stats.t.ppf(1 - FAMILY_WISE / judged() / 2, BLOCKS - 1) * stats.sem(found, axis=0)
    rounding = 1e-10 * np.abs(truth).max()  # some entries do not vary
    return float((np.abs(found.mean(0) - truth) / (reach + rounding)).max())


@pytest.mark.parametrize("family", PARAMETERS)
def test_samples_give_the_fisher_information(estimates: Estimates, backend: str, family: str) -> None:
    assert deviation(estimates[backend, family, 1.0], family) <= 1


def test_another_distribution_is_seen(estimates: Estimates, backend: str) -> None:
    """Noise stretched by a twentieth: the mean square of the score by loc is a tenth too large, 25 standard errors."""
    assert deviation(estimates[backend, "NORMAL", STRETCH], "NORMAL") > 1
