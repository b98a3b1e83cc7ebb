"""Ranking of estimators: the error that a budget buys, its interval, and what cannot be told apart."""

from __future__ import annotations

import math
from dataclasses import replace

import msgspec
import numpy as np
import pytest
import site_records
from plugins_for_tests import needs_torch

from harness.errors import BadInputError
from harness.estimators import ESTIMATORS
from harness.variance import coverage, ranking, recommend
from harness.variance.ranking import Cost, Error, Skipped


def rows(estimator="score_function", variance=4.0, squared_bias=0.0, trusted=True, p_value=None):
    """One record of two coordinates."""
    record = site_records.variances(np.random.default_rng(0))[0]
    return [
        msgspec.structs.replace(
            record, estimator=estimator, dimension=2, variance=variance, variance_low=variance / 1.1,
            variance_high=variance * 1.1, squared_bias=squared_bias, squared_bias_standard_error=0.0, trusted=trusted,
            bias_p_value=p_value,
        )
    ]  # fmt: skip


EXACT_CLOCK = Cost(1e-6, 1e-6, 1e-6, 4096, 1e-4)


def test_error_is_noise_over_gradients_and_bias():
    """2 coordinates: 2 * 4 / 1000 of noise; a biased estimator adds 2 * 0.01, whatever the budget."""
    assert ranking.error(rows(), EXACT_CLOCK, 1e-3).value == pytest.approx(2 * 4 / 1000)
    biased = ranking.error(rows("gumbel_softmax", squared_bias=0.01), EXACT_CLOCK, 1e-3)
    assert biased.value == pytest.approx(2 * 4 / 1000 + 0.02)
    assert biased.bias_squared == pytest.approx(0.02)
    # an estimator that is unbiased by its law is not charged with a bias that was measured by chance
    assert ranking.error(rows(squared_bias=0.01), EXACT_CLOCK, 1e-3).bias_squared == 0.0


def test_error_of_the_logarithm_joins_variance_and_clock():
    found = ranking.error(rows(), Cost(1e-6, 1e-6 / 1.2, 1.2e-6, 4096, 1e-4), 1e-3)
    assert found.log_error == pytest.approx(math.hypot(math.log(1.1), math.log(1.2)) / 1.959964, rel=1e-6)


def test_budget_below_one_gradient_buys_nothing():
    assert ranking.error(rows(), EXACT_CLOCK, 0.9e-6) is None


def test_order_and_what_is_told_apart():
    measured = (
        [rows(variance=4.0), rows(variance=1.0), rows(variance=1.05), rows(variance=0.1, trusted=False)],
        [EXACT_CLOCK] * 4,
    )
    ranked = ranking.rank(measured, budget=1e-3)
    assert [row.rank for row in ranked] == [1, 2, 3, None]
    assert [row.as_good_as_the_best for row in ranked] == [True, True, False, False]
    assert ranked[-1].trusted is False
    assert ranked[-1].mean_squared_error is None
    assert ranked[0].low < ranked[0].mean_squared_error < ranked[0].high


def test_oracles_are_derived_from_the_rows_of_the_table():
    assert {name for name, row in ESTIMATORS.items() if row.needs_oracle} == {
        "exact",
        "score_function_constant",
        "score_function_optimal",
    }


def test_what_needs_an_oracle_has_no_rank_and_comes_last():
    """`exact` has no error, a baseline half of the best: the first rank, and =, are those of what anybody has."""
    measured = (
        [
            rows("exact", variance=0.0), rows("score_function"), rows("score_function_constant", variance=2.0),
            rows("muprop", variance=8.0), rows("arm", trusted=False),
        ],
        [EXACT_CLOCK] * 5,
    )  # fmt: skip
    ranked = ranking.rank(measured, budget=1e-3)
    assert [(row.estimator, row.rank, row.needs_oracle) for row in ranked] == [
        ("score_function", 1, False),
        ("muprop", 2, False),
        ("arm", None, False),
        ("exact", None, True),
        ("score_function_constant", None, True),
    ]
    assert [row.as_good_as_the_best for row in ranked] == [True, False, False, False, False]
    assert [row.ratio for row in ranked] == [1.0, 2.0, None, 0.0, 0.5]
    assert ranked[3].mean_squared_error == 0.0


