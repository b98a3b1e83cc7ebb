"""Ranking of estimators: the error that a budget buys, its interval, and what cannot be told apart."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
import site_records

from harness.errors import BadInputError
from harness.variance import coverage, recommend
from harness.variance.recommend import Cost, Error


def rows(estimator="score_function", variance=4.0, squared_bias=0.0, trusted=True):
    """One record of two coordinates."""
    record = site_records.variances(np.random.default_rng(0))[0]
    return [
        msgspec.structs.replace(
            record, estimator=estimator, dimension=2, variance=variance, variance_low=variance / 1.1,
            variance_high=variance * 1.1, squared_bias=squared_bias, squared_bias_standard_error=0.0, trusted=trusted,
        )
    ]  # fmt: skip


EXACT_CLOCK = Cost(1e-6, 1e-6, 1e-6)


def test_error_is_noise_over_gradients_and_bias():
    """2 coordinates: 2 * 4 / 1000 of noise; a biased estimator adds 2 * 0.01, whatever the budget."""
    assert recommend.error(rows(), EXACT_CLOCK, 1e-3).value == pytest.approx(2 * 4 / 1000)
    biased = recommend.error(rows("gumbel_softmax", squared_bias=0.01), EXACT_CLOCK, 1e-3)
    assert biased.value == pytest.approx(2 * 4 / 1000 + 0.02)
    assert biased.bias_squared == pytest.approx(0.02)
    # an estimator that is unbiased by its law is not charged with a bias that was measured by chance
    assert recommend.error(rows(squared_bias=0.01), EXACT_CLOCK, 1e-3).bias_squared == 0.0


def test_error_of_the_logarithm_joins_variance_and_clock():
    found = recommend.error(rows(), Cost(1e-6, 1e-6 / 1.2, 1.2e-6), 1e-3)
    assert found.log_error == pytest.approx(math.hypot(math.log(1.1), math.log(1.2)) / 1.959964, rel=1e-6)


def test_budget_below_one_gradient_buys_nothing():
    assert recommend.error(rows(), EXACT_CLOCK, 0.9e-6) is None


def test_order_and_what_is_told_apart():
    measured = (
        [rows(variance=4.0), rows(variance=1.0), rows(variance=1.05), rows(variance=0.1, trusted=False)],
        [EXACT_CLOCK] * 4,
    )
    ranked = recommend.rank(measured, budget=1e-3)
    assert [row.rank for row in ranked] == [1, 2, 3, None]
    assert [row.as_good_as_the_best for row in ranked] == [True, True, False, False]
    assert ranked[-1].trusted is False
    assert ranked[-1].mean_squared_error is None
    assert ranked[0].low < ranked[0].mean_squared_error < ranked[0].high


def test_false_alarms_are_controlled():
    """Ten equal estimators, 2,000 repeats: any is told apart from the best in at most 5 %; 0.065 is 3 errors above.

    The best of ten is below the others by selection: a bound over nine comparisons would err in 25 % of the repeats.
    """
    random = np.random.default_rng(5)
    wrong = 0
    for _ in range(2000):
        values = sorted(np.exp(0.05 * random.standard_normal(10)))
        errors = [Error(value, 0.05, 0.0, 1.0, True) for value in values]
        wrong += any(recommend.told_apart(errors[0], other, 10) for other in errors[1:])
    assert wrong / 2000 <= 0.065


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"problem": "quadratik"}, "nearest"),
        ({"budget": 0.0}, "--budget is 0"),
        ({"budget": math.nan}, "--budget is nan"),
        ({"settings": {"temprature": 1.0}}, "unknown setting"),
        ({"turns": 2}, "turns is 2"),
        ({"replicates": 1}, "replicates is 1"),
    ],
)
def test_bad_input(changed, message):
    given = {"problem": "bernoulli", "budget": 0.01, "settings": {}, "backends": ["jax"]} | changed
    with pytest.raises(BadInputError, match=message):
        recommend.plan(**given)


def test_plan_takes_all_that_fit_and_the_settings_of_each():
    (cell,) = recommend.plan("bernoulli", 0.01, {"temperature": 0.2, "p": 0.3}, backends=["jax"])
    found = {row["estimator"]: row["settings"] for row in cell.work.arguments["rows"]}
    assert found["gumbel_softmax"]["temperature"] == 0.2
    assert "temperature" not in found["score_function"]
    assert all(settings["p"] == 0.3 for settings in found.values())


def test_each_backend_ranks_and_covers(workers, installed_backends):
    """The exact gradient of a bit is the best; coverage of 200 repeats at 95 %: below 0.88 with probability 1e-4."""
    ranking = recommend.plan("bernoulli", 0.01, {}, backends=installed_backends, replicates=4096, turns=6)
    covering = coverage.plan([("pathwise", "quadratic")], backends=installed_backends, replicates=[1000], repeats=200)
    found = workers.run([*ranking, *covering])
    for records in found[: len(ranking)]:
        assert records[0].estimator == "exact"
        assert records[0].mean_squared_error == 0.0
        assert len(records) > 10
    for records in found[len(ranking) :]:
        assert {record.quantity for record in records} == {"mean", "variance"}
        assert all(record.coverage >= 0.88 for record in records)
        assert all(record.untrusted == 0.0 for record in records if record.parameter == "loc")
