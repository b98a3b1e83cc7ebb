"""How many intervals hold the exact variance: those that share noise count once, and rounding is no miss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import site_records
from msgspec.structs import replace
from scipy import stats

from harness.results.schema import Variance
from harness.site import answers, hits


def record(**changed: Any) -> Variance:
    """A score function whose interval holds its exact variance."""
    first = site_records.variances(np.random.default_rng(0))[0]
    base: dict[str, Any] = {"estimator": "score_function", "problem": "quadratic", "parameter": "loc", "seed": 0,
                            "backend": "torch", "dtype": "float64", "source": "shared", "trusted": True, "mean": 1.0,
                            "variance": 4.0, "variance_low": 3.9, "variance_high": 4.1, "exact_variance": 4.0,
                            "confidence": 0.95}  # fmt: skip
    return replace(first, **base | changed)


MISS = {"exact_variance": 4.2}


def test_frameworks_dtypes_and_settings_that_share_noise_count_once() -> None:
    """One miss, seen by three frameworks in two dtypes with two settings, is one of two, not twelve of thirteen."""
    many = [
        record(backend=backend, dtype=dtype, settings=settings, **MISS)
        for backend in ("jax", "tensorflow", "torch")
        for dtype in ("float32", "float64")
        for settings in ("k=0", "k=1")
    ]
    found = hits.count([*many, record(problem="cosine")])
    assert found is not None
    assert (found.held, found.intervals) == (1, 2)
    assert {row.dtype for row in hits.independent(many)} == {"float64"}


@pytest.mark.parametrize(
    ("changed", "intervals"),
    [
        ({"seed": 1}, 2),
        ({"estimator": "pathwise"}, 2),
        ({"problem": "cosine"}, 2),
        ({"parameter": "scale"}, 2),
        ({"backend": "jax"}, 1),
        ({"backend": "jax", "source": "framework"}, 2),
        ({"dimension": 5}, 1),
    ],
)
def test_what_has_noise_of_its_own_counts(changed: dict[str, Any], intervals: int) -> None:
    found = hits.count([record(), record(**changed)])
    assert found is not None
    assert found.intervals == intervals


def test_the_framework_s_own_noise_is_its_own() -> None:
    rows = [record(backend=backend, source="framework") for backend in ("jax", "torch")]
    found = hits.count(rows)
    assert found is not None
    assert found.intervals == 2


def test_rounding_is_no_miss() -> None:
    """An exact variance of 0 and one of 1e-16, as in float32, and an exact one of 7e-33 beside 0."""
    noise = {"variance": 1e-16, "variance_low": 0.9e-16, "variance_high": 1.1e-16, "exact_variance": 0.0}
    none = {"variance": 0.0, "variance_low": 0.0, "variance_high": 0.0, "exact_variance": 7e-33}
    assert [hits.judged(record(dtype="float32", **row)) for row in (noise, none, MISS)] == [True, True, False]


def test_what_cannot_be_judged_is_not_counted() -> None:
    assert hits.judged(record(trusted=False)) is None
    assert hits.judged(record(exact_variance=None)) is None
    assert hits.count([record(trusted=False)]) is None
    assert hits.sentence([]) == ""


def test_the_range_is_that_of_the_binomial_law() -> None:
    rows = [record(seed=seed, **(MISS if seed < 8 else {})) for seed in range(118)]
    found = hits.count(rows)
    assert found is not None
    assert (found.held, found.intervals, found.low, found.high) == (110, 118, 107, 116)
    assert found.expected == pytest.approx(112.1)
    law = stats.binom(118, 0.95)
    assert law.cdf(116) - law.cdf(106) >= 0.95
    assert hits.sentence(rows) == (
        "110 of 118 independent intervals hold the exact variance (112 are expected, 107 to 116 in 19 of 20 runs)"
    )
    assert hits.sentence([record()]).startswith("1 of 1 independent interval holds the exact variance")


def test_the_answer_states_independent_hits_and_what_is_expected() -> None:
    many = [record(backend=backend) for backend in ("jax", "tensorflow", "torch")]
    told = answers.answers(many)[1].sentence
    assert "1 of 1 independent interval holds" in told
    assert "3 of 3" not in told
