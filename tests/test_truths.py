"""A truth with an error of its own: it is no bias, however small the error of the gradient is beside it."""

from __future__ import annotations

import numpy as np
import pytest

from harness.statistics import bias, truths
from harness.statistics.bias import BiasTest, Verdict

ROWS, COORDINATES, REPLICATES = 16, 400, 2000


def judged(seed: int, off: float = 0.0, spread: float = 0.01) -> Verdict:
    """A gradient whose mean over all replicates has an error of 2e-4 in each coordinate, beside a truth's of 0.01."""
    random = np.random.default_rng(seed)
    exact = random.normal(size=COORDINATES)
    rows = exact + 0.04 * random.normal(size=(ROWS, COORDINATES))
    test = BiasTest(rows.mean(axis=0), COORDINATES, REPLICATES, eps=1e-16, truth_rows=rows)
    test.add(exact + off + spread * random.normal(size=(REPLICATES, COORDINATES)))
    return test.verdict()


def test_an_error_of_the_truth_is_no_bias() -> None:
    """50 times larger than the gradient's own, in 400 coordinates: what chooses the direction must not test it.

    20 gradients without a bias are called biased with a chance of 2e-5; 95 % of their distances hold 0, all but one
    side of an interval, so that 3 that do not have a chance of 2e-3.
    """
    found = [judged(seed) for seed in range(20)]
    assert all(one.p_value > bias.LEVEL for one in found)
    assert sum(one.distance.low > 0 for one in found) < 3


def test_where_the_same_estimates_choose_and_test_it_is_called_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutation: without the split every one of them is called biased."""

    def together(values: truths.Float, rows: truths.Float | None) -> truths.Truth:
        assert rows is not None
        return truths.Truth(values, values, rows.var(axis=0, ddof=1) / len(rows), rows)

    monkeypatch.setattr(bias, "truth_of", together)
    assert all(judged(seed).p_value < bias.LEVEL for seed in range(3))


def test_a_bias_beyond_the_truth_s_error_is_found_and_measured() -> None:
    found = judged(0, off=0.05)
    assert found.p_value < bias.LEVEL
    assert found.distance.low < 1.0 < found.distance.high  # 0.05 sqrt(400)


def test_the_parts_of_a_truth() -> None:
    rows = np.arange(32.0).reshape(16, 2)
    truth = truths.truth_of(rows.mean(axis=0), rows)
    np.testing.assert_allclose(truth.choosing, rows[:4].mean(axis=0))
    np.testing.assert_allclose(truth.testing, rows[4:].mean(axis=0))
    np.testing.assert_allclose(truth.variance, rows[:4].var(axis=0, ddof=1) / 4)
    certain = truths.truth_of(rows[0], None)
    assert certain.certain
    assert certain.quantile(16.0) == certain.largest_error() == 0.0


def test_the_largest_error_is_that_of_the_worst_direction() -> None:
    """Errors that are one number times (3, 4): along (3, 4) / 5 the standard error is 5 times that of the number."""
    numbers = np.random.default_rng(1).normal(size=(16, 1))
    rows = numbers * np.array([3.0, 4.0])
    own = float(numbers[4:].std(ddof=1)) / np.sqrt(12)
    assert truths.truth_of(rows.mean(axis=0), rows).largest_error() == pytest.approx(5 * own)