def test_oracles_are_no_comparisons():
    """Bonferroni's bound is over the ordered pairs of those that are ranked: 2 of them, however many oracles."""
    log_error = math.log(1.1) / 1.959964
    ratio = math.exp(2.2414 * math.hypot(log_error, log_error))  # the bound is 1.96 for 2 estimators, 2.64 for 4
    oracles = [rows("score_function_constant"), rows("score_function_optimal")]
    pair = [rows(), rows("muprop", variance=4.0 * ratio)]
    clocks = [EXACT_CLOCK] * 4
    assert not ranking.rank((pair + oracles, clocks), 1e-3)[1].as_good_as_the_best
    three = [rows(), rows("muprop", variance=4.0 * ratio), rows("arm"), rows("disarm")]
    assert all(row.as_good_as_the_best for row in ranking.rank((three, clocks), 1e-3))


def test_without_anybody_else_there_is_no_ratio():
    (only,) = ranking.rank(([rows("exact", variance=0.0)], [EXACT_CLOCK]), 1e-3)
    assert (only.rank, only.ratio, only.mean_squared_error) == (None, None, 0.0)


def test_what_is_skipped_is_a_record_with_its_reason():
    skipped = [Skipped("exact", "p=0.5", 1, "2^100 outcomes")]
    found = ranking.rank(([rows()], [EXACT_CLOCK]), 1e-3, skipped)
    assert [(row.estimator, row.skipped, row.needs_oracle) for row in found] == [
        ("score_function", "", False),
        ("exact", "2^100 outcomes", True),
    ]
    assert (found[1].problem, found[1].backend, found[1].settings) == (found[0].problem, found[0].backend, "p=0.5")


def test_seconds_alone_and_the_block_are_in_the_record():
    (row,) = ranking.rank(([rows()], [EXACT_CLOCK]), 1e-3)
    assert (row.seconds_per_gradient, row.block, row.seconds_alone) == (1e-6, 4096, 1e-4)


def test_a_bias_that_is_seen_is_charged_and_marked():
    """A score function that rolls its coordinates: unbiased by its row, with a bias that every coordinate shows.

    Its error would be that of the right one, with which it would be tied; 1e-3 is a chance deviation among 2 records.
    """
    right, rolled = rows("score_function"), rows("muprop", squared_bias=0.05, p_value=1e-12)
    chance = rows("arm", squared_bias=0.05, p_value=1e-3)
    found = {row.estimator: row for row in ranking.rank(([right, rolled, chance], [EXACT_CLOCK] * 3), 1e-3)}
    assert {name: row.bias_seen for name, row in found.items()} == {
        "score_function": False, "muprop": True, "arm": False,
    }  # fmt: skip
    assert found["muprop"].bias_squared == pytest.approx(0.1)
    assert found["muprop"].rank == 3
    assert not found["muprop"].as_good_as_the_best
    assert found["arm"].bias_squared == 0.0
    # what is biased by its law is charged anyway, and not marked
    (by_law,) = ranking.rank(([rows("gumbel_softmax", squared_bias=0.05, p_value=1e-12)], [EXACT_CLOCK]), 1e-3)
    assert (by_law.bias_seen, by_law.bias_squared) == (False, pytest.approx(0.1))


def test_false_alarms_are_controlled():
    """Ten equal estimators, 2,000 repeats: any is told apart from the best in at most 5 %; 0.065 is 3 errors above.

    The best of ten is below the others by selection: a bound over nine comparisons would err in 25 % of the repeats.
    """
    random = np.random.default_rng(5)
    wrong = 0
    for _ in range(2000):
        values = sorted(np.exp(0.05 * random.standard_normal(10)))
        errors = [Error(value, 0.05, 0.0, 1.0, True) for value in values]
        wrong += any(ranking.told_apart(errors[0], other, 10) for other in errors[1:])
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


