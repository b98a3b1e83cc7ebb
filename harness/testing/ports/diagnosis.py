"""What the differences of two functions look like: a factor, a sign, a constant, a permutation, a missing gradient.

A pattern is reported only if it explains, up to rounding, every number of the arrays that differ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.testing.ports.comparison import Row, distance
from harness.testing.ports.frameworks import Array
from harness.testing.ports.inputs import EPSILON, RANGE

Names = tuple[str, str]
Order = NDArray[np.intp]

#: Constants that a port may drop, and their names.
CONSTANTS = {
    "log(2 pi) / 2": math.log(2 * math.pi) / 2,
    "log(2 pi)": math.log(2 * math.pi),
    "log(2 pi e) / 2": math.log(2 * math.pi * math.e) / 2,
    "log(pi)": math.log(math.pi),
    "log(pi) / 2": math.log(math.pi) / 2,
    "log(2)": math.log(2),
    "1": 1.0,
    "1 / 2": 0.5,
}
#: Numbers of at least this many times what rounding explains have digits that say what a factor is.
SIGNIFICANT = 20


def diagnose(rows: Sequence[Row], names: Names, dtype: str) -> list[str]:
    """Return sentences that say what the differences look like; none where the data single nothing out.

    Args:
        rows: the arrays of both functions.
        names: of the functions in messages.
        dtype: that they are compared in.
    """
    wrong = [row for row in rows if row.differs]
    infinite = [row for row in wrong if not np.all(np.isfinite(row.difference))]
    if infinite:
        return [sentence for row in infinite for sentence in _not_finite(row, names)]
    found = (
        _kink(wrong)
        or _stopped(wrong, names)
        or _constant(rows, wrong, names)
        or _single_precision(wrong, dtype)
        or _factor(rows, wrong, names)
        or _exchanged(wrong)
        or [sentence for row in wrong for sentence in _factor(rows, [row], names) or _arranged(row)]
        or _unmoved(wrong, names)
    )
    return found + [sentence for row in wrong for sentence in _few(row)]


def _not_finite(row: Row, names: Names) -> list[str]:
    """Report where one function overflows."""
    places = np.flatnonzero(np.isinf(row.difference))
    side = int(np.isfinite(row.first[places[0]]))
    return [
        f"{names[side]} is not finite in {places.size} of {row.first.size} numbers of the {row.title}, where "
        f"{names[1 - side]} is: an overflow, a division by 0 or a logarithm of 0"
    ]


def _kink(wrong: Sequence[Row]) -> list[str]:
    """Report differences that vanish beside the inputs."""
    if any(np.any((row.ratio > 1) & (row.nearest > row.explained)) for row in wrong):
        return []
    titles = ", ".join(row.title for row in wrong)
    return [
        f"the difference vanishes when the inputs move by a few roundings ({titles}): they are at a kink, such as that "
        "of ReLU at 0 or a tie of max, where conventions differ"
    ]


def _stopped(wrong: Sequence[Row], names: Names) -> list[str]:
    """Report gradients that do not reach an input in one function."""
    found = []
    for row in wrong:
        for side, (zero, other) in enumerate(((row.first, row.second), (row.second, row.first))):
            if row.kind == "gradient" and not np.any(zero) and np.any(np.abs(other) > SIGNIFICANT * row.explained):
                why = "it is stopped there" if row.connected[side] else "it is stopped, or the input is not used there"
                found.append(f"no gradient reaches {row.argument} in {names[side]}: {why}")
    return list(dict.fromkeys(found)) if len(found) == len(wrong) else []


def _constant(rows: Sequence[Row], wrong: Sequence[Row], names: Names) -> list[str]:
    """Report a constant by which values differ while gradients agree."""
    gradients = any(row.kind == "gradient" for row in rows)
    found = []
    for row in wrong:
        shift = row.second - row.first
        weights = _weights(row.explained)
        offset = float(np.sum(weights * shift) / np.sum(weights))
        single = row.first.size == 1 and not gradients
        unequal = np.any(np.abs(shift - offset) > row.explained) or np.any(row.ratio <= 1)
        if row.kind == "gradient" or single or unequal:
            return []
        sizes = {1, *(other.first.size for other in rows)}
        named = [
            f" (= {f'{size} ' if size > 1 else ''}{name})"
            for name, value in CONSTANTS.items()
            for size in sorted(sizes)
            if abs(abs(offset) - size * value) <= np.min(row.explained)
        ]
        found.append(
            f"the {row.title} of {names[1]} is that of {names[0]} {'plus' if offset > 0 else 'minus'} the constant "
            f"{abs(offset):.6g}{named[0] if named else ''}" + (", and the gradients agree" if gradients else "")
        )
    return found


def _factor(rows: Sequence[Row], wrong: Sequence[Row], names: Names) -> list[str]:
    """Report one factor of all numbers of the arrays that differ, where at least two numbers show it."""
    first, second, explained = (np.concatenate([getattr(row, part) for row in wrong]) for part in _NUMBERS)
    shown = np.abs(first) > SIGNIFICANT * explained
    if np.count_nonzero(shown) < 2:
        return []
    weights = _weights(explained)
    factor = float(np.sum(weights * first * second) / max(float(np.sum(weights * first**2)), RANGE["float64"][0]))
    error = float(np.max(explained[shown] / np.abs(first[shown])))
    if np.any(np.abs(second - factor * first) > (1 + abs(factor)) * explained) or abs(factor) <= 2 * error:
        return []
    everywhere = len(wrong) == len(rows)
    where = "values and gradients alike" if everywhere else ", ".join(row.title for row in wrong)
    if abs(factor + 1) <= 2 * error:
        return [f"the sign is opposite: {names[1]} is minus {names[0]} ({where})"]
    size = next(
        (
            f", {'' if power > 0 else '1 / '}the size of {row.argument or row.title}"
            for row in rows
            for power in (1, -1)
            if row.first.size > 2 and abs(abs(factor) - row.first.size**power) <= 2 * error * abs(factor)
        ),
        "",
    )
    number = f"{factor:.4g}" if f"{factor:.4g}" != "1" else f"1 {'+' if factor > 1 else '-'} {abs(factor - 1):.2g}"
    return [f"a constant factor: {names[1]} is {number} times {names[0]}{size} ({where})"]


def _weights(explained: Array) -> Array:
    """Return 1 / explained^2, scaled so that neither overflows."""
    return (np.min(explained[explained > 0], initial=np.inf) / np.maximum(explained, RANGE["float64"][0])) ** 2


#: Attributes of a row: both functions' numbers, and what rounding explains.
_NUMBERS = ("first", "second", "explained")


def _exchanged(wrong: Sequence[Row]) -> list[str]:
    """Report two inputs whose gradients are exchanged."""
    if len(wrong) != 2 or any(row.kind == "value" for row in wrong) or wrong[0].shape != wrong[1].shape:
        return []
    one, other = wrong
    allowed = one.explained + other.explained
    if np.any(distance(one.first, other.second) > allowed) or np.any(distance(one.second, other.first) > allowed):
        return []
    return [f"the gradients by {one.argument} and {other.argument} are exchanged"]


def _arranged(row: Row) -> list[str]:
    """Report numbers in another order: transposed, rolled, or permuted otherwise."""

    def same(order: Order, other: Order) -> bool:
        allowed = row.explained[order] + row.explained[other]
        return bool(np.all(distance(row.first[order], row.second[other]) <= allowed))

    orders = np.argsort(row.first), np.argsort(row.second)
    if np.array_equal(*orders) or not same(*orders):
        return []
    every = np.arange(row.first.size)
    shaped = every.reshape(row.shape)

    def fits(arranged: Order) -> bool:
        return arranged.shape == row.shape and same(arranged.reshape(-1), every)

    if len(row.shape) == 2 and fits(shaped.T):
        return [f"the {row.title} is transposed"]
    for axis, length in enumerate(row.shape):
        if fits(np.flip(shaped, axis)):
            return [f"the coordinates of the {row.title} are permuted: reversed along axis {axis}"]
        for by in range(1, min(length, 100)):
            if fits(np.roll(shaped, by, axis)):
                return [f"the coordinates of the {row.title} are permuted: rolled by {by} along axis {axis}"]
    return [f"the coordinates of the {row.title} are permuted"]


def _unmoved(wrong: Sequence[Row], names: Names) -> list[str]:
    """Report a function whose numbers do not change when the inputs move, though those of the other do."""
    for side in (0, 1):
        if wrong and all(np.all((row.unmoved[side] & ~row.unmoved[1 - side])[row.ratio > 1]) for row in wrong):
            return [
                f"{names[side]} does not change when the inputs move in the second half of their digits, "
                f"{names[1 - side]} does: digits are lost, as by log(1 + exp(x)), or a bound is reached"
            ]
    return []


def _single_precision(wrong: Sequence[Row], dtype: str) -> list[str]:
    """Report differences as small as float32's roundings, in a comparison in float64."""
    sizes = [row.difference / np.maximum(np.maximum(abs(row.first), abs(row.second)), RANGE[dtype][0]) for row in wrong]
    largest = max((float(np.max(size)) for size in sizes), default=0.0) / EPSILON["float32"]
    if dtype != "float64" or not 1 / SIGNIFICANT <= largest <= SIGNIFICANT:
        return []
    return [
        "the differences are as small as roundings of float32: a constant or a step may be of float32 in one of them; "
        'dtype="float32" compares them in float32'
    ]


def _few(row: Row) -> list[str]:
    """Report how many numbers of an array differ, where they are few."""
    bad = np.flatnonzero(row.ratio > 1)
    if row.first.size < 4 or bad.size > max(1, row.first.size // 10):
        return []
    places = ", ".join(row.name(int(index)) for index in bad[:3])
    return [f"only {bad.size} of {row.first.size} numbers of the {row.title} differ: {places}"]
