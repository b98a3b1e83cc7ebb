"""Permutations that mistakes make: coordinates rolled, reversed or exchanged, axes of a leaf transposed.

Each is a map from a coordinate of a leaf to the coordinate of the truth that arrives there, so that the prediction
truth[source] is computed at any coordinates without an array of the gradient's size.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from harness.statistics.patterns.fit import Candidate, fit, log_chance, remark
from harness.statistics.patterns.view import Float, Index, Integer, Segment, View

#: Chance of a coincidence at which each pattern is claimed.
PERMUTATION, TRANSPOSITION = 0.02, 0.02

#: Most coordinates for which the best roll is found by a Fourier transform, and most axes that are permuted.
MOST_CORRELATED, MOST_AXES = 2**21, 4

Shape = tuple[int, ...]
Source = Callable[[Integer, Shape], Integer]


class Rearrangement(NamedTuple):
    """A permutation.

    Attributes:
        text: how the truth becomes the mean.
        source: coordinate of the truth at given coordinates of the mean, within a leaf of a given shape.
        segments: the leaves that it acts on, one by one.
        transposition: whether axes change their places.
        tried: number of permutations of its kind among which it was selected.
    """

    text: str
    source: Source
    segments: Sequence[Segment]
    transposition: bool = False
    tried: int = 1


def rolled(by: int, position: Integer, shape: Shape) -> Integer:
    """Return the source of numpy.roll(truth, by)."""
    return (position - by) % math.prod(shape)


def backwards(position: Integer, shape: Shape) -> Integer:
    """Return the source of the truth in reverse order."""
    return math.prod(shape) - 1 - position


def rolled_along(by: int, axis: int, position: Integer, shape: Shape) -> Integer:
    """Return the source of numpy.roll(truth, by, axis); a leaf without that axis stays as it is."""
    if axis >= len(shape):
        return position
    index = list(np.unravel_index(position, shape))
    index[axis] = (index[axis] - by) % shape[axis]
    return np.ravel_multi_index(tuple(index), shape)


def backwards_along(axis: int, position: Integer, shape: Shape) -> Integer:
    """Return the source of numpy.flip(truth, axis); a leaf without that axis stays as it is."""
    if axis >= len(shape):
        return position
    index = list(np.unravel_index(position, shape))
    index[axis] = shape[axis] - 1 - index[axis]
    return np.ravel_multi_index(tuple(index), shape)


def transposed(order: tuple[int, ...] | None, inverse: bool, position: Integer, shape: Shape) -> Integer:
    """Return the source of the values of numpy.transpose(truth, order), written into the truth's shape in C order.

    Args:
        order: of the axes; None reverses them. A leaf with another number of axes stays as it is.
        inverse: the truth's values are read as the transposed leaf instead, and transposed back.
        position: coordinates of the mean.
        shape: of the leaf.
    """
    axes = tuple(reversed(range(len(shape)))) if order is None else order
    if len(axes) != len(shape) or len(axes) < 2:
        return position
    turned = tuple(shape[axis] for axis in axes)
    if inverse:
        index = np.unravel_index(position, shape)
        return np.ravel_multi_index(tuple(index[axis] for axis in axes), turned)
    index = np.unravel_index(position, turned)
    return np.ravel_multi_index(tuple(index[axes.index(axis)] for axis in range(len(axes))), shape)


def predicted(view: View, rearrangement: Rearrangement, index: Index) -> tuple[Float, Float]:
    """Return the rearranged truth and its standard error at coordinates in ascending order."""
    where = np.arange(index.start, index.stop) if isinstance(index, slice) else index
    source = np.empty_like(where)
    segments = rearrangement.segments
    cuts = np.searchsorted(where, [segment.stop for segment in segments])
    for segment, first, last in zip(segments, (0, *cuts), cuts, strict=False):
        if last > first:
            local = rearrangement.source(where[first:last] - segment.start, segment.shape)
            source[first:last] = local + segment.start
    return view.truth[source], view.truth_error[source]


def _correlated(view: View) -> int:
    """Return the k at which the truth rolled by k correlates most with the mean."""
    spectrum = np.fft.rfft(view.mean) * np.conj(np.fft.rfft(view.truth))
    return int(np.argmax(np.fft.irfft(spectrum, view.size)))


def rearrangements(view: View) -> Iterator[Rearrangement]:
    """Yield the permutations that are tried, the simple ones first."""
    leaves = view.segments
    whole = (Segment("", (view.size,), 0, view.size),)
    each = " leaf by leaf" if len(leaves) > 1 else ""
    ranks = {len(leaf.shape) for leaf in leaves}
    if len(leaves) == 2 and leaves[0].stop - leaves[0].start == leaves[1].stop - leaves[1].start:
        text = f"with leaves '{leaves[0].path}' and '{leaves[1].path}' exchanged"
        yield Rearrangement(text, partial(rolled, leaves[1].start), whole)
    for by in (1, -1):
        yield Rearrangement(f"rolled by {by}{each}", partial(rolled, by), leaves)
    yield Rearrangement(f"reversed{each}", backwards, leaves)
    if each:
        for by in (1, -1):
            yield Rearrangement(f"rolled by {by}", partial(rolled, by), whole)
        yield Rearrangement("reversed", backwards, whole)
    for axis in range(min(max(ranks), MOST_AXES) if max(ranks) > 1 else 0):
        for by in (1, -1):
            yield Rearrangement(f"rolled by {by} along axis {axis}{each}", partial(rolled_along, by, axis), leaves)
        yield Rearrangement(f"reversed along axis {axis}{each}", partial(backwards_along, axis), leaves)
    yield from _transpositions(leaves, each)
    if view.size <= MOST_CORRELATED:
        by = _correlated(view)
        yield Rearrangement(f"rolled by {by}", partial(rolled, by), whole, tried=view.size)


def _transpositions(leaves: Sequence[Segment], each: str) -> Iterator[Rearrangement]:
    orders: list[tuple[int, ...] | None] = [None]
    for rank in sorted({len(leaf.shape) for leaf in leaves}):
        if 2 < rank <= MOST_AXES:
            orders += [order for order in itertools.permutations(range(rank)) if order != tuple(range(rank))]
    if max(len(leaf.shape) for leaf in leaves) < 2:
        return
    for order in orders:
        text = f"with its axes {'in reverse order' if order is None else f'in the order {order}'}{each}"
        for inverse in (False, True):
            name = f"read in the transposed shape, {text}" if inverse else text
            yield Rearrangement(name, partial(transposed, order, inverse), leaves, transposition=True)


def permutations(view: View) -> Iterator[Candidate]:
    """Yield the rearrangements that fit."""
    rows = list(rearrangements(view)) if view.size > 1 else []
    for row in rows:
        fitted = fit(view, partial(predicted, view, row))
        if fitted is not None:
            chance = log_chance(fitted, log_tried=math.log(len(rows) * row.tried))
            if row.transposition:
                text = f"axes are transposed: the mean fits the truth {row.text}{remark(fitted)}"
                yield Candidate("permutation", "transposition", text, None, chance, TRANSPOSITION)
            else:
                text = f"coordinates are permuted: the mean fits the truth {row.text}{remark(fitted)}"
                yield Candidate("permutation", "permutation", text, None, chance, PERMUTATION)
