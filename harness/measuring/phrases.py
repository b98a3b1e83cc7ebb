"""Numbers in few digits and verdicts in sentences, the same in a terminal and on a page."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from harness.measuring.results import Bias, Measurement
from harness.statistics import sizes
from harness.statistics.intervals import Estimate

#: Characters of a name that is printed at most.
LONGEST_NAME = 40

#: Significant digits of an estimate at most.
MOST_DIGITS = 5

#: The smallest p-value that is printed as a number.
LEAST_P = 1e-300

#: Upper limits of the tail's shape k, and what a tail below each is called.
TAILS = ((0.5, "light"), (0.7, "heavy, with intervals that are still trusted"), (math.inf, "too heavy"))


class Verdict(NamedTuple):
    """The answer to the question whether a gradient is biased.

    Attributes:
        state: "good", "bad" or "open".
        words: "no bias found", "BIASED" or "UNDECIDED".
        sentence: what was found, or what would have been; it goes on after the words.
    """

    state: str
    words: str
    sentence: str


def name(text: str, longest: int = LONGEST_NAME) -> str:
    """Return a name on one line, without its middle where it is long: "encoder.layers.1...attention.weight"."""
    line = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    half = (longest - 3) // 2
    return line if len(line) <= longest else f"{line[: longest - 3 - half]}...{line[-half:]}"


def parameter(path: str, longest: int = LONGEST_NAME) -> str:
    """Return the name of a leaf; a bare array has none."""
    return name(path, longest) or "(the array)"


def number(value: float, digits: int = 3) -> str:
    """Return a number with so many significant digits: 4.02, 12,300, 1.2e-5, "-" for NaN."""
    if not math.isfinite(value):
        return "-" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    if 1e-3 <= abs(rounded) < 1e6:
        return f"{rounded:,.{max(digits - 1 - math.floor(math.log10(abs(rounded))), 0)}f}"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def _digits(value: float, half: float) -> int:
    """Return the significant digits of a number that show one digit of its interval's half-width, two from 1 to 2."""
    if value == 0 or not 0 < half < math.inf or not math.isfinite(value):
        return 3
    mantissa, exponent = f"{half:.1e}".split("e")
    shown = math.floor(math.log10(abs(value))) - int(exponent) + 1 + mantissa.startswith("1")
    return min(max(shown, 3), MOST_DIGITS)


def interval(found: Estimate, unit: float = 1.0) -> str:
    """Return "4.02 [4.00, 4.05]" in a unit; the value alone where no interval is known, or it is a point."""
    value, low, high = (part / unit for part in found[:3])
    if math.isnan(low) or math.isnan(high) or low == high:
        return number(value)
    shown = [number(part, _digits(part, (high - low) / 2)) for part in (value, low, high)]
    return f"{shown[0]} [{shown[1]}, {shown[2]}]"


def percent(share: float, digits: int = 2) -> str:
    """Return a share as "3.1 %", "-" for NaN."""
    return "-" if math.isnan(share) else f"{number(100 * share, digits)} %"


def chosen(value: float) -> str:
    """Return a number that someone chose, as it is written: 0.025, 1e-6."""
    mantissa, e, exponent = f"{value:.4g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if e else mantissa


def rate(share: float) -> str:
    """Return a share that someone chose, as it is written: "5 %"."""
    return f"{100 * share:.4g} %"


def at(confidence: float, shown: str) -> str:
    """Return an estimate with the confidence of its interval, where it has one: "4.02 [4.00, 4.05] at 95 %"."""
    return f"{shown} at {rate(confidence)}" if "[" in shown else shown


def percent_interval(found: Estimate) -> str:
    """Return "20.1 % [19.7, 20.5]"."""
    value, bracket, rest = interval(found, 0.01).partition(" [")
    return f"{value} %{bracket}{rest}"


def seconds(value: float, micro: str = "us") -> str:
    """Return measured seconds with a unit: "812 ns", "3.10 us", "4.72 ms", "2.20 s"."""
    unit, size = _unit(value, micro)
    return f"{number(value / size)} {unit}"


