"""The tests and their error rates: an exact binomial test, chi-square, and the sample size that they need."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]

#: Probability of any false alarm in one report over all frameworks, dtypes, distributions and generators.
FAMILY_LEVEL = 1e-6
#: Probability that a defect of the detectable size is detected.
POWER = 0.99
#: The sample size is computed for this: an event of this probability, too frequent or too rare by this share.
PROBABILITY, CHANGE = 1e-3, 0.5


def per_test_level(tests: int, family_level: float = FAMILY_LEVEL) -> float:
    """Return the false-alarm level of one test, family_level / tests.

    Reference:
        Bonferroni's inequality: Dunn, Multiple Comparisons Among Means, 1961.
    """
    return family_level / tests


def binomial_p_value(count: int, draws: int, probability: float) -> float:
    """Return the exact two-sided p-value of a count: min(1, 2 min(P(K <= count), P(K >= count))).

    Reference:
        Clopper and Pearson, 1934: twice the smaller tail of the binomial distribution.
    """
    from scipy.stats import binom

    tails = binom.cdf(count, draws, probability), binom.sf(count - 1, draws, probability)
    return min(1.0, 2 * float(min(tails)))


def binomial_power(draws: int, probability: float, true_probability: float, level: float) -> float:
    """Return the probability that `binomial_p_value` <= level when an event has `true_probability`, exactly."""
    from scipy.stats import binom

    # the largest count with P(K <= count) <= level / 2, and the smallest with P(K >= count) <= level / 2
    low = int(binom.ppf(level / 2, draws, probability))
    low -= binom.cdf(low, draws, probability) > level / 2
    high = int(binom.isf(level / 2, draws, probability)) + 1
    return float(binom.cdf(low, draws, true_probability) + binom.sf(high - 1, draws, true_probability))


def _normal_sample_size(probability: float, true_probability: float, level: float, power: float) -> int:
    from scipy.special import ndtri

    spread = math.sqrt(probability * (1 - probability)), math.sqrt(true_probability * (1 - true_probability))
    width = -ndtri(level / 2) * spread[0] + ndtri(power) * spread[1]
    return math.ceil(float(width / (true_probability - probability)) ** 2)


@cache
def sample_size(level: float, probability: float = PROBABILITY, change: float = CHANGE, power: float = POWER) -> int:
    """Return how many draws detect that an event is too frequent, or too rare, by a share of its probability.

    From the normal approximation of the binomial, for the alternatives p' = p (1 + change) and p (1 - change),

        n = ((z(1 - level/2) sqrt(p (1 - p)) + z(power) sqrt(p' (1 - p'))) / (p' - p))^2,

    which at very small levels falls short by the binomial's skewness. So n is raised by 1 % at a time until the
    exact test has that power.

    Args:
        level: false-alarm level of the two-sided test.
        probability: of the event, p.
        change: relative, in (0, 1).
        power: probability of detection.

    Reference:
        Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions, 2003, equation 2.14.
    """
    alternatives = probability * (1 + change), probability * (1 - change)
    draws: int = max(_normal_sample_size(probability, other, level, power) for other in alternatives)
    while min(binomial_power(draws, probability, other, level) for other in alternatives) < power:
        draws = math.ceil(1.01 * draws)
    return draws


@cache
def detectable_ratio(draws: int, probability: float, level: float, power: float = POWER) -> float:
    """Return the factor by which an event must be too frequent to be detected with that power."""
    from scipy.optimize import brentq

    def lack(ratio: float) -> float:
        return binomial_power(draws, probability, min(ratio * probability, 1.0), level) - power

    return float(brentq(lack, 1.0, 1 / probability, xtol=1e-3))


def chi_square(counts: Int, probs: Float, draws: int) -> tuple[float, float]:
    """Return Pearson's statistic sum (count - n p)^2 / (n p) and its p-value with bins - 1 degrees of freedom.

    The least n p is here over 1000, where the chi-square distribution holds far into the tail.

    Reference:
        Cochran, The chi-square Test of Goodness of Fit, 1952.
    """
    from scipy.stats import chi2

    expected = draws * probs
    statistic = float(((counts - expected) ** 2 / expected).sum())
    return statistic, float(chi2.sf(statistic, len(probs) - 1))


@cache
def detectable_distance(bins: int, draws: int, level: float, power: float = POWER) -> float:
    """Return the distance sum (p' - p)^2 / p that `chi_square` detects with that power.

    The statistic is then noncentral chi-square with noncentrality draws * distance.

    Reference:
        Cochran, 1952, section 6.
    """
    from scipy.optimize import brentq
    from scipy.stats import chi2, ncx2

    critical = float(chi2.isf(level, bins - 1))
    noncentrality = brentq(lambda value: ncx2.sf(critical, bins - 1, value) - power, 1e-3, 20 * critical)
    return float(noncentrality / draws)


def seen_rate(draws: int, power: float = POWER) -> float:
    """Return the probability per draw that an event needs in order to be seen at all: 1 - (1 - power)^(1/draws)."""
    return -math.expm1(math.log1p(-power) / draws)
