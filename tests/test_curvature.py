"""The ratio of a curvature product to a gradient: the chains compute what they say, the interval covers a median."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from conftest import Pool

from harness import noise
from harness.errors import BadInputError
from harness.execution.work import Cell, Work
from harness.results.schema import Ratio
from harness.timing import curvature, products, turns
from harness.training.weights import initial_weights

WIDTHS = (6, 5, 4, 3)
BATCH = 7


def lengths_of(backend: ModuleType, subject: str) -> list[dict[str, Any]]:
    """Return what chains of one and of two calls give."""
    rows = curvature.layers(WIDTHS)
    random = noise.generator(0, "test", "curvature")
    weights = initial_weights(rows, 0)
    vector = {name: random.standard_normal(value.shape) for name, value in weights.items()}
    send = backend.runtime.asarray
    arguments = (
        {name: send(value, "float64") for name, value in weights.items()},
        {name: send(value, "float64") for name, value in vector.items()},
        send(random.standard_normal((BATCH, WIDTHS[0])), "float64"),
        send(np.eye(WIDTHS[-1])[random.integers(0, WIDTHS[-1], BATCH)], "float64"),
    )
    found = [curvature.chain(backend, subject, length)(*arguments) for length in (1, 2)]
    return [backend.runtime.to_numpy(arrays) for arrays in found] + [weights, vector]


def test_chains_of_all_products_agree_and_go_on(workers: Pool, backend: str) -> None:
    """Three roads to one matrix: v + c F v, and v + c F (v + c F v), are the same by all of them."""
    subjects = (curvature.GRADIENT, *curvature.PRODUCTS)
    cells = [
        Cell(name, Work("test_curvature:lengths_of", backend, "cpu", {"subject": name}), lambda result: result)
        for name in subjects
    ]
    found: dict[str, Any] = dict(zip(subjects, workers.run(cells), strict=True))
    one, two, weights, vector = found["gauss_newton"]
    for name in weights:
        assert not np.allclose(one[name], two[name], rtol=1e-9, atol=0)
        for subject in curvature.PRODUCTS:
            np.testing.assert_allclose(found[subject][0][name], one[name], rtol=1e-12)
            np.testing.assert_allclose(found[subject][1][name], two[name], rtol=1e-12)
        step = found[curvature.GRADIENT][0][name] - weights[name]
        assert 0 < np.abs(step).max() < 1e-2
        assert np.abs(one[name] - vector[name]).max() > 0


def test_records_of_a_run(workers: Pool, backend: str) -> None:
    (cell,) = products.plan([backend], modes=("eager",), widths=WIDTHS, batch=BATCH, turns=6)
    records: Any = workers.run([cell])[0]
    own = [record for record in records if record.backend == backend and record.reference == "gradient eager"]
    assert [record.subject for record in own] == [curvature.GRADIENT, *curvature.PRODUCTS]
    beside = [(record.backend, record.subject, record.reference) for record in records if record not in own]
    assert beside == [
        row
        for library in products.libraries(backend)
        for row in (
            (library, "gauss_newton", "gradient eager"),
            (backend, "gauss_newton", f"{library} gauss_newton eager"),
        )
    ]
    assert all(isinstance(record, Ratio) for record in records)
    assert {record.parameters for record in records} == {6 * 5 + 5 + 5 * 4 + 4 + 4 * 3 + 3}
    assert records[0].ratio == records[0].ratio_low == records[0].ratio_high == 1
    assert all(record.ratio_low <= record.ratio <= record.ratio_high for record in records)


def test_interval_of_a_median_covers_it() -> None:
    """At least 95 %: of 2,000 samples of 15, a true coverage of 95 % gives fewer than 1,860 once in 10^4."""
    random = noise.generator(0, "test", "interval")
    inside = 0
    for _ in range(2000):
        low, high = turns.interval(random.standard_exponential(15).tolist(), 0.95)
        inside += low <= np.log(2) <= high
    assert inside >= 1860
    assert turns.interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 0.95) == (1.0, 6.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"widths": (784,)}, "widths is 784"),
        ({"widths": (784, 0, 10)}, "widths is 784-0-10"),
        ({"batch": 0}, "batch is 0"),
        ({"turns": 5}, "turns is 5"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_input_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        products.plan(["torch"], **options)