def budget(value: float, micro: str = "us") -> str:
    """Return seconds that someone chose, as they are written: "10 ms"."""
    unit, size = _unit(value, micro)
    return f"{value / size:.4g} {unit}"


def _unit(value: float, micro: str) -> tuple[str, float]:
    """Return the unit of a duration, and its seconds."""
    units = (("ns", 1e-9), (micro, 1e-6), ("ms", 1e-3))
    return next(((unit, size) for unit, size in units if value < 999.5 * size), ("s", 1.0))


def p_value(value: float) -> str:
    """Return a p-value in two digits, or "below 1e-300"."""
    return f"below {LEAST_P:g}" if value < LEAST_P else number(value, 2)


def plural(count: int, noun: str) -> str:
    """Return "1 gradient", "1,234 gradients"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listing(names: list[str]) -> str:
    """Return "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def tail(found: Measurement) -> str:
    """Return what is known of the tail: whether the intervals can be trusted, and why."""
    if found.total_variance.value == 0:
        return "none: every replicate is the same"
    if found.tail_shape is None:
        return "not known from so few replicates"
    words = next(words for limit, words in TAILS if found.tail_shape < limit)
    if found.trusted is False:
        return f"{words} (shape {found.tail_shape:.2f}): the intervals of variances cannot be trusted"
    return f"{words} (shape {found.tail_shape:.2f}): the intervals can be trusted"


def cost(found: Measurement, micro: str = "us") -> str:
    """Return seconds of one gradient, amortised and alone, each named."""
    return (
        f"{seconds(found.seconds_per_gradient, micro)} per gradient, amortised over calls of {found.block:,}; "
        f"{seconds(found.seconds_alone, micro)} for one alone"
    )


def verdict(found: Bias) -> Verdict:
    """Return whether a gradient is biased, and what would have been found."""
    if found.biased:
        return Verdict("bad", "BIASED", f"the mean is {percent_interval(found.distance)} of |truth| from the truth")
    if found.trusted is False:
        return Verdict("open", "UNDECIDED", "the tail is so heavy that no level can be stated")
    size = percent(found.detectable)
    if not found.decided:
        missed = f"no bias is found, but one of {rate(found.detect)} of |truth| might have been missed"
        if found.replicates < sizes.fewest(found.level):
            few = f"{plural(found.replicates, 'gradient')} are too few for a level of {found.level:g}"
            return Verdict("open", "UNDECIDED", f"{missed}: {few}")
        if not math.isfinite(found.detectable):
            return Verdict("open", "UNDECIDED", f"{missed}: no size of one is sure to be found")
        # a standard error falls like 1 / sqrt(replicates)
        needed = found.replicates * (found.detectable / found.detect) ** 2
        takes = f"one of {rate(found.detect)} takes about {number(needed, 2)}"
        return Verdict("open", "UNDECIDED", f"{missed}: these gradients find one of {size}, and {takes}")
    return Verdict("good", "no bias found", f"a bias of {size} of |truth| would have been found")


def by_parameter(found: Measurement, rows: int, longest: int = LONGEST_NAME) -> list[list[str]]:
    """Return cells of the first leaves: name, shape, coordinates, |mean|, variance, share of the total variance."""
    total = found.total_variance.value
    return [
        [
            parameter(leaf.path, longest),
            " x ".join(map(str, leaf.shape)) or "scalar",
            f"{leaf.stop - leaf.start:,}",
            number(float(np.linalg.norm(found.flat_mean[leaf.start : leaf.stop]))),
            interval(variance),
            percent(variance.value / total if total > 0 else math.nan, 3),
        ]
        for leaf, variance in zip(found.layout.leaves[:rows], found.leaf_variances, strict=False)
    ]


def worst(found: Bias) -> str:
    """Return the coordinate that deviates most, with both values."""
    return (
        f"{parameter(found.worst)}: mean {number(found.value, 4)}, truth {number(found.truth, 4)}, "
        f"z = {number(found.z)}"
    )
