"""Assertions on stochastic gradients, with stated error rates and computed sizes.

Each returns what it measured where it passes, raises AssertionError where it fails, and UndecidedError where so many
replicates as are allowed do not decide: never a pass by default.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.special import ndtri

from harness.errors import BadInputError, UndecidedError, shown
from harness.measuring.accumulate import Accumulator, tail_of
from harness.measuring.bias import bias
from harness.measuring.compare import log_ratio_error
from harness.measuring.measure import centre_of, pilot_rows, require_most, stream
from harness.measuring.progress import progress
from harness.measuring.reader import Reader, require_seed
from harness.measuring.results import Bias
from harness.statistics import sizes
from harness.statistics.bias import LEVEL
from harness.statistics.intervals import Estimate
from harness.testing import measured

#: The most replicates that an assertion takes, unless the caller says otherwise.
AT_MOST = 10**6

#: By how much the size of `assert_quieter` exceeds what its pilot says: a pilot's ratio and spread have errors.
RESERVE = 2.0


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def assert_unbiased(
    subject: Callable[[int, int], Any],
    truth: Any,
    *,
    detect: float | str = 0.05,
    level: float = LEVEL,
    seed: int = 0,
    at_most: int = AT_MOST,
    scale: float | None = None,
    samples: int | None = None,
    terms: Mapping[str, Any] | None = None,
    name: str = "",
) -> Bias:
    """Assert that the mean of a gradient is the truth, in every coordinate.

    A bias of the norm detect * |truth| makes it fail with a power of 0.99, wherever it is; a gradient without bias
    makes it fail with a chance of at most `level`, for skewed and heavy-tailed distributions of finite variance too.
    Both rates rest on replicates that show the variance: what an event carries that is in none of them, such as one of
    a chance of 1e-5, is seen by no test.

    Args:
        subject: (seed, n) -> pytree of n independent gradients, each leaf [n, *shape].
        truth: numbers in the structure of one gradient, or another subject.
        detect: the bias to be found, relative to |truth|.
        level: chance of a false alarm, family-wise over all coordinates.
        seed: from which all seeds come.
        at_most: the largest number of replicates.
        scale: a norm in place of |truth|, for a truth that is 0.
        samples: in one gradient, for the diagnosis.
        terms: mean gradients of terms that may be missing or leak, by name, for the diagnosis.
        name: for messages; "" takes the subject's own.

    Returns:
        What was measured.

    Raises:
        AssertionError: there is a bias; the message names the coordinate, both values, what the bias looks like, and
            the seed that repeats it.
        UndecidedError: a bias of this size may be hidden by noise; it says how many replicates would show it.
        BadInputError: the subject, the truth or an argument cannot be used.
    """
    __tracebackhide__ = True
    found = bias(subject, truth, detect=detect, level=level, seed=seed, at_most=at_most, scale=scale, samples=samples,
                 terms=terms, name=name)  # fmt: skip
    size = f"{found.replicates:,} replicates, seed={seed}"
    if found.biased:
        measured.add(f"{found.name} is biased: p = {found.p_value:.1e}, {found.worst}, z = {found.z:.1f}; {size}")
        distance = found.distance
        raise AssertionError(
            f"{found.name} is biased: p = {found.p_value:.2g} (level {level:g}).\n"
            f"  worst coordinate  {found.worst}: mean {found.value:.6g}, truth {found.truth:.6g}, z = {found.z:.1f}\n"
            f"  distance          {_percent(distance.value)} of |truth| "
            f"[{_percent(distance.low)}, {_percent(distance.high)}]\n"
            f"  diagnosis         {found.diagnosis}\n"
            f"  repeat it with    seed={seed} ({found.replicates:,} replicates)"
        )
    if not found.decided:
        measured.add(f"{found.name}: undecided; {size}")
        wanted = (
            found.replicates * (found.detectable / found.detect) ** 2
            if math.isfinite(found.detectable)
            else float(sizes.fewest(level))
        )
        reason, fix = (
            (
                f"its tail is so heavy that {found.replicates:,} replicates state no level",
                "reduce its variance, or allow more with at_most",
            )
            if found.trusted is False
            else (
                f"{found.replicates:,} replicates are too few for a level of {level:g}",
                f"allow {wanted:,.0f} and more",
            )
            if math.isinf(found.detectable)
            else (
                f"a bias of {_percent(found.detect)} of |truth| may be hidden by noise: {found.replicates:,} "
                f"replicates show one of {_percent(found.detectable)}, and about {wanted:.2g} would be needed",
                "allow more with at_most, or ask for a larger detect",
            )
        )
        raise UndecidedError(
            f"{found.name}: undecided, {reason}; {fix} (seed={seed})",
            math.inf if found.trusted is False else wanted,
        )
    measured.add(
        f"{found.name} shows no bias; one of {_percent(found.detectable)} of |truth| would have been seen; {size}"
    )
    return found


def assert_quieter(
    subject: Callable[[int, int], Any],
    *,
    than: Callable[[int, int], Any],
    ratio: float = 1.0,
    confidence: float = 0.99,
    seed: int = 0,
    at_most: int = AT_MOST,
    name: str = "",
) -> Estimate:
    """Assert that the total variance of a gradient is at most `ratio` times that of another.

    Both are measured from the same seeds, in pairs. It passes where the upper end of the ratio's interval is at most
    `ratio`, and fails where the lower end is above it; each is wrong with a chance of at most 1 - confidence.

    Args:
        subject: the gradient that should be quieter.
        than: the other one, of the same structure.
        ratio: largest ratio of their total variances.
        confidence: of either end of the interval.
        seed: from which all seeds come.
        at_most: the largest number of replicates.
        name: for messages; "" takes the subject's own.

    Returns:
        The ratio with its interval.

    Raises:
        AssertionError: the subject is not so much quieter.
        UndecidedError: the interval holds `ratio`, or a tail is so heavy that there is none.
        BadInputError: a subject or an argument cannot be used.
    """
    __tracebackhide__ = True
    require_seed(seed)
    most = require_most(at_most, 8)
    for what, value, top in (("ratio", ratio, math.inf), ("confidence", confidence, 1.0)):
        if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 < value < top:
            allowed = "above 0" if math.isinf(top) else "between 0 and 1"
            raise BadInputError(f"{what} is {shown(value)}; allowed: a number {allowed}")
    readers = [Reader(subject, seed, name), Reader(than, seed)]
    if {leaf[:2] for leaf in readers[0].layout.leaves} != {leaf[:2] for leaf in readers[1].layout.leaves}:
        raise BadInputError(
            f"{readers[0].name} and {readers[1].name} have gradients of different structure; compare gradients by the "
            "same parameters"
        )
    readers[1].layout = readers[0].layout
    pilots = pilot_rows(readers, seed)
    centres = [centre_of(rows) for rows in pilots]
    quantile = float(ndtri(confidence))
    count = _size(pilots, [found.mean for found in centres], ratio, quantile, most)
    kept = [Accumulator(reader.layout, found.mean, count) for reader, found in zip(readers, centres, strict=True)]
    del pilots, centres
    with progress(f"comparing {readers[0].name} and {readers[1].name}", count) as bar:
        for blocks in stream(readers, count, seed, bar):
            for one, rows in zip(kept, blocks, strict=True):
                one.add(rows)
    totals = [one.total_variance().value for one in kept]
    trusted = all(tail_of(one.largest).trusted is not False for one in kept)
    found = _ratio(totals, [np.concatenate(one.total) for one in kept], quantile)
    shown_ratio = f"{found.value:.4g} [{found.low:.4g}, {found.high:.4g}]"
    line = (
        f"variance of {readers[0].name} over that of {readers[1].name}: {shown_ratio}, at most {ratio:g} asserted; "
        f"{count:,} replicates, seed={seed}"
    )
    measured.add(line)
    if not trusted or found.low <= ratio < found.high:
        reason = "the interval holds the ratio" if trusted else "a tail is so heavy that the interval is not trusted"
        gap = abs(math.log(found.value / ratio)) if found.value > 0 else 0.0
        wanted = count * (math.log(found.high / found.value) / gap) ** 2 if gap > 0 and trusted else math.inf
        raise UndecidedError(f"undecided, {reason}: {line}; about {wanted:.2g} replicates would be needed", wanted)
    if found.low > ratio:
        raise AssertionError(
            f"{readers[0].name} is not quieter: the ratio of total variances is {shown_ratio} at "
            f"{_percent(confidence)} confidence, above {ratio:g}.\n"
            f"  variances         {totals[0]:.6g} and {totals[1]:.6g}\n"
            f"  repeat it with    seed={seed} ({count:,} replicates)"
        )
    return found


def _ratio(totals: list[float], squares: list[Any], quantile: float) -> Estimate:
    """Return the ratio of total variances with its interval; a gradient without variance is quieter than any."""
    one, other = totals
    if one == 0 or other == 0:
        value = (1.0 if other == 0 else 0.0) if one == 0 else math.inf
        return Estimate(value, value, value)
    value, error = one / other, log_ratio_error(one, other, *squares)
    reach = math.exp(quantile * error)
    return Estimate(value, value / reach, value * reach, value * error)


def _size(pilots: list[Any], centres: list[Any], ratio: float, quantile: float, at_most: int) -> int:
    """Return the replicates at which the interval of the ratio leaves out `ratio`, with a power of 0.99."""
    squares = [
        np.square(np.asarray(rows, np.float64) - centre).sum(axis=1)
        for rows, centre in zip(pilots, centres, strict=True)
    ]
    one, other = (float(part.sum()) / (len(part) - 1) for part in squares)
    if not (one > 0 and other > 0):
        return sizes.LEAST
    gap = abs(math.log(one / other / ratio))
    spread = log_ratio_error(one, other, *squares) * math.sqrt(len(squares[0]))
    power = float(ndtri(sizes.POWER))
    wanted = RESERVE * ((quantile + power) * spread / gap) ** 2 if gap > 0 else math.inf
    return int(min(max(wanted, sizes.LEAST), at_most))
