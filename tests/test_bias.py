"""The rule of bias: its level for skewed gradients, its power wherever the bias is, and mutations that break it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from harness.statistics import bias, robust, sizes
from harness.statistics.bias import DIRECTIONS, BiasTest, Verdict

Array = np.ndarray
Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]


def normal(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return random.normal(size=shape)


def skewed(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return x^2 (x - 0.3) + 0.3, x normal: like a score function, of mean 0, skewness 1 and kurtosis 30."""
    x = random.normal(size=shape)
    return x * x * (x - 0.3) + 0.3


def shared(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return noise of which all coordinates share 0.8 of the variance."""
    return math.sqrt(0.8) * random.normal(size=(shape[0], 1)) + math.sqrt(0.2) * random.normal(size=shape)


def judged(
    random: np.random.Generator, draw: Draw, off: Array, truth: Array, replicates: int, level: float = 1e-3
) -> Verdict:
    test = BiasTest(truth, len(truth), replicates, eps=2.0**-52, level=level)
    left = replicates
    while left:
        n = min(left, 700)
        test.add(truth + off + draw(random, (n, len(truth))))
        left -= n
    return test.verdict()


@pytest.mark.parametrize("draw", [normal, skewed, shared], ids=lambda draw: draw.__name__)
@pytest.mark.parametrize("coordinates", [1, 4, 100])
def test_level(draw: Draw, coordinates: int) -> None:
    """At a level of 1e-2, 200 unbiased gradients alarm at most 9 times: more have a chance of 1e-4."""
    random = np.random.default_rng(coordinates)
    truth = np.ones(coordinates)
    alarms = sum(judged(random, draw, 0 * truth, truth, 1024, 1e-2).p_value < 1e-2 for _ in range(200))
    assert alarms <= 9


def test_students_t_does_not_hold_its_level_here() -> None:
    """The gradient of a score function of x^4, 512 replicates, level 1e-3: Catoni's test holds, Student's does not.

    4,000 samples: 4 alarms are expected at the level, 14 or more have a chance of 1e-4.
    """
    random = np.random.default_rng(5)
    x = random.normal(size=(4000, 512 + 64))
    y = x * x * (x * x - 1) - 2
    scale, test = y[:, :64], y[:, 64:]
    log_p = [robust.log_p_value(row, float(other.var()), math.log(2e3)) for row, other in zip(test, scale, strict=True)]
    assert sum(p < math.log(1e-3) for p in log_p) < 14
    assert (stats.ttest_1samp(test, 0, axis=1).pvalue < 1e-3).sum() > 28


@pytest.mark.parametrize("draw", [normal, skewed, shared], ids=lambda draw: draw.__name__)
@pytest.mark.parametrize("where", ["one", "all", "factor"])
@pytest.mark.parametrize("coordinates", [1, 4, 100])
def test_power(draw: Draw, where: str, coordinates: int) -> None:
    """Of 30 biased gradients of the size that the stated power of 0.99 takes, 26 are found: fewer by 1e-5."""
    random = np.random.default_rng([coordinates, len(where)])
    truth, found = np.ones(coordinates), 0
    norm = 0.2 * math.sqrt(coordinates)
    for _ in range(30):
        seen = sizes.pilot(truth + draw(random, (2048, coordinates)), truth)
        replicates = int(sizes.replicates(seen, norm, 1e-3))
        off = {
            "one": norm * np.eye(coordinates)[random.integers(coordinates)],
            "all": norm / math.sqrt(coordinates) * random.choice([-1.0, 1.0], coordinates),
            "factor": 0.2 * truth,
        }[where]
        found += judged(random, draw, off, truth, replicates).p_value < 1e-3
    assert found >= 26


def test_the_size_is_no_larger_than_it_must_be() -> None:
    """One coordinate of variance 1: the normal test at level 1e-6 and power 0.99 takes (4.9 + 2.3)^2 / b^2."""
    seen = sizes.pilot(np.random.default_rng(0).normal(size=(4096, 1)), np.ones(1))
    perfect = (stats.norm.isf(5e-7) + stats.norm.isf(0.01)) ** 2 / 0.05**2
    assert 1 < sizes.replicates(seen, 0.05) / perfect < 4


def test_sizes_and_what_is_detectable_are_inverse() -> None:
    seen = sizes.pilot(skewed(np.random.default_rng(1), (2048, 7)), np.ones(7))
    for norm in (0.05, 0.2):
        assert sizes.detectable(seen, int(sizes.replicates(seen, norm))) == pytest.approx(norm, rel=0.01)
    assert sizes.replicates(seen, 0.0) == math.inf


def test_opposite_errors_cancel_in_an_average_and_not_here() -> None:
    random, truth = np.random.default_rng(2), np.ones(4)
    off = np.array([0.3, -0.3, 0.0, 0.0])
    found = judged(random, normal, off, truth, 4000, 1e-6)
    assert found.p_value < 1e-6
    assert found.coordinate in (0, 1)
    assert found.distance.low < 0.3 * math.sqrt(2) < found.distance.high


def biased_in(direction: str) -> tuple[Array, Array, Array]:
    """Return truth, bias and standard deviations for which a direction is the most telling."""
    random = np.random.default_rng(3)
    truth, spread = np.zeros(2000), np.ones(2000)
    truth[:20] = 3.0
    signs = random.choice([-1.0, 1.0], 2000)
    if direction == "dense":
        spread = np.where(np.arange(2000) < 1000, 0.1, 10.0)  # what is quiet shows it, and not to the norm's direction
        return truth, 0.2 * spread * signs, spread
    if direction == "sparse":
        return truth, np.where(np.arange(2000) < 30, 0.4, 0.0) * signs, spread
    if direction == "coordinate":
        return truth, 0.9 * np.eye(2000)[11], spread
    return truth, 0.1 * truth, spread


@pytest.mark.parametrize("direction", ["dense", "sparse", "coordinate", "truth"])
def test_every_direction_is_needed(direction: str) -> None:
    """A bias that one direction shows best is found by it, and is not found without the directions that see it."""
    truth, off, spread = biased_in(direction)
    test = BiasTest(truth, 2000, 400, eps=1e-16)
    test.add(truth + off + spread * np.random.default_rng(4).normal(size=(400, 2000)))
    found = test.verdict()
    assert found.p_value < 1e-6
    assert found.direction == direction


def test_what_tests_is_not_what_chooses() -> None:
    """Judged on the replicates that chose its directions, noise of 2,000 coordinates would be called biased."""
    random = np.random.default_rng(4)
    rows = random.normal(size=(512, 2000))
    honest = BiasTest(np.zeros(2000), 2000, 512, eps=1e-16)
    honest.add(rows)
    assert honest.verdict().p_value > 1e-6
    cheat = BiasTest(np.zeros(2000), 2000, 512, eps=1e-16)
    cheat.add(np.concatenate([rows[:256], rows[:256]]))
    assert cheat.verdict().p_value < 1e-6


def test_rounding_is_no_bias() -> None:
    """An exact float32 gradient by logits, whose coordinates are roundings of 0: no bias; off by 1e-3: one."""
    truth = np.array([0.25, -0.25, 0.0])
    rounded = (truth + np.array([1e-8, 0.0, -3e-8])) * np.ones((200, 1))
    for off, low in ((0.0, False), (1e-3, True)):
        test = BiasTest(truth, 3, 200, eps=2.0**-23, scale=0.2)
        test.add(rounded + off)
        assert (test.verdict().p_value < 1e-6) is low
    blind = BiasTest(truth, 3, 200, eps=0.0)
    blind.add(rounded)
    assert blind.verdict().p_value < 1e-6  # without the rule of rounding it is called biased


def test_the_error_of_a_truth_counts() -> None:
    """A truth that is the mean of 16 noisy runs: the gradient is not called biased for the noise of the truth."""
    random = np.random.default_rng(6)
    runs = 1.0 + 0.2 * random.normal(size=(16, 5))
    rows = 1.0 + 0.5 * random.normal(size=(20_000, 5))
    with_error = BiasTest(runs.mean(axis=0), 5, 20_000, eps=1e-16, truth_rows=runs)
    without = BiasTest(runs.mean(axis=0), 5, 20_000, eps=1e-16)
    for test in (with_error, without):
        test.add(rows)
    assert with_error.verdict().p_value > 1e-6 > without.verdict().p_value


def test_a_tail_without_variance_is_not_trusted() -> None:
    random = np.random.default_rng(7)
    test = BiasTest(np.zeros(2), 2, 20_000, eps=1e-16)
    test.add(random.standard_t(1.5, size=(20_000, 2)))
    assert test.verdict().trusted is False


def test_blocks_of_any_size_give_one_verdict() -> None:
    rows = np.random.default_rng(8).normal(size=(1000, 6))
    found = []
    for size in (1000, 333, 7):
        test = BiasTest(np.full(6, 0.1), 6, 1000, eps=1e-16)
        for first in range(0, 1000, size):
            test.add(rows[first : first + size])
        found.append(test.verdict())
    assert found[0].p_value == pytest.approx(found[1].p_value) == pytest.approx(found[2].p_value)
    assert len({one.coordinate for one in found}) == 1


def test_coverage_of_the_distance() -> None:
    """Of 300 intervals of the norm of a bias, 95 % should hold it: 262 or fewer, or 300, have a chance of 1e-6."""
    random = np.random.default_rng(9)
    truth, off = np.ones(30), 0.15 * np.ones(30)
    norm, hits = float(np.linalg.norm(off)), 0
    for _ in range(300):
        distance = judged(random, shared, off, truth, 600).distance
        hits += distance.low <= norm <= distance.high
    assert 263 <= hits <= 300


@pytest.mark.parametrize("coordinates", [1, 3])
def test_directions_of_the_same_weights_are_tested_once_with_the_same_verdict(
    coordinates: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one coordinate all five directions are one test; the verdict is that of testing each of them."""
    random = np.random.default_rng(12)
    rows = 0.08 + random.normal(size=(20_000, coordinates))
    truth = np.full(coordinates, 1e-3)
    tested, untouched = [], robust.log_p_value

    def counted(*arguments: Any, **named: Any) -> float:
        tested.append(1)
        return untouched(*arguments, **named)

    monkeypatch.setattr(robust, "log_p_value", counted)
    found = []
    for number in range(2):
        if number:
            monkeypatch.setattr(bias, "_first_of_its_kind", lambda *_: list(range(len(DIRECTIONS))))
        test = BiasTest(truth, coordinates, len(rows), eps=1e-16)
        test.add(rows)
        found.append(test.verdict())
    assert found[0].p_value == pytest.approx(found[1].p_value, rel=1e-9)
    assert found[0].p_value < 1e-3
    assert len(tested) - len(DIRECTIONS) == (1 if coordinates == 1 else 4)  # of three, sparse is dense
