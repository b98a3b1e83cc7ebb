r"""Patterns with one coefficient: mean = c truth (sign, zero, factor), and mean = truth + c term (missing, extra).

Both are y = c u, with y = mean - base, base 0 or the truth, and u the truth or the term. With independent coordinates
whose errors are v for y and w for u,

    c = sum y u / e^2 / sum (u^2 - w^2) / e^2,        e^2 = v^2 + c^2 w^2,

where w^2 removes the attenuation by the error of u. Coordinates of a gradient are dependent, and noise along the
gradient itself, such as that of a random scale, is common. By Minkowski's inequality the standard error of c is at most

    h = sum |u| / e / sum (u^2 - w^2) / e^2

whatever the dependence; the interval is c +- 1.96 h. It is exact for one coordinate and for fully dependent ones, and
too long by sqrt(D) for D independent ones that are equally precise. Under independence the standard error is
k = sqrt(sum u^2 / e^2) / sum (u^2 - w^2) / e^2. A usual coefficient, such as -1 or 1/2, is claimed only within 4 k:
dependent noise turns "1/2" into a number with an interval, not a number into "1/2".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from harness.statistics.intervals import CONFIDENCE, Estimate
from harness.statistics.patterns.fit import Candidate, fit, log_chance, remark
from harness.statistics.patterns.view import Float, Index, Term, View, blocks, combined

#: Share of the squares of a direction, its noise included, that must not be noise.
DIRECTION = 0.25

#: Standard errors under independence within which a usual coefficient must be.
CLOSE = 4.0

#: Factor below which the mean must be for sure to be called zero.
NOTHING = 0.1

#: Ratio to the interval under independence from which on a text says what the interval allows for.
LONGER = 2.0

#: Chances of a coincidence at which each pattern is claimed.
SIGN, ZERO, USUAL, FREE, TERM = 0.06, 0.04, 0.04, 0.02, 0.02


class Coefficient(NamedTuple):
    """An estimated coefficient, its interval under any dependence, and its standard error under independence."""

    estimate: Estimate
    independent: float


def coefficient(view: View, direction: Term, base: float) -> Coefficient | None:
    """Return the c of mean = base truth + c direction; None where noise hides the direction."""
    c = 1.0
    for _ in range(3 if direction.error.any() else 1):  # without errors the weights do not depend on c
        sums = np.zeros(4)
        for block in blocks(0, view.size):
            u, w = direction.mean[block], direction.error[block]
            y = view.mean[block] - base * view.truth[block]
            weight = 1 / (np.square(view.error[block]) + np.square(base * view.truth_error[block]) + np.square(c * w))
            squares = weight * np.square(u)
            sums += (
                (weight * y * u).sum(),
                squares.sum() - (weight * np.square(w)).sum(),
                squares.sum(),
                np.sqrt(squares).sum(),
            )
        crossed, power, whole, linear = (float(total) for total in sums)
        if not power > DIRECTION * whole:
            return None
        c = crossed / power
    half = float(ndtri((1 + CONFIDENCE) / 2)) * linear / power
    return Coefficient(Estimate(c, c - half, c + half, linear / power), math.sqrt(whole) / power)


def along(view: View, direction: Term, base: float, c: float, index: Index) -> tuple[Float, Float]:
    """Return the prediction base truth + c direction and its standard error."""
    predicted = base * view.truth[index] + c * direction.mean[index]
    return predicted, combined(base * view.truth_error[index], c * direction.error[index])


def usual_factors(samples: int | None) -> dict[float, str]:
    """Return the factors that mistakes make, and their names."""
    named = [(2.0, "2"), (0.5, "1/2")]
    if samples is not None and samples > 1:
        named += [(float(samples), "samples"), (1 / samples, "1/samples")]
        named += [
            ((samples - 1) / samples, "(samples - 1)/samples"),
            (samples / (samples - 1), "samples/(samples - 1)"),
        ]
    names: dict[float, str] = {}
    for value, name in named:
        names[value] = f"{names[value]} = {name}" if value in names else name
    return names


def interval(found: Coefficient) -> str:
    """Return a coefficient and its interval as texts show them."""
    low, value, high = found.estimate.low, found.estimate.value, found.estimate.high
    digits = 2 + math.ceil(max(math.log10(max(abs(value), high - value) / (high - value)), 0.0)) if high > value else 6
    dependent = found.estimate.standard_error > LONGER * found.independent
    note = ", whatever the dependence of the coordinates" if dependent else ""
    return f"{value:.{digits}g} ({low:.{digits}g} to {high:.{digits}g}{note})"


def _sign_text(found: Coefficient) -> str:
    return f"the sign is wrong: the mean is {interval(found)} times the truth"


def _factor_text(found: Coefficient, names: dict[float, str]) -> str:
    """Return the text of a factor, with the usual one if it is the only one that fits."""
    low, value, high = found.estimate.low, found.estimate.value, found.estimate.high
    near = [name for c, name in names.items() if abs(c - value) <= CLOSE * found.independent]
    within = {name for c, name in names.items() if low <= c <= high}
    usual = f", compatible with {near[0]}" if len(within.union(near)) == 1 == len(near) else ""
    sign = "the sign is wrong and there is " if high < 0 else ""
    return f"{sign}a constant factor {interval(found)}{usual}"


def factors(view: View) -> Iterator[Candidate]:
    """Yield the hypotheses mean = c truth that fit: c = -1, c = 0, a usual factor, any factor."""
    direction = Term(view.truth, view.truth_error)
    found = coefficient(view, direction, 0.0)
    if found is None:
        return
    estimate, names = found.estimate, usual_factors(view.samples)
    text = _factor_text(found, names)
    nothing = f"the mean is zero, no gradient arrives: it is {interval(found)} times the truth"
    rows = [(-1.0, "sign", _sign_text(found), SIGN, 1)]
    if abs(estimate.value) + CLOSE * found.independent <= NOTHING:
        rows += [(0.0, "zero", nothing, ZERO, 1)]
    rows += [(value, "factor", text, USUAL, len(names)) for value in names]
    for value, pattern, description, allowed, tried in rows:
        if abs(estimate.value - value) <= CLOSE * found.independent:
            fitted = fit(view, partial(along, view, direction, 0.0, value))
            if fitted is not None:
                chance = log_chance(fitted, log_tried=math.log(tried))
                yield Candidate("factor", pattern, description + remark(fitted), estimate, chance, allowed)
    fitted = fit(view, partial(along, view, direction, 0.0, estimate.value))
    if fitted is not None:
        negated = estimate.low <= -1 <= estimate.high
        pattern, description = ("sign", _sign_text(found)) if negated else ("factor", text)
        yield Candidate("factor", pattern, description + remark(fitted), estimate, log_chance(fitted, free=True), FREE)


def terms(view: View) -> Iterator[Candidate]:
    """Yield the hypotheses mean = truth + c term that fit, for each term: c = -1, c = 1, any c."""
    tried = math.log(max(len(view.terms), 1))
    for name, term in view.terms.items():
        found = coefficient(view, term, 1.0)
        if found is None:
            continue
        estimate = found.estimate
        whole = {-1.0: f"the term '{name}' is missing", 1.0: f"the term '{name}' leaks in or is counted twice"}
        size = f"mean - truth is {interval(found)} times it"
        pattern = "missing term" if estimate.value < 0 else "extra term"
        for value, text in whole.items():
            if abs(estimate.value - value) <= CLOSE * found.independent:
                fitted = fit(view, partial(along, view, term, 1.0, value))
                if fitted is not None:
                    chance = log_chance(fitted, log_tried=tried + math.log(len(whole)))
                    yield Candidate(f"term {name}", pattern, f"{text}: {size}{remark(fitted)}", estimate, chance, TERM)
        fitted = fit(view, partial(along, view, term, 1.0, estimate.value))
        if fitted is not None:
            verb = "is missing" if estimate.value < 0 else "leaks in"
            text = f"a part of the term '{name}' {verb}: {size}{remark(fitted)}"
            yield Candidate(f"term {name}", pattern, text, estimate, log_chance(fitted, True, tried), TERM)
