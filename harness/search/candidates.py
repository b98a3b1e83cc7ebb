"""Inputs of a kernel that the search tries: how they are generated, and how they are moved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness import dtypes
from harness.agreement.inputs import Inputs
from harness.oracle import core_shapes
from harness.oracle.truth import Directions
from harness.search import domains
from implementations.interface.contract import Kernel

Array = NDArray[np.float64]

#: Where formulas change their form, and where functions have their special points.
CONSTANTS = (
    0.0, 1.0, 0.5, 2.0, np.log(2), np.exp(-1), np.e, np.pi, 5.0, 8.3, 10.0, 14.0, 20.0, 33.0, 37.5, 50.0, 88.0, 88.7,
    104.0, 708.0, 745.0, 1e-3, 1e-4, 1e-8, 1e-16, 1e-38, 1e4, 1e8, 1e16, 1e19, 1e38,
)  # fmt: skip
#: Tangents are such multiples of the argument.
FACTORS = (1.0, 1.25, 1.5, 1.75, 2.0, -1.0, -1.25, -1.5, -1.75)


class Space(NamedTuple):
    """Where a kernel's inputs are searched.

    Attributes:
        kernel: the contract's row.
        dtype: its name.
        reach: decades around 1 outside which nothing is searched; None for all.
    """

    kernel: Kernel
    dtype: str
    reach: float | None = None

    @property
    def signature(self) -> core_shapes.Signature:
        """Return the kernel's parsed signature."""
        return core_shapes.parse(self.kernel.signature)

    def span(self, name: str, array: Array) -> domains.Span:
        """Return what an argument may be."""
        return domains.span(self.kernel, name, bool(array.ndim))


class Candidate(NamedTuple):
    """An input: one batch entry.

    Attributes:
        arguments: of core shapes, by name, in the contract's order.
        cotangent: of the result's shape.
        factors: for each argument in which the kernel is differentiated, its tangent in proportion to it.
    """

    arguments: dict[str, Array]
    cotangent: Array
    factors: dict[str, Array]

    @property
    def shape(self) -> tuple[tuple[int, ...], ...]:
        """Return the core shapes: candidates that share them are evaluated in one call."""
        return tuple(array.shape for array in self.arguments.values())


def inputs(candidate: Candidate, dtype: str) -> Inputs:
    """Return arguments and directions, rounded to the dtype.

    A tangent is in proportion to its argument, so that arguments of unlike size all count: to the least of the
    others where it is 0, and 0 where it is infinite.
    """
    row = dtypes.find(dtype)
    sizes = np.concatenate([np.abs(np.ravel(array)) for array in candidate.arguments.values()])
    least = sizes[(sizes > 0) & np.isfinite(sizes)].min(initial=1.0)
    tangents = {}
    for name, factor in candidate.factors.items():
        argument = candidate.arguments[name]
        size = np.where(argument == 0, least, np.where(np.isfinite(argument), np.abs(argument), 0.0))
        tangents[name] = domains.normal(factor * np.minimum(size, row.largest / 2), dtype)
    return Inputs(candidate.arguments, Directions(candidate.cotangent, tangents))


def of_arguments(space: Space, arguments: dict[str, Array]) -> Candidate:
    """Return the candidate with cotangent 1 and tangents equal to the arguments' sizes."""
    shape = core_shapes.output_shape(space.signature, [array.shape for array in arguments.values()])
    factors = {name: np.ones(arguments[name].shape) for name in space.kernel.differentiable}
    return Candidate(arguments, np.ones(shape), factors)


# generation


def strategy(space: Space, lengths: dict[str, int]) -> Any:
    """Return the hypothesis strategy of a kernel's inputs.

    Args:
        space: where.
        lengths: of each core dimension.
    """
    from hypothesis import strategies

    cores = zip(space.kernel.arguments, space.signature.inputs, strict=True)
    shapes = {name: tuple(lengths[dimension] for dimension in core) for name, core in cores}
    arguments = {name: _argument(space, name, shape) for name, shape in shapes.items()}
    output = tuple(lengths[dimension] for dimension in space.signature.output)

    def candidate(values: tuple[Array, ...], seed: int) -> Candidate:
        random = np.random.default_rng(seed)
        factors = {name: np.asarray(random.choice(FACTORS, shapes[name])) for name in space.kernel.differentiable}
        cotangent = np.asarray(random.choice(FACTORS, output))
        return Candidate(dict(zip(arguments, values, strict=True)), cotangent, factors)

    return strategies.builds(
        candidate, strategies.tuples(*arguments.values()), strategies.integers(0, 2**32 - 1)
    ).filter(lambda found: domains.valid(space.kernel, found.arguments, space.dtype, space.reach))


def _filled(numbers: Any, shape: tuple[int, ...]) -> Any:
    from hypothesis import strategies

    size = int(np.prod(shape))
    return strategies.tuples(*[numbers] * size).map(lambda found: np.reshape(found, shape))


