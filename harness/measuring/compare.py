"""Which of several stochastic gradients is the least noisy, for a gradient or for the seconds that it takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from harness.errors import BadInputError, shown
from harness.measuring.accumulate import Accumulator, tail_of
from harness.measuring.bias import Judge, Truth, require_level
from harness.measuring.measure import (
    centre_of,
    fraction,
    pilot_rows,
    require_most,
    require_replicates,
    size_for_precision,
    stream,
    summary,
)
from harness.measuring.progress import progress
from harness.measuring.reader import Reader, require_seed
from harness.measuring.results import Bias, Comparison, Measurement
from harness.statistics import sizes
from harness.statistics.bias import LEVEL
from harness.statistics.intervals import CONFIDENCE, Estimate

Float = NDArray[np.float64]

#: Chance that any subject is wrongly distinguished from the best one.
FAMILY_WISE = 0.05

#: The most replicates that a comparison may take.
AT_MOST = 10**6

_Z = float(ndtri((1 + CONFIDENCE) / 2))


def log_ratio_error(one: float, other: float, squares: Float, others: Float) -> float:
    """Return the standard error of log(one / other), two total variances whose replicates are paired.

    The influence of a replicate on log V is q / V - 1, q its squared deviation, so that the error is that of the mean
    of q_one / V_one - q_other / V_other: what both have in common cancels.
    """
    difference = squares / one - others / other
    return float(difference.std(ddof=1)) / math.sqrt(len(difference))


def variance_ratio(one: float, other: float, squares: Float, others: Float) -> Estimate:
    """Return the ratio of two total variances with its interval on the log scale.

    Args:
        one: total variance of the numerator.
        other: of the denominator.
        squares: |g - c|^2 of every replicate of the numerator.
        others: likewise of the denominator, from the same seeds.
    """
    if not (one > 0 and other > 0):
        value = math.nan if one == other else (math.inf if one > 0 else 0.0)
        return Estimate(value, value, value)
    value, error = one / other, log_ratio_error(one, other, squares, others)
    reach = math.exp(_Z * error)
    return Estimate(value, value / reach, value * reach, value * error)


def mean_squared_error(found: Measurement, bias: Bias | None, seconds: float) -> Estimate:
    """Return the expected |estimate - E g|^2 of the mean of the gradients that some seconds buy, at least one.

    A bias that was found counts with its square.
    """
    n = max(math.floor(seconds / found.seconds_per_gradient), 1)
    parts = [part / n for part in found.total_variance[:3]]
    if bias is not None and bias.biased:
        parts = [part + (distance * bias.scale) ** 2 for part, distance in zip(parts, bias.distance[:3], strict=True)]
    return Estimate(*parts)


def best_of(errors: Mapping[str, Estimate], spread: Callable[[str, str], float], level: float) -> frozenset[str]:
    """Return the names that cannot be distinguished from that of the least error.

    By the logarithm of their ratio against Bonferroni's bound over all ordered pairs: the best one is chosen by the
    same numbers, so that comparisons with it alone would be too few.

    Args:
        errors: by name.
        spread: of two names, the standard error of the logarithm of their ratio.
        level: chance that any is wrongly distinguished.
    """
    known = {name: error.value for name, error in errors.items() if math.isfinite(error.value)}
    if not known:
        return frozenset()
    best = min(known, key=lambda name: known[name])
    bound = -float(ndtri(level / max(len(known) * (len(known) - 1), 1)))
    found = {best}
    for name, value in known.items():
        if known[best] <= 0 or value <= 0:
            if value == known[best]:
                found.add(name)
        elif math.log(value / known[best]) <= bound * spread(name, best):
            found.add(name)
    return frozenset(found)


def require_seconds(seconds: object) -> float | None:
    """Return seconds for one estimate.

    Raises:
        BadInputError: they are not above 0.
    """
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
        raise BadInputError(f"seconds is {shown(seconds)}; allowed: a number above 0; as in seconds=0.01")
    return float(seconds)


def _require_subjects(subjects: object) -> dict[str, Any]:
    if not isinstance(subjects, Mapping) or not subjects or not all(isinstance(name, str) for name in subjects):
        raise BadInputError(
            f'subjects is {shown(subjects)}; allowed: a dict of subjects by name; as in {{"rloo": a, "reinforce": b}}'
        )
    return dict(subjects)


def compare(
    subjects: Mapping[str, Callable[[int, int], Any]],
    truth: Any = None,
    *,
    seconds: float | None = None,
    replicates: int | None = None,
    precision: float | str = "5%",
    detect: float | str = 0.05,
    level: float = LEVEL,
    scale: float | None = None,
    seed: int = 0,
    at_most: int = AT_MOST,
) -> Comparison:
    """Compare stochastic gradients of one quantity: variance, cost, and bias where the truth is known.

    All subjects get the same seeds, so that ratios of variances are paired where they take the same noise from them.
    The best one has the least total variance among those not called biased; with `seconds`, the least mean squared
    error |E g - truth|^2 + tr Cov g / n of the n gradients that these seconds buy, amortised.

    Args:
        subjects: by name, each as in `measure`, all of one structure.
        truth: as in `bias`; None judges no bias.
        seconds: that one estimate may take.
        replicates: gradients of each subject; None computes the number from pilots, `precision` and `detect`.
        precision: half-width of the interval of each total variance, relative to it.
        detect: the bias to be found, relative to |truth|.
        level: chance that a subject without bias is called biased.
        scale: a norm in place of |truth|, for a truth that is 0.
        seed: from which all seeds come.
        at_most: the largest number of replicates; where the bias takes more, `detectable` is above `detect`.

    Returns:
        A `Comparison`.

    Raises:
        BadInputError: a subject, the truth or an argument cannot be used.
        UndecidedError: the precision takes more than `at_most` replicates, or has no size.
    """
    require_seed(seed)
    require_level(level)
    wanted, share = fraction("precision", precision), fraction("detect", detect)
    budget = require_seconds(seconds)
    count = None if replicates is None else require_replicates(replicates, 8)
    most = require_most(at_most, 8)
    readers = {name: Reader(subject, seed, name) for name, subject in _require_subjects(subjects).items()}
    first = next(iter(readers.values()))
    goal = None if truth is None else Truth(truth, first.layout, seed)
    for reader in readers.values():
        if {leaf[:2] for leaf in reader.layout.leaves} != {leaf[:2] for leaf in first.layout.leaves}:
            raise BadInputError(
                f"{reader.name} and {first.name} have gradients of different structure: "
                f"{_structure(reader)} and {_structure(first)}; compare gradients by the same parameters"
            )
        reader.layout = first.layout
    every = [*readers.values(), *([] if goal is None or goal.reader is None else [goal.reader])]
    pilots = dict(zip([*readers, None], pilot_rows(every, seed), strict=False))
    others = pilots.get(None)
    judges = {
        name: Judge(reader, goal, pilots[name], others, detect=share, level=level, scale=scale)
        for name, reader in readers.items()
        if goal is not None
    }
    centres = {name: centre_of(pilots[name]).mean for name in readers}
    if count is None:
        sought = [
            size_for_precision(sizes.pilot(pilots[name]), _trusted(pilots[name], centres[name]), wanted, most, name)
            for name in readers
        ]
        count = int(min(max(*sought, *(judge.needed for judge in judges.values()), 0), most))
    del pilots
    kept = {name: Accumulator(reader.layout, centres[name], count) for name, reader in readers.items()}
    tests = {name: judge.test(count) for name, judge in judges.items()}
    with progress(f"comparing {len(readers)} gradients", count) as bar:
        for blocks in stream(every, count, seed, bar):
            for name, rows in zip(readers, blocks, strict=False):
                kept[name].add(rows)
                if name in tests:
                    tests[name].add(rows, *blocks[len(readers) :])
    found = {name: summary(reader, kept[name], seed) for name, reader in readers.items()}
    biases = {name: judge.result(tests[name], seed) for name, judge in judges.items()}
    return conclude(found, {name: np.concatenate(kept[name].total) for name in readers}, biases, budget)


def conclude(
    found: Mapping[str, Measurement], squares: Mapping[str, Float], biases: Mapping[str, Bias], seconds: float | None
) -> Comparison:
    """Return the comparison of measurements that are made."""
    errors = {
        name: one.total_variance if seconds is None else mean_squared_error(one, biases.get(name), seconds)
        for name, one in found.items()
    }
    fair = {
        name: error
        for name, error in errors.items()
        if seconds is not None or name not in biases or not biases[name].biased
    }

    def spread(one: str, other: str) -> float:
        return log_ratio_error(
            found[one].total_variance.value, found[other].total_variance.value, squares[one], squares[other]
        )

    return Comparison(
        measurements=dict(found),
        squares=dict(squares),
        biases=dict(biases),
        seconds=seconds,
        errors=errors,
        best=best_of(fair, spread, FAMILY_WISE),
        level=FAMILY_WISE,
    )


def _trusted(rows: NDArray[np.floating], centre: Float) -> bool | None:
    squares = np.square(np.asarray(rows, np.float64) - centre).sum(axis=1)
    return tail_of(np.sort(squares)[-math.isqrt(len(rows)) - 1 :]).trusted


def _structure(reader: Reader) -> str:
    return ", ".join(f"{leaf.path or 'an array'} {list(leaf.shape)}" for leaf in reader.layout.leaves[:5])
