"""The coordinates that a pattern is looked for in: a mean, the truth, the errors of both, and their leaves.

A view is the whole gradient or some of its leaves. Everything is computed in blocks of coordinates, so that a gradient
of 10^7 coordinates takes one array of its size beside those that the caller has: the mean's error with its rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Integer = NDArray[np.intp]
Index = slice | Integer

#: Coordinates that are computed at once.
BLOCK = 2**17

#: Rounding of a coordinate in itself, and in the largest of its leaf: gradients are sums in float32.
ROUNDING, LEAF_ROUNDING = 2.0**-20, 2.0**-24

#: Least standard error, so that its square does not underflow.
TINY = 1e-150

#: Coordinates of the largest bias, and of the largest truth, in standard errors, at which a pattern is tried first.
SCREENED = 256


class LeafLike(Protocol):
    """A leaf of a tree of arrays: coordinates `start` to `stop` of the flat gradient, in C order."""

    @property
    def path(self) -> str:
        """Path in the tree, such as "layer.weight"."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one gradient's leaf."""

    @property
    def start(self) -> int:
        """First coordinate."""

    @property
    def stop(self) -> int:
        """Coordinate after the last."""


class Segment(NamedTuple):
    """A leaf within a view; its coordinates are `start` to `stop` of the view."""

    path: str
    shape: tuple[int, ...]
    start: int
    stop: int

    def coordinate(self, position: int) -> str:
        """Return the name of a coordinate, such as "layer.weight[3, 1]", by its position within the leaf."""
        if not self.shape:
            return self.path or "the only coordinate"
        index = ", ".join(str(int(i)) for i in np.unravel_index(position, self.shape))
        return f"{self.path}[{index}]"


class Term(NamedTuple):
    """The mean gradient of one term of the objective, [D], and its standard error, [D]."""

    mean: Float
    error: Float


@dataclass(frozen=True)
class View:
    """Some coordinates of a gradient whose mean differs from the truth.

    Attributes:
        mean: of the gradient, [D].
        error: standard error of the mean, its rounding included, [D].
        truth: [D].
        truth_error: standard error of the truth, [D].
        segments: the leaves, one after the other; together they are all D coordinates.
        samples: in one gradient, or None where it is not known.
        terms: by name.
        choices: number of sets of leaves from which this one was chosen by its bias.
    """

    mean: Float
    error: Float
    truth: Float
    truth_error: Float
    segments: tuple[Segment, ...]
    samples: int | None
    terms: Mapping[str, Term]
    choices: int = 1

    @property
    def size(self) -> int:
        """Number of coordinates."""
        return len(self.mean)

    def z(self, index: Index) -> Float:
        """Return mean - truth in standard errors at some coordinates."""
        return np.asarray((self.mean[index] - self.truth[index]) / combined(self.error[index], self.truth_error[index]))

    @cached_property
    def squares(self) -> float:
        """Sum over the coordinates of z^2."""
        return sum(float(np.square(self.z(block)).sum()) for block in blocks(0, self.size))

    @cached_property
    def screen(self) -> Integer:
        """Coordinates of the largest bias and of the largest truth, in standard errors, in ascending order."""
        biased = largest(self.size, lambda block: np.abs(self.z(block)))
        visible = largest(self.size, lambda block: np.abs(self.truth[block]) / self.error[block])
        return np.union1d(biased, visible)

    def of_leaves(self, numbers: Sequence[int], choices: int) -> View:
        """Return the view of some leaves."""
        chosen = [self.segments[number] for number in numbers]

        def taken(values: Float) -> Float:
            parts = [values[leaf.start : leaf.stop] for leaf in chosen]
            return parts[0] if len(parts) == 1 else np.concatenate(parts)

        return replace(
            self,
            mean=taken(self.mean),
            error=taken(self.error),
            truth=taken(self.truth),
            truth_error=taken(self.truth_error),
            segments=adjacent(chosen),
            terms={name: Term(taken(term.mean), taken(term.error)) for name, term in self.terms.items()},
            choices=choices,
        )


def sum_of_squares(first: Float, second: Float | None = None) -> float:
    """Return |first|^2, or |first - second|^2, block by block."""
    total = 0.0
    for block in blocks(0, len(first)):
        part = first[block] if second is None else first[block] - second[block]
        total += float(np.square(part).sum())
    return total


def adjacent(leaves: Sequence[LeafLike]) -> tuple[Segment, ...]:
    """Return leaves as segments that follow one another from coordinate 0; those without coordinates are skipped."""
    segments: list[Segment] = []
    start = 0
    for leaf in leaves:
        stop = start + leaf.stop - leaf.start
        if stop > start:
            segments.append(Segment(leaf.path, tuple(leaf.shape), start, stop))
        start = stop
    return tuple(segments)


def combined(*errors: Float | float) -> Float:
    """Return the root of the sum of squares: the standard error of a sum of independent numbers."""
    return np.sqrt(sum(np.square(error) for error in errors), dtype=np.float64)


def blocks(start: int, stop: int) -> Iterator[slice]:
    """Yield the coordinates from start to stop in blocks."""
    for first in range(start, stop, BLOCK):
        yield slice(first, min(first + BLOCK, stop))


def largest(size: int, values: Callable[[slice], Float], count: int = SCREENED) -> Integer:
    """Return the coordinates of the largest values, at most `count`."""
    best, where = np.empty(0), np.empty(0, np.intp)
    for block in blocks(0, size):
        new = values(block)
        best, where = np.concatenate([best, new]), np.concatenate([where, np.arange(block.start, block.stop)])
        if len(best) > count:
            top = np.argpartition(best, -count)[-count:]
            best, where = best[top], where[top]
    return where


def with_rounding(mean: Float, error: Float, truth: Float, segments: Sequence[Segment]) -> Float:
    """Return the standard error of the mean with its rounding, [D], above 0 wherever mean or truth is not 0.

    A gradient in float32 that has no noise still differs from the truth by rounding, relative to itself and, where
    terms cancel, relative to its leaf.
    """
    total = np.empty_like(error)
    for leaf in segments:
        scale = max(float(np.abs(values[leaf.start : leaf.stop]).max()) for values in (mean, truth))
        for block in blocks(leaf.start, leaf.stop):
            rounded = ROUNDING * np.maximum(np.abs(mean[block]), np.abs(truth[block])) + LEAF_ROUNDING * scale
            total[block] = combined(error[block], rounded)
    return np.maximum(total, TINY, out=total)
