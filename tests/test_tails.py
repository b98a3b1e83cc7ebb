"""The tail diagnostic: it fires where the variance is infinite, and not on light tails."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness import noise
from harness.statistics import tails

REPEATS, REPLICATES = 1000, 10_000


def largest_of(quantile, random):
    """Squared deviations: the largest of many replicates, by the quantiles of the largest uniform numbers.

    The k largest of n uniform numbers are 1 - S_1 / S, 1 - S_2 / S, ... with S_j sums of exponentials: no need to draw
    those that are not looked at.
    """
    count = tails.size(REPLICATES) + 1
    steps = random.standard_exponential(count)
    rest = random.standard_gamma(REPLICATES + 1 - count)
    return quantile(np.cumsum(steps) / (steps.sum() + rest))  # of upper tail probabilities


def rate(quantile, purpose):
    random = noise.generator(0, "tails", purpose)
    return sum(tails.trusted(tails.shape(largest_of(quantile, random))) is False for _ in range(REPEATS)) / REPEATS


def student_2(p):
    """Square of Student's t with 2 degrees of freedom, at upper tail probability p: its variance is infinite."""
    return 2 * (1 - p) ** 2 / (p * (2 - p))


def squared_normal(p):
    from scipy.special import ndtri

    return ndtri(p / 2) ** 2


def test_fires_on_infinite_variance():
    """1,000 repeats: true rates were 0.94 (1,000 repeats of another seed); 0.9 is 5 standard errors below."""
    assert rate(student_2, "student") >= 0.9


def test_is_silent_on_light_tails():
    """1,000 repeats at 10,000 replicates: the shape of a squared normal's tail has a standard error of 0.1.

    So 0.7 is 7 of them away, and an alarm in 1,000 repeats has a probability below 1e-8.
    """
    assert rate(squared_normal, "normal") == 0.0


def test_shape_is_that_of_a_pareto_tail():
    """Standard error (1 + k) / sqrt(100): five of them."""
    for k in (0.5, 1.0, 2.0):
        found = tails.shape(largest_of(lambda p, k=k: p**-k, noise.generator(1, "pareto", str(k))))
        assert abs(found - k) <= 5 * (1 + k) / 10


@pytest.mark.parametrize(
    ("values", "shape", "trusted"),
    [
        (np.arange(20.0), None, None),  # too few
        (np.append(np.arange(30.0), np.inf), None, None),
        (np.full(50, 3.0), -math.inf, True),  # a bound
        (np.repeat([0.0, 1.0, 2.0], 40), -math.inf, True),  # atoms
    ],
)
def test_tails_that_have_no_shape(values, shape, trusted):
    assert tails.shape(values) == shape
    assert tails.trusted(tails.shape(values)) is trusted


def test_portions_keep_the_same_largest():
    values = noise.generator(2, "largest").standard_exponential(5000)
    whole = tails.keep(np.empty(0), values, 70)
    parts = np.empty(0)
    for portion in np.split(values, [3, 40, 41, 1000, 4200]):
        parts = tails.keep(parts, portion, 70)
    np.testing.assert_array_equal(np.sort(parts), np.sort(whole))
    np.testing.assert_array_equal(np.sort(whole), np.sort(values)[-71:])
