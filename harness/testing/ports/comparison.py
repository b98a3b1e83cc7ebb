"""All numbers of two functions at the same inputs, with what rounding explains of their differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.errors import BadInputError
from harness.testing.ports.condition import ROUNDINGS, Explained, explain, rounded
from harness.testing.ports.evaluation import Group, Key, Side
from harness.testing.ports.frameworks import Array
from harness.testing.ports.inputs import EPSILON, RANGE, require_finite
from harness.testing.ports.structure import coordinate

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Row:
    """One array of both functions: a value, or the gradient of one by an input. All arrays are vectors.

    Attributes:
        kind: "value" or "gradient".
        output: path of the output.
        argument: path of the input that the gradient is by; "" for a value.
        shape: of the array.
        first: the numbers of the first function.
        second: those of the second.
        explained: largest difference that rounding explains.
        undecided: numbers of which no difference of their own size could be seen.
        connected: for each function, whether the gradient reaches the input.
        lost: for each function, numbers with an error, known from float64, that only roundings inside explain.
        nearest: smallest difference at inputs moved by a few roundings.
        unmoved: for each function, numbers that no move of the inputs changed.
    """

    kind: str
    output: str
    argument: str
    shape: tuple[int, ...]
    first: Array
    second: Array
    explained: Array
    undecided: Mask
    connected: tuple[bool, bool]
    lost: tuple[Mask, Mask]
    nearest: Array
    unmoved: tuple[Mask, Mask]

    @property
    def difference(self) -> Array:
        """|first - second|; 0 where both are the same infinity or both NaN, infinite where one only is."""
        return distance(self.first, self.second)

    @property
    def ratio(self) -> Array:
        """The difference in units of what rounding explains: at most 1 where it is explained."""
        difference = self.difference
        with np.errstate(all="ignore"):
            return np.where(difference == 0, 0.0, difference / self.explained)

    @property
    def differs(self) -> bool:
        """Whether rounding does not explain a difference."""
        return bool(np.any(self.ratio > 1))

    @property
    def title(self) -> str:
        """What the array is: "value of kl", "gradient by sigma"."""
        return Key(self.kind, self.output, self.argument).title

    def name(self, index: int) -> str:
        """Return the name of one number: "gradient by sigma[3]"."""
        return coordinate(self.title, self.shape, index)


class Decision(NamedTuple):
    """What was decided about numbers: attributes of `Row`, for all arrays as one vector."""

    explained: Array
    undecided: Mask
    lost: tuple[Mask, Mask]


class Comparison(NamedTuple):
    """All numbers of two functions.

    Attributes:
        dtype: the coarsest that both compute in.
        rows: the arrays of both.
    """

    dtype: str
    rows: tuple[Row, ...]


def distance(first: Array, second: Array) -> Array:
    """Return |first - second|; 0 where both are the same infinity or both NaN, infinite where one only is."""
    with np.errstate(all="ignore"):
        plain = np.abs(first - second)
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    return np.where(same, 0.0, np.where(np.isfinite(first) & np.isfinite(second), plain, np.inf))


def compare(first: Side, second: Side, seed: int) -> Comparison:
    """Compare all numbers of two functions at the same inputs, rounded to the coarsest dtype that both compute in.

    Raises:
        AssertionError: the results have different leaves or shapes.
        BadInputError: the inputs overflow in that dtype, or a function gives other numbers for the same inputs.
    """
    sides, inputs = (first, second), first.inputs
    dtype = max((first.dtype, second.dtype), key=lambda name: EPSILON[name])
    points = [rounded(point, dtype) for point in inputs.points]
    for place, point in zip(inputs.floating, points, strict=True):
        require_finite(inputs.paths[place], point, dtype)
    groups = [{group.key: group for group in side.groups(points)} for side in sides]
    _require_same_results(sides, groups)
    keys = [key for key in groups[0] if key in groups[1]]
    functions = [_numbers(side, keys, dtype) for side in sides]
    base = [_vector(found, keys, dtype) for found in groups]
    for side, function, numbers in zip(sides, functions, base, strict=True):
        _require_repeatable(side, [groups[0][key] for key in keys], numbers, function(points), dtype)
    found = explain(functions[0], functions[1], points, dtype, seed)
    largest = max(float(np.max(np.abs(part[np.isfinite(part)]), initial=0.0)) for part in (*points, *base))
    values = np.repeat([key.kind == "value" for key in keys], [groups[0][key].numbers.size for key in keys])
    decision = _decide(found, base, values, lambda: _doubles(sides, points, keys), largest, dtype)
    rows, start = [], 0
    for key in keys:
        group = groups[0][key]
        part = slice(start, start + group.numbers.size)
        start = part.stop
        rows.append(
            Row(
                *key,
                shape=group.shape,
                first=base[0][part],
                second=base[1][part],
                explained=decision.explained[part],
                undecided=decision.undecided[part],
                connected=(group.connected, groups[1][key].connected),
                lost=(decision.lost[0][part], decision.lost[1][part]),
                nearest=found.nearest[part],
                unmoved=(found.unmoved[0][part], found.unmoved[1][part]),
            )
        )
    return Comparison(dtype, tuple(rows))


def _decide(
    found: Explained,
    base: Sequence[Array],
    values: Mask,
    doubles: Callable[[], tuple[Array, ...]],
    largest: float,
    dtype: str,
) -> Decision:
    """Return the largest explained differences, and which numbers say nothing.

    Where moves of the inputs do not explain a difference, both functions are computed in float64. Their errors in the
    coarser dtype are known then, and explain differences too. Without float64, a difference as small as roundings of
    the largest number is undecided, unless it is of a value that moves in one function and not in the other. (Gradients
    are sums over all paths, of which larger terms may cancel to 0.)

    Args:
        found: what moves of the inputs explain.
        base: the numbers of both functions.
        values: which of them are values, the others gradients.
        doubles: returns them computed in float64; nothing where they cannot be.
        largest: the largest number that goes in or comes out.
        dtype: of the comparison.
    """
    with np.errstate(all="ignore"):
        difference = distance(*base)
        magnitude = np.fmax(np.abs(base[0]), np.abs(base[1]))
        more = np.isfinite(difference) & (difference > found.budget)
        explained, undecided = found.budget, np.zeros(more.shape, dtype=bool)
        lost = (undecided, undecided)
        if np.any(more):
            exact = doubles() if dtype != "float64" else ()
            if exact:
                errors = [np.nan_to_num(distance(*pair), posinf=0.0) for pair in zip(base, exact, strict=True)]
                explained = np.where(more, explained + 2 * (errors[0] + errors[1]), explained)
                lost = (more & (errors[0] > found.budget / 2), more & (errors[1] > found.budget / 2))
            else:
                hidden = ROUNDINGS[dtype] * EPSILON[dtype] * largest
                undecided = more & (difference <= hidden) & ~(values & (found.unmoved[0] != found.unmoved[1]))
                explained = np.where(undecided, hidden, explained)
        # a factor of 2 or 1/2 would not be seen
        unseen = (difference <= explained) & (explained >= np.maximum(magnitude / 2, 4 * RANGE[dtype][0]))
    return Decision(explained, undecided | unseen, lost)


def _numbers(side: Side, keys: Sequence[Key], dtype: str) -> Callable[[Sequence[Array]], Array]:
    """Return a function of the floating inputs that gives the numbers of some arrays as one vector."""
    return lambda points: _vector({group.key: group for group in side.groups(points)}, keys, dtype)


def _doubles(sides: Sequence[Side], points: Sequence[Array], keys: Sequence[Key]) -> tuple[Array, ...]:
    """Return the numbers of both functions computed in float64; nothing where one of them cannot be."""
    found = [side.in_float64(points) for side in sides]
    return (
        tuple(
            _vector({group.key: group for group in groups}, keys, "float64") for groups in found if groups is not None
        )
        if None not in found
        else ()
    )


def _vector(groups: Mapping[Key, Group], keys: Sequence[Key], dtype: str) -> Array:
    """Return arrays as one vector, in which numbers too large for the dtype are infinite."""
    numbers = np.concatenate([groups[key].numbers for key in keys])
    return np.where(np.abs(numbers) > RANGE[dtype][1], np.copysign(np.inf, numbers), numbers)


def _require_same_results(sides: Sequence[Side], groups: Sequence[Mapping[Key, Group]]) -> None:
    """Check that both functions return the same leaves, of the same shapes."""
    names = [{key.output for key in found if key.kind == "value"} for found in groups]
    for side, other, found, others in zip(sides, sides[::-1], names, names[::-1], strict=True):
        if found - others:
            paths = ", ".join(repr(path) if path else "one array" for path in sorted(found - others))
            raise AssertionError(
                f"the results have different structures: {side.name} returns {paths}, {other.name} does not"
            )
    for key in groups[0]:
        shapes = [found[key].shape for found in groups if key in found]
        if len(set(shapes)) > 1:
            raise AssertionError(
                f"the {groups[0][key].title} has shape {shapes[0]} in {sides[0].name}, {shapes[1]} in {sides[1].name}"
            )


def _require_repeatable(side: Side, groups: Sequence[Group], values: Array, again: Array, dtype: str) -> None:
    """Check that a function gives the same numbers for the same inputs, apart from rounding."""
    with np.errstate(all="ignore"):
        other = np.flatnonzero(distance(values, again) > np.sqrt(EPSILON[dtype]) * np.abs(values))
    if other.size:
        index = int(other[0])
        titles = [group.title for group in groups for _ in range(group.numbers.size)]
        raise BadInputError(
            f"{side.name} is random: its {titles[index]} is {values[index]:.6g}, then {again[index]:.6g} for the same "
            "inputs; allowed: functions of the inputs alone; pass the noise as an input"
        )