def _argument(space: Space, name: str, shape: tuple[int, ...]) -> Any:
    from hypothesis import strategies

    row = domains.span(space.kernel, name, bool(shape))
    numbers = _numbers(row, space)
    if row.kind == "logits":
        numbers = strategies.one_of(numbers, numbers, numbers, strategies.just(-np.inf))
    return _filled(numbers, shape).map(
        lambda values: domains.mended(np.asarray(values, np.float64), row, space.dtype, space.reach)
    )


def _numbers(row: domains.Span, space: Space) -> Any:
    """Return all numbers of the span, ordinary ones, powers of ten of either sign, and special ones."""
    from hypothesis import strategies

    low, high = domains.limits(row, space.dtype, space.reach)
    width = {"float16": 16, "bfloat16": 32, "float32": 32, "float64": 64}[space.dtype]
    ordinary = strategies.floats(max(low, -50.0), min(high, 50.0), allow_subnormal=False)
    decades = strategies.floats(-12.0, 12.0).map(lambda x: 10.0**x)
    everything = strategies.floats(low, high, width=width, allow_subnormal=False)  # type: ignore[arg-type]
    special = strategies.sampled_from(CONSTANTS)
    signed = strategies.one_of(decades, special).flatmap(lambda x: strategies.sampled_from((x, -x)))
    return strategies.one_of(everything, ordinary, signed)


def generate(space: Space, lengths: dict[str, int], count: int, seed: int) -> list[Candidate]:
    """Return at most `count` valid candidates: the same for the same seed."""
    import hypothesis

    found: list[Candidate] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(strategy(space, lengths))
    def collect(candidate: Candidate) -> None:
        found.append(candidate)

    collect()
    return found[:count]


# local search

#: (number, the other numbers of the input, random, dtype) -> number
Move = Callable[[float, Array, np.random.Generator, str], float]


def _last_places(x: float, _others: Array, random: np.random.Generator, dtype: str) -> float:
    """Move by +-2^k units in the last place."""
    places = float(random.choice([-1.0, 1.0])) * 2.0 ** int(random.integers(0, 20))
    return x + places * float(dtypes.ulp(x, dtype))


def _power_of_two(x: float, _others: Array, random: np.random.Generator, _dtype: str) -> float:
    return x * 2.0 ** int(random.integers(-8, 9))


def _inverse(x: float, _others: Array, _random: np.random.Generator, _dtype: str) -> float:
    return 1 / x if x and abs(x) > 1e-300 else 1.0


def _negative(x: float, _others: Array, _random: np.random.Generator, _dtype: str) -> float:
    return -x


def _special(x: float, _others: Array, random: np.random.Generator, _dtype: str) -> float:
    return float(np.copysign(random.choice(CONSTANTS), x))


def _other(_x: float, others: Array, random: np.random.Generator, _dtype: str) -> float:
    return float(random.choice(others))


def _near_another(x: float, others: Array, random: np.random.Generator, dtype: str) -> float:
    return _last_places(_other(x, others, random, dtype), others, random, dtype)


def _scaled(x: float, _others: Array, random: np.random.Generator, _dtype: str) -> float:
    return x * float(random.uniform(0.5, 2.0))


MOVES: tuple[Move, ...] = (
    _last_places, _last_places, _power_of_two, _scaled, _scaled, _inverse, _negative, _special, _other, _near_another,
)  # fmt: skip


def moved(space: Space, candidate: Candidate, random: np.random.Generator) -> Candidate:
    """Return a neighbour: one to three numbers moved, each inside its domain; together they may lie outside."""
    arguments = {name: array.copy() for name, array in candidate.arguments.items()}
    everything = np.concatenate([np.ravel(array) for array in arguments.values()])
    others = everything[np.isfinite(everything)]
    names = [name for name, array in arguments.items() if array.size]
    for _ in range(int(random.integers(1, 4))):
        name = str(random.choice(names))
        array = arguments[name]
        at = int(random.integers(array.size))
        move = MOVES[int(random.integers(len(MOVES)))]
        if np.isfinite(array.flat[at]):
            with np.errstate(over="ignore"):
                array.flat[at] = move(float(array.flat[at]), others, random, space.dtype)
    mended = {
        name: domains.mended(array, space.span(name, array), space.dtype, space.reach)
        for name, array in arguments.items()
    }
    factors = {name: _redrawn(array, random) for name, array in candidate.factors.items()}
    return Candidate(mended, _redrawn(candidate.cotangent, random), factors)


def _redrawn(factors: Array, random: np.random.Generator) -> Array:
    drawn = random.choice(FACTORS, factors.shape)
    return np.where(random.random(factors.shape) < 0.1, drawn, factors)


def neighbours(space: Space, parents: Sequence[Candidate], count: int, random: np.random.Generator) -> list[Candidate]:
    """Return `count` valid neighbours of candidates in turn; a parent itself where none of eight tries is valid."""
    found = []
    for place in range(count):
        parent = parents[place % len(parents)]
        tries = (moved(space, parent, random) for _ in range(8))
        found.append(
            next((new for new in tries if domains.valid(space.kernel, new.arguments, space.dtype, space.reach)), parent)
        )
    return found
