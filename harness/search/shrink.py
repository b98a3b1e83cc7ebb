"""A simpler input that is still out of budget: fewer digits, ordinary exponents, zeros and ones, shorter vectors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from harness.search import domains
from harness.search.candidates import Candidate, Space

Array = NDArray[np.float64]

#: Significant bits to which numbers are cut.
BITS = (1, 2, 3, 4, 6, 8, 12, 18, 24, 36)


def complexity(candidate: Candidate) -> float:
    """Return the sum over all numbers of their significant bits, exponents and signs; directions count a tenth."""
    own = sum(_bits(float(x)) for array in candidate.arguments.values() for x in array.flat)
    directions = [candidate.cotangent, *candidate.factors.values()]
    return own + 0.1 * sum(_bits(float(x)) for array in directions for x in array.flat)


def _bits(x: float) -> float:
    if x == 0:
        return 0.5
    if not math.isfinite(x):
        return 3.0
    significand, exponent = math.frexp(abs(x))
    whole = int(math.ldexp(significand, 53))
    return 53 - ((whole & -whole).bit_length() - 1) + abs(exponent - 1) + (x < 0)


def cut(x: float, bits: int) -> float:
    """Round to so many significant bits."""
    significand, exponent = math.frexp(x)
    whole = round(math.ldexp(significand, bits))
    return x if exponent > 1023 and abs(whole) >> bits else math.ldexp(whole, exponent - bits)


def simpler_numbers(x: float) -> list[float]:
    """Return numbers that may stand for x: 0, 1, and x with fewer bits or an exponent nearer to 0."""
    if not math.isfinite(x):
        return [0.0, -1.0]
    exponent = math.frexp(x)[1] - 1
    nearer = [math.ldexp(x, -step) for step in {exponent // 2, exponent // 8, int(math.copysign(1, exponent))} if step]
    shorter = [cut(y, bits) for y in (x, *nearer) for bits in BITS]
    found = dict.fromkeys([0.0, 1.0, -x, *nearer, *shorter])
    return [y for y in found if _bits(y) < _bits(x)] if x else []


def proposals(space: Space, candidate: Candidate) -> list[Candidate]:
    """Return simpler candidates inside the domain, the simplest first."""
    own = complexity(candidate)
    found: dict[tuple[bytes, ...], Candidate] = {}
    for new in (*_shorter(space, candidate), *_plain(candidate), *_equal(candidate), *_single(space, candidate)):
        if complexity(new) < own and domains.valid(space.kernel, new.arguments, space.dtype, space.reach):
            found.setdefault(_key(new), new)
    return sorted(found.values(), key=complexity)


def _key(candidate: Candidate) -> tuple[bytes, ...]:
    arrays = (*candidate.arguments.values(), candidate.cotangent, *candidate.factors.values())
    return tuple(np.ascontiguousarray(array, np.float64).tobytes() for array in arrays)


def _shorter(space: Space, candidate: Candidate) -> Iterator[Candidate]:
    """Leave out one place of a core dimension from all arguments that have it."""
    cores = dict(zip(space.kernel.arguments, space.signature.inputs, strict=True))
    lengths = {
        dimension: array.shape[axis]
        for name, array in candidate.arguments.items()
        for axis, dimension in enumerate(cores[name])
    }
    for dimension, length in lengths.items():
        for place in range(length if length > 1 else 0):

            def without(array: Array, core: tuple[str, ...], dimension: str = dimension, place: int = place) -> Array:
                return np.delete(array, place, core.index(dimension)) if dimension in core else array

            arguments = {name: without(array, cores[name]) for name, array in candidate.arguments.items()}
            if any(row.kind == "one_hot" and not array.any() for row, array in _spans(space, arguments)):
                continue
            mended = {
                name: domains.mended(array, space.span(name, array), space.dtype, space.reach)
                for name, array in arguments.items()
            }
            factors = {name: without(array, cores[name]) for name, array in candidate.factors.items()}
            yield Candidate(mended, without(candidate.cotangent, space.signature.output), factors)


def _spans(space: Space, arguments: dict[str, Array]) -> list[tuple[domains.Span, Array]]:
    return [(space.span(name, array), array) for name, array in arguments.items()]


def _plain(candidate: Candidate) -> Iterator[Candidate]:
    """Directions of ones."""
    ones = {name: np.ones(array.shape) for name, array in candidate.factors.items()}
    yield candidate._replace(factors=ones, cotangent=np.ones(candidate.cotangent.shape))
    yield candidate._replace(factors=ones)
    yield candidate._replace(cotangent=np.ones(candidate.cotangent.shape))
    for name, array in candidate.factors.items():
        yield candidate._replace(factors=candidate.factors | {name: np.ones(array.shape)})


def _equal(candidate: Candidate) -> Iterator[Candidate]:
    """One argument like another."""
    for name, array in candidate.arguments.items():
        for other, values in candidate.arguments.items():
            if other != name and values.shape == array.shape:
                yield candidate._replace(arguments=candidate.arguments | {name: values})


def _single(space: Space, candidate: Candidate) -> Iterator[Candidate]:
    """One number simpler."""
    for name, array in candidate.arguments.items():
        for place in range(array.size):
            for number in simpler_numbers(float(array.flat[place])):
                new = array.copy()
                new.flat[place] = number
                mended = domains.mended(new, space.span(name, array), space.dtype, space.reach)
                yield candidate._replace(arguments=candidate.arguments | {name: mended})


def shrunk(
    space: Space,
    candidate: Candidate,
    fails: Callable[[list[Candidate]], Candidate | None],
    batch: int = 16,
) -> Candidate:
    """Return a candidate that fails and has no simpler neighbour that fails, or the best when `fails` gives up.

    Args:
        space: where.
        candidate: one that fails.
        fails: gives the first of some candidates of one shape that fails, None where none does.
        batch: how many candidates are tried at once.
    """
    while True:
        tried = proposals(space, candidate)
        groups: dict[tuple[tuple[int, ...], ...], list[Candidate]] = {}
        for new in tried:
            groups.setdefault(new.shape, []).append(new)
        parts = [group[start : start + batch] for group in groups.values() for start in range(0, len(group), batch)]
        better = next((found for part in parts if (found := fails(part)) is not None), None)
        if better is None:
            return candidate
        candidate = better
