"""Mean and variance of every estimator on every problem, held against exact values: is the number of misses right?

An interval at 95 % must miss one time in twenty: more misses say that a mean, a variance or an interval is wrong, fewer
that intervals are too long. Backends see the same noise, so that their misses are not independent, and each is judged
by itself.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from scipy import stats

from harness import dtypes as floats
from harness.estimators import ESTIMATORS, fits
from harness.execution.work import Cell
from harness.kernels import select
from harness.plugins import texts
from harness.problems import PROBLEMS
from harness.results.schema import Variance
from harness.variance import plan as variances
from harness.variance.intervals import CONFIDENCE

#: Chance that a sound backend has a number of misses, in a kind of interval, outside the accepted range.
LEVEL = 1e-4

#: Chance that a sound backend has any deviation beyond the family-wise bound.
FAMILY_WISE = 1e-6

#: Roundings that are forgiven, in eps times the gradient's scale: where the variance is 0 they alone are left.
ROUNDINGS = 64


def plan(
    estimators: Sequence[str] = (),
    problems: Sequence[str] = (),
    *,
    backends: Sequence[str],
    dtypes: Sequence[str] = ("float64",),
    devices: Sequence[str] = ("cpu",),
    replicates: int = 100_000,
    seed: int = 0,
) -> list[Cell]:
    """Return the cells of every chosen pair that fits and has an exact gradient, at default settings.

    Args:
        estimators: names or globs; none means all.
        problems: names or globs; none means all.
        backends: reference backends.
        dtypes: floating types.
        devices: "cpu", "gpu".
        replicates: gradients of each.
        seed: of the noise.

    Raises:
        BadInputError: a name is unknown, or a number out of range.
    """
    exact = [name for name, row in PROBLEMS.items() if "exact" in row.features or row.exact]
    pairs = itertools.product(select(estimators, list(ESTIMATORS), "estimator"), select(problems, exact, "problem"))
    return [
        cell
        for estimator, problem in pairs
        if fits(estimator, problem) and (having := texts.having(backends, estimator, problem))
        for cell in variances.plan(
            estimator,
            problem,
            {},
            replicates=replicates,
            backends=having,
            dtypes=dtypes,
            devices=devices,
            seed=seed,
        )
    ]


class Judged(NamedTuple):
    """One record beside its laws.

    Attributes:
        record: the measurement.
        mean: distance of the mean from the exact gradient in standard errors, infinite where it is NaN or infinite;
            None where the estimator is biased.
        mean_inside: whether that is within the interval of the stated confidence.
        variance_inside: whether the exact variance lies in its interval; None where there is none.
    """

    record: Variance
    mean: float | None
    mean_inside: bool | None
    variance_inside: bool | None


def rounding(record: Variance) -> float:
    """Return what rounding may do to one gradient: `ROUNDINGS` eps times its scale.

    Terms of order 1, at the problems' default settings, may cancel in a mean over coordinates.
    """
    scale = 1.0 + abs(record.mean or 0.0) + math.sqrt(max(record.variance or 0.0, 0.0))
    return ROUNDINGS * floats.find(record.dtype).eps * scale


def judge(record: Variance) -> Judged:
    """Hold a record against its exact values."""
    forgiven = rounding(record)
    mean = inside = variance = None
    if record.mean is None and not ESTIMATORS[record.estimator].biased:
        mean, inside = math.inf, False
    elif record.bias is not None and record.bias_standard_error is not None and not ESTIMATORS[record.estimator].biased:
        beyond = max(abs(record.bias) - forgiven, 0.0)
        mean = beyond / record.bias_standard_error if record.bias_standard_error else (math.inf if beyond else 0.0)
        inside = mean <= stats.t.ppf(0.5 + CONFIDENCE / 2, record.replicates - 1)
    if record.exact_variance is not None and record.variance is None:
        variance = False
    elif record.exact_variance is not None and record.variance_low is not None and record.variance_high is not None:
        slack = forgiven**2
        variance = record.variance_low - slack <= record.exact_variance <= record.variance_high + slack
    return Judged(record, mean, inside, variance)


class Verdict(NamedTuple):
    """What one backend's records say together, in one dtype and on one device.

    Attributes:
        backend: whose.
        dtype: floating type.
        device: "cpu" or "gpu".
        what: "mean" or "variance".
        intervals: how many there are.
        expected: misses that intervals of the stated confidence have.
        observed: misses.
        accepted: the least and the largest number of misses that are accepted, at `LEVEL`.
        worst: of the means: the largest distance in standard errors, and of which estimator on which problem.
        sound: whether the misses are in the accepted range, and no mean is beyond the family-wise bound.
    """

    backend: str
    dtype: str
    device: str
    what: str
    intervals: int
    expected: float
    observed: int
    accepted: tuple[int, int]
    worst: str
    sound: bool


def verdicts(records: Iterable[Variance]) -> list[Verdict]:
    """Judge means and variances of each backend, dtype and device.

    A record has one mean and one variance for each parameter, averaged over coordinates; parameters share their noise,
    so that the binomial law of the misses is an approximation.
    """
    groups: dict[tuple[str, str, str], list[Judged]] = defaultdict(list)
    for record in records:
        groups[record.backend, record.dtype, record.device].append(judge(record))
    found = []
    for place, rows in groups.items():
        means = [row for row in rows if row.mean is not None]
        largest = max(means, key=lambda row: row.mean or 0.0, default=None)
        bound = stats.norm.isf(FAMILY_WISE / max(len(means), 1) / 2)
        worst, far = "", False
        if largest is not None and largest.mean is not None:
            far = largest.mean > bound
            worst = f"{largest.mean:.2f} {largest.record.estimator} {largest.record.problem} {largest.record.parameter}"
        for what, hits in (
            ("mean", [row.mean_inside for row in means]),
            ("variance", [row.variance_inside for row in rows if row.variance_inside is not None]),
        ):
            misses, count = sum(not hit for hit in hits), len(hits)
            law = stats.binom(count, 1 - CONFIDENCE)
            accepted = int(law.ppf(LEVEL / 2)), int(law.isf(LEVEL / 2))
            about_means = what == "mean"
            found.append(
                Verdict(
                    *place,
                    what=what,
                    intervals=count,
                    expected=count * (1 - CONFIDENCE),
                    observed=misses,
                    accepted=accepted,
                    worst=worst if about_means else "",
                    sound=accepted[0] <= misses <= accepted[1] and not (about_means and far),
                )
            )
    return found
