"""Bias and variance of every estimator on every problem, compared with exact values.

A bias is judged over all coordinates by `harness.variance.judging`. Intervals at 95 %, of the variance and of the mean
over coordinates, must miss one time in twenty: more misses mean that a variance or an interval is wrong, fewer that
intervals are too long.
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
from harness.statistics import bias
from harness.statistics.intervals import CONFIDENCE
from harness.variance import plan as variances
from harness.variance.judging import biased, described, reason_unknown

#: Chance that a sound backend has a number of misses, in a kind of interval, outside the accepted range.
LEVEL = 1e-4

#: Chance that a bias is found in any gradient of a sound backend.
FAMILY_WISE = bias.LEVEL

#: Roundings that are forgiven, in eps times the gradient's scale: where the variance is 0 they alone are left.
ROUNDINGS = bias.ROUNDINGS


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
        mean_inside: whether the exact gradient, averaged over coordinates, lies in the interval of the mean; None where
            the estimator is biased, or where its error is no more than rounding.
        variance_inside: whether the exact variance lies in its interval; None where there is none.
    """

    record: Variance
    mean_inside: bool | None
    variance_inside: bool | None


def rounding(record: Variance) -> float:
    """Return what rounding may do to one gradient: `ROUNDINGS` eps times its scale.

    Terms of order 1, at the problems' default settings, may cancel in a mean over coordinates. In a type that is not
    known here nothing is forgiven.
    """
    eps = floats.DTYPES[record.dtype].eps if record.dtype in floats.DTYPES else 0.0
    return ROUNDINGS * eps * (1.0 + abs(record.mean or 0.0) + math.sqrt(max(record.variance or 0.0, 0.0)))


def judge(record: Variance) -> Judged:
    """Compare the intervals of a record with its exact values."""
    return Judged(record, _mean_inside(record), _variance_inside(record))


def _mean_inside(record: Variance) -> bool | None:
    if ESTIMATORS[record.estimator].biased:
        return None
    if record.mean is None:
        return False
    off, error = record.bias, record.bias_standard_error
    if off is None or error is None or error <= rounding(record):
        return None
    return abs(off) <= error * float(stats.t.ppf(0.5 + CONFIDENCE / 2, record.replicates - 1))


def _variance_inside(record: Variance) -> bool | None:
    if record.exact_variance is None:
        return None
    if record.variance is None:
        return False
    if record.variance_low is None or record.variance_high is None:
        return None
    slack = rounding(record) ** 2
    return record.variance_low - slack <= record.exact_variance <= record.variance_high + slack


class Verdict(NamedTuple):
    """What one backend's records say together, in one dtype and on one device.

    Attributes:
        backend: whose.
        dtype: floating type.
        device: "cpu" or "gpu".
        what: "mean" or "variance", of which intervals are counted; "bias", of estimators that are unbiased by their
            row.
        intervals: how many were compared; gradients, for a bias.
        expected: misses that intervals of the stated confidence have; biases found without one.
        observed: misses; biases found, and gradients that are NaN or infinite.
        accepted: the least and the largest number of misses that are accepted, at `LEVEL`; of biases none, at
            `FAMILY_WISE`.
        worst: of a bias: the gradient with the least p-value, if one is below 1.
        sound: whether what was observed is accepted.
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
    """Judge the intervals and the biases of each backend, dtype and device.

    Backends and dtypes share their noise, and each is judged by itself. A record has one mean and one variance for
    each parameter, averaged over coordinates; parameters share their noise, so that the binomial law of the misses is
    an approximation. The level of the biases holds whatever they share.
    """
    groups: dict[tuple[str, str, str], list[Variance]] = defaultdict(list)
    for record in records:
        groups[record.backend, record.dtype, record.device].append(record)
    found = []
    for place, rows in groups.items():
        compared = [judge(row) for row in rows]
        found += [
            _intervals(place, "mean", [row.mean_inside for row in compared]),
            _intervals(place, "variance", [row.variance_inside for row in compared]),
            _biases(place, rows),
        ]
    return found


def _intervals(place: tuple[str, str, str], what: str, hits: Iterable[bool | None]) -> Verdict:
    known = [hit for hit in hits if hit is not None]
    count, misses = len(known), known.count(False)
    law = stats.binom(count, 1 - CONFIDENCE)
    least, most = int(law.ppf(LEVEL / 2)), int(law.isf(LEVEL / 2))
    sound = least <= misses <= most
    return Verdict(*place, what, count, count * (1 - CONFIDENCE), misses, (least, most), "", sound)


def _biases(place: tuple[str, str, str], records: Sequence[Variance]) -> Verdict:
    own = [row for row in records if not ESTIMATORS[row.estimator].biased]
    judged = [row for row in own if row.mean is None or row.bias_p_value is not None]
    found = [row for row in judged if row.mean is None or biased(row, len(judged), FAMILY_WISE)]
    worst = min(judged, key=_p_value, default=None)
    text = "" if worst is None or _p_value(worst) >= 1 else f"{worst.estimator} {worst.problem} {described(worst)}"
    return Verdict(*place, "bias", len(judged), FAMILY_WISE, len(found), (0, 0), text, not found)


def _p_value(record: Variance) -> float:
    return 0.0 if record.bias_p_value is None else record.bias_p_value


def notes(records: Sequence[Variance]) -> list[str]:
    """Return what the verdicts do not say, a line each: declared biases, and gradients whose bias is not known."""
    lines = []
    declared = [row for row in records if ESTIMATORS[row.estimator].biased and row.bias_p_value is not None]
    for name in dict.fromkeys(row.estimator for row in declared):
        own = [row for row in declared if row.estimator == name]
        found = sum(bool(biased(row, len(declared), FAMILY_WISE)) for row in own)
        lines.append(f"{name} is biased by its row: the bias is found in {found} of {len(own)} gradients")
    for row in records:
        unknown = reason_unknown(row)
        if unknown:
            lines.append(f"{row.backend} {row.dtype} {row.estimator} {row.problem} by {row.parameter}: {unknown}")
    return lines
