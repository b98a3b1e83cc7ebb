"""The laws of bias and variance over the whole grid: sound backends pass, wrong numbers and wrong intervals do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import Pool

from harness import noise
from harness.cli import main
from harness.errors import BadInputError
from harness.estimators import ESTIMATORS
from harness.problems import PROBLEMS
from harness.results.schema import Variance
from harness.variance import judging, laws


def record(bias: float = 0.0, variance: float = 1.0, half: float = 0.02, **changed: Any) -> Variance:
    """A gradient of mean 1 + bias, with standard error 0.01, whose exact variance is 1."""
    row: dict[str, Any] = {
        "backend": "torch", "dtype": "float64", "device": "cpu", "mode": "eager", "estimator": "pathwise",
        "problem": "quadratic", "parameter": "loc", "dimension": 1, "settings": "", "samples": 1, "replicates": 10_000,
        "seed": 0, "mean": 1 + bias, "mean_standard_error": 0.01, "exact_mean": 1.0, "bias": bias,
        "bias_standard_error": 0.01, "variance": variance, "variance_low": variance - half,
        "variance_high": variance + half, "confidence": 0.95, "exact_variance": 1.0, "seconds_per_gradient": 1e-6,
        "work_normalized_variance": None, "bias_p_value": 0.5, "worst_coordinate": 0, "worst_z": 0.6, "distance": 0.0,
        "distance_low": 0.0, "distance_high": 0.02, "detectable_distance": 0.1,
    }  # fmt: skip
    return Variance(**(row | changed))


def verdict(records: list[Variance], what: str) -> laws.Verdict:
    return next(row for row in laws.verdicts(records) if row.what == what)


def normal(count: int, scale: float = 1.0) -> list[Variance]:
    """Records whose errors have the standard error that they state, times a scale."""
    random = noise.generator(0, "test", "laws")
    errors = random.standard_normal((count, 2)) * scale
    return [record(bias=0.01 * first, variance=1 + 0.02 / 1.96 * second) for first, second in errors]


def test_the_right_number_of_misses_is_sound() -> None:
    for what in ("mean", "variance"):
        found = verdict(normal(200), what)
        assert found.sound
        assert found.expected == pytest.approx(10)
        assert found.accepted[0] <= found.observed <= found.accepted[1] < 30


@pytest.mark.parametrize("scale", [2.0, 0.2])
def test_too_many_and_too_few_misses_are_not(scale: float) -> None:
    for what in ("mean", "variance"):
        assert not verdict(normal(400, scale), what).sound


def test_one_bias_is_seen_among_many() -> None:
    """One p-value below the 1e-8 that 101 gradients share; the average over coordinates says nothing of it."""
    biased = record(estimator="measure_valued", dimension=3, bias_p_value=9e-9, worst_coordinate=2, worst_z=7.5)
    found = verdict([*normal(100), biased], "bias")
    assert not found.sound
    assert (found.intervals, found.observed, found.accepted) == (101, 1, (0, 0))
    assert found.worst.startswith("measure_valued quadratic by loc, coordinate 2: +7.5 standard errors; distance")
    assert verdict([*normal(100), record(bias_p_value=1.1e-8)], "bias").sound
    assert verdict([*normal(100), record(bias=0.065)], "bias").sound  # 6.5 standard errors of an average


def test_a_mean_that_is_no_number_is_unsound() -> None:
    broken = record(mean=None, bias_p_value=None)
    assert not verdict([*normal(100), broken], "bias").sound


def test_rounding_is_forgiven_and_no_more() -> None:
    """A gradient without variance: its mean over coordinates is rounding, and no interval to be counted."""
    still = {"variance_low": 0.0, "variance_high": 0.0, "exact_variance": 0.0, "bias_standard_error": 0.0}
    eps = float(np.finfo(np.float64).eps)
    assert laws.judge(record(bias=10 * eps, variance=0.0, **still)).mean_inside is None
    assert laws.judge(record(bias=0.02)).mean_inside is False
    assert laws.judge(record(bias=0.019)).mean_inside is True
    assert laws.judge(record(variance=0.0, **(still | {"exact_variance": 1e-31}))).variance_inside
    assert not laws.judge(record(variance=0.0, **(still | {"exact_variance": 1e-20}))).variance_inside


def test_what_is_biased_or_unknown_is_not_judged() -> None:
    biased = laws.judge(record(bias=1.0, estimator="gumbel_softmax"))
    assert (biased.mean_inside, biased.variance_inside) == (None, True)
    assert laws.judge(record(exact_variance=None)).variance_inside is None
    rows = [record(estimator="gumbel_softmax", bias_p_value=0.0), record(bias_p_value=None), record()]
    assert verdict(rows, "bias").intervals == 1
    assert laws.notes(rows) == [
        "gumbel_softmax is biased by its row: the bias is found in 1 of 1 gradients",
        "torch float64 pathwise quadratic by loc: the tail of the gradients is too heavy for a test of their mean",
    ]


def test_the_plan_has_every_estimator_and_every_exact_problem() -> None:
    cells = [cell.work.arguments for cell in laws.plan(backends=["torch"])]
    assert {row["estimator"] for row in cells} == set(ESTIMATORS)
    assert {row["problem"] for row in cells} == {name for name, row in PROBLEMS.items() if "exact" in row.features}
    with pytest.raises(BadInputError, match="nearest: rebar"):
        laws.plan(["reba"], backends=["torch"])


def test_every_backend_keeps_the_laws(workers: Pool, backend: str) -> None:
    """The whole grid, 10,000 replicates, fixed seed; sound backends fail once in 5,000 seeds."""
    cells = laws.plan(backends=[backend], replicates=10_000, seed=1)
    records = [row for found in workers.run(cells) for row in found if isinstance(row, Variance)]
    assert len(records) > 100
    for row in laws.verdicts(records):
        assert row.sound, row
    declared = [row for row in records if ESTIMATORS[row.estimator].biased]
    found = {row.estimator for row in declared if judging.biased(row, len(declared))}
    assert found == {name for name, row in ESTIMATORS.items() if row.biased}


def test_the_command_says_what_it_found(installed_backends: list[str]) -> None:
    done = CliRunner().invoke(
        main, ["laws", "--problem", "bernoulli", "--backend", installed_backends[0], "--replicates", "4000"]
    )
    assert done.exit_code == 0, done.output
    assert "misses expected" in " ".join(done.output.split())