def only(cell, *estimators):
    """Return a cell that measures some of its estimators."""
    rows = [row for row in cell.work.arguments["rows"] if row["estimator"] in estimators]
    return replace(cell, work=replace(cell.work, arguments={**cell.work.arguments, "rows": rows}))


def test_each_backend_ranks_and_covers(workers, installed_backends):
    """A bit, 0.3: coverage of 200 repeats at 95 % is below 0.88 with probability 1e-4."""
    chosen = ("score_function", "gumbel_softmax", "exact", "score_function_constant", "score_function_optimal")
    planned = recommend.plan("bernoulli", 0.01, {"p": 0.3}, backends=installed_backends, replicates=4096, turns=6)
    ranks = [only(cell, *chosen) for cell in planned]
    covering = coverage.plan([("pathwise", "quadratic")], backends=installed_backends, replicates=[1000], repeats=200)
    found = workers.run([*ranks, *covering])
    for records in found[: len(ranks)]:
        assert records[0].rank == 1
        assert not any(record.needs_oracle for record in records[:-3])
        assert {record.estimator for record in records[-3:]} == {
            "exact", "score_function_constant", "score_function_optimal",
        }  # fmt: skip
        assert records[-3].estimator == "exact"
        assert records[-3].mean_squared_error == 0.0
        assert {record.block for record in records} == {4096}
        # a call costs microseconds, of which a gradient in a block of 4,096 has its share
        assert all(record.seconds_alone > 10 * record.seconds_per_gradient > 0 for record in records)
        assert not any(record.bias_seen for record in records)
    for records in found[len(ranks) :]:
        assert {record.quantity for record in records} == {"mean", "variance"}
        assert all(record.coverage >= 0.88 for record in records)
        assert all(record.untrusted == 0.0 for record in records if record.parameter == "loc")


def test_one_gradient_alone_has_noise_of_one_replicate(workers, one):
    """Gamma variates are made here, normals by the framework: each source has a call of one gradient."""
    planned = [recommend.plan(name, 0.01, {}, backends=[one], replicates=512, turns=6)[0]
               for name in ("gamma_quadratic", "quadratic")]  # fmt: skip
    cells = [only(cell, "score_function") for cell in planned]
    for cell, records in zip(cells, workers.run(cells), strict=True):
        assert cell.work.arguments["rows"][0]["source"] == ("shared" if "gamma" in cell.key else "framework")
        assert all(record.seconds_alone > 0 for record in records)


@needs_torch
def test_a_score_function_that_rolls_its_coordinates_is_marked(begin, workers):
    """By logits its gradients add up to 0 as they should, so that an average over coordinates sees nothing."""
    begin(
        "estimator",
        "rolled",
        ("torch.py", "ahead = objective(distribution.sample(rows, noise), rows, constants)",
         "x = distribution.sample(parameters, noise)"),
        ("torch.py", "behind = objective(distribution.sample(rows, -noise), rows, constants)",
         "f = objective(x, rows, constants).detach()"),
        ("torch.py", "return (ahead + behind) / 2", "return f * distribution.log_prob(x, rows)"),
        ("torch.py", "return autodiff.per_replicate_gradient(mean_of_pair, parameters, noise.shape[0])",
         "found = autodiff.per_replicate_gradient(mean_of_pair, parameters, noise.shape[0])\n"
         "    return {name: value.roll(1, -1) for name, value in found.items()}"),
        ("__init__.py", 'frozenset({"reparameterizable"})', "frozenset()"),
    )  # fmt: skip
    (cell,) = recommend.plan("categorical_quadratic", 0.01, {}, backends=["torch"], replicates=8192, turns=6)
    (records,) = workers.run([only(cell, "rolled", "score_function")])
    found = {record.estimator: record for record in records if not record.skipped}
    assert {name: row.bias_seen for name, row in found.items()} == {"rolled": True, "score_function": False}
    assert found["rolled"].bias_squared > 0.01
    assert (found["score_function"].rank, found["rolled"].rank) == (1, 2)
    assert not found["rolled"].as_good_as_the_best
