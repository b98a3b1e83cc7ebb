"""The true value of a kernel and of its first and second derivatives, as pairs of float64, with their conditions.

A pair (high, low) holds some 32 digits: `(result - high) - low` is the error of a float64 result to far below
its last place. The condition of g(x) is |g| + sum_i |x_i dg/dx_i|: what rounding of the inputs in their last
place, and of the result, amounts to. Where the formula of a kernel is a sum whose terms cancel, the sum of the
absolute terms is added (`harness.oracle.terms`, `harness.oracle.bends`), and what flushing costs (`flushes`). The
condition of a Hessian-vector product is that of the largest number along the core axes of its argument: it is judged
by its norm (PITFALLS, budgets that can be defended).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from mpmath import mp
from numpy.typing import NDArray

from harness import dtypes
from harness.oracle import bends, choices, core_shapes, derivatives, flushes, kernels, terms
from implementations.interface.contract import Kernel

Array = NDArray[np.float64]
Number = Any  # an mpf
#: A number and its condition.
Pair = tuple[Number, float]

#: Points at which an argument of this domain has a value and no two-sided derivative.
EDGES = {"probabilities": (0.0,), "unit_interval": (0.0, 1.0)}

#: The arguments whose rounding counts, where they are not those in which the kernel is differentiated.
CONDITION_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "annealing.constant": ("initial",),
    "annealing.exponential": ("step", "initial", "rate", "minimum"),
    "annealing.linear": ("step", "initial", "final", "steps"),
    # u is exact and so is u - 1: rounding of the input would excuse any error near u = 1
    "gumbel.noise_from_uniform": (),
    "divergences.kl_categorical_monte_carlo": ("logits_q", "logits_p"),
    "divergences.kl_bernoulli_monte_carlo": ("logits_q", "logits_p"),
}


class Truth(NamedTuple):
    """True numbers of one shape.

    Attributes:
        high: nearest float64; NaN where there is nothing to compare with.
        low: what is left of the true number, rounded to float64.
        condition: what one rounding unit may cost, in float64.
    """

    high: Array
    low: Array
    condition: Array


def pair(number: Number) -> tuple[float, float]:
    """Split a number into its nearest float64 and the rest."""
    high = float(number)
    return high, float(number - mp.mpf(high)) if math.isfinite(high) else 0.0


def flat(core: Any) -> list[Number]:
    """Flatten a number or nested lists of numbers."""
    return [number for part in core for number in flat(part)] if isinstance(core, list) else [core]


def nested(array: Any) -> Any:
    """Return an array as nested lists of numbers of the working precision; a number for a scalar."""
    return [nested(row) for row in array] if getattr(array, "ndim", 0) else mp.mpf(float(array))


def _clamped(kernel: Kernel, core: Array, name: str, dtype: str) -> Array:
    """Read 0 and 1 of the unit interval as the contract of `gumbel.noise_from_uniform` does."""
    if kernel.domain.get(name) != "unit_interval":
        return core
    row = dtypes.find(dtype)
    return np.where(core == 0, row.tiny, np.where(core == 1, 1 - row.eps / 2, core))


class _Core(NamedTuple):
    """Truth of one batch entry: (number, condition) of each output, and of each input of each argument."""

    outputs: dict[str, list[Pair]]
    inputs: dict[str, list[Pair]]


class Directions(NamedTuple):
    """The vectors of the products.

    Attributes:
        cotangent: of the result's shape.
        tangents: one for each argument in which the kernel is differentiated, of its shape.
    """

    cotangent: Array
    tangents: Mapping[str, Array]


def _core(kernel: Kernel, given: list[Array], directions: Directions, dtype: str, extra_bits: int) -> _Core:
    clamped = [_clamped(kernel, core, name, dtype) for core, name in zip(given, kernel.arguments, strict=True)]
    given_numbers = [nested(core) for core in clamped]
    weights = flat(nested(directions.cotangent))
    owner = [name for name, part in zip(kernel.arguments, given_numbers, strict=True) for _ in flat(part)]
    raw = np.concatenate([np.ravel(core) for core in given])
    point = [number for part in given_numbers for number in flat(part)]

    def evaluate(numbers: list[Number]) -> list[Number]:
        rest = iter(numbers)

        def refill(part: Any) -> Any:
            return [refill(row) for row in part] if isinstance(part, list) else next(rest)

        return flat(kernels.differentiated(kernel.name)(*(refill(part) for part in given_numbers)))

    edge = [raw[i] in EDGES.get(kernel.domain.get(name, ""), ()) for i, name in enumerate(owner)]
    counted = CONDITION_ARGUMENTS.get(kernel.name, kernel.differentiable)
    variable = [
        i
        for i, name in enumerate(owner)
        if (name in counted or name in kernel.differentiable) and mp.isfinite(point[i]) and not edge[i]
    ]
    tangent = _tangent(directions, owner, variable)
    smallest = math.ldexp(dtypes.find(dtype).tiny, 1) * dtypes.find(dtype).eps
    with mp.workprec(53):
        low, high = derivatives.precisions(point, smallest)
    for precision in (low + extra_bits, high + extra_bits):
        with mp.workprec(precision):
            expansion = derivatives.expand(evaluate, point, variable, weights, tangent)
            if derivatives.resolved(expansion, point, variable):
                break
    with mp.workprec(precision):
        value = flat(kernels.find(kernel.name)(*given_numbers))
        sums = _absolute(kernel, clamped, directions, dtype)
        reach = np.array([abs(x) if i in variable else mp.zero for i, x in enumerate(point)])
        sizes = np.where([name in counted for name in owner], reach, mp.zero)
        valid = all(mp.isfinite(number) for number in value)
        outputs = {"value": _pairs(np.array(value), abs(expansion.jacobian) @ sizes, sums["value"])}
        if choices.undetermined(kernel.name, clamped, dtype):
            outputs["value"] = [(number, math.inf) for number, _ in outputs["value"]]
        inputs: dict[str, list[Pair]] = {}
        if kernel.differentiable:
            shift, load = np.array(tangent), abs(np.array(weights))
            smooth = valid and not choices.without_derivative(kernel.name, clamped, dtype)
            inside = smooth and not any(
                e and name in kernel.differentiable for e, name in zip(edge, owner, strict=True)
            )
            first, second = _flushed(expansion.jacobian, dtype), _flushed(expansion.hessian, dtype)
            lost = _lost(expansion.value, dtype)
            first, second = (
                first + lost[:, None] * abs(expansion.jacobian),
                second + lost[:, None, None] * abs(expansion.hessian),
            )
            moving = expansion.hessian @ shift  # [outputs, inputs]
            loads = abs(moving) @ sizes + abs(expansion.jacobian) @ abs(shift) + first @ abs(shift)
            formed = [inside and fits for fits in _in_range(expansion.jacobian, dtype)]
            outputs["jvp"] = _products(expansion.jacobian @ shift, loads, sums["jvp"], formed, dtype)
            weighted = np.tensordot(np.array(weights), expansion.hessian, 1)  # [inputs, inputs]
            gradient, bend = np.array(weights) @ expansion.jacobian, abs(weighted) @ sizes + load @ first
            product, turn = weighted @ shift, abs(expansion.turn) @ reach + abs(weighted) @ abs(shift)
            turn += np.tensordot(load, second, 1) @ abs(shift)
            bent = [inside and fits for fits in _in_range(weighted, dtype)]
            for name in kernel.differentiable:
                at = [i for i, other in enumerate(owner) if other == name]
                inputs[f"vjp:{name}"] = _products(
                    gradient[at], bend[at], sums[f"vjp:{name}"], [smooth and not edge[i] for i in at], dtype
                )
                inputs[f"hvp:{name}"] = _normwise(
                    _products(product[at], turn[at], sums[f"hvp:{name}"], [bent[i] for i in at], dtype)
                )
    return _Core(outputs, inputs)


def _tangent(directions: Directions, owner: list[str], variable: list[int]) -> list[Number]:
    """Return the shift of each input: 0 where it is not differentiated, or has no derivative."""
    parts = {name: iter(flat(nested(tangent))) for name, tangent in directions.tangents.items()}
    shifts = [next(parts[name]) if name in parts else mp.zero for name in owner]
    return [shift if i in variable else mp.zero for i, shift in enumerate(shifts)]


def _in_range(matrix: NDArray[Any], dtype: str) -> list[bool]:
    """Tell of each row whether all entries stay in the range of the dtype: its product is not asked for otherwise."""
    largest = dtypes.find(dtype).largest
    return [bool(abs(row).max() <= largest) for row in matrix]


def _absolute(kernel: Kernel, cores: list[Array], directions: Directions, dtype: str) -> dict[str, list[float]]:
    """Return the absolute terms of each result, and what flushing costs it, in rounding units."""
    sums = terms.of(kernel, cores, directions) | bends.of(kernel, cores, directions)
    for derivative, costs in flushes.of(kernel, cores, directions, dtype).items():
        sums[derivative] = [size + cost for size, cost in zip(sums[derivative], costs, strict=True)]
    return sums


def _flushed(entries: NDArray[Any], dtype: str) -> NDArray[Any]:
    """Return what flushing an entry below the smallest normal number to 0 costs, in rounding units."""
    limits = dtypes.computing(dtype)
    return np.where((entries != 0) & (abs(entries) < limits.tiny), limits.tiny / limits.eps, 0.0)


def _lost(values: NDArray[Any], dtype: str) -> Array:
    """Return the weight, in rounding units, of the derivatives of each result that may be flushed to 0, else 0.

    The derivatives of such a result, of y in y (1 - y) say, are made of it, and are lost with it.
    """
    limits = dtypes.computing(dtype)
    return np.where((values != 0) & (abs(values) < limits.tiny), 1 / limits.eps, 0.0)


def _pairs(numbers: Array, loads: Array, absolute: Sequence[float]) -> list[Pair]:
    """Join numbers with their conditions: |number|, what the inputs' rounding moves it by, and absolute terms."""
    return [
        (number, float(abs(number) + load) + size) for number, load, size in zip(numbers, loads, absolute, strict=True)
    ]


def _products(
    numbers: Array, loads: Array, absolute: Sequence[float], defined: Sequence[bool], dtype: str
) -> list[Pair]:
    """Join products with their conditions: NaN where there is nothing to compare.

    That is where a product is not defined, and where it or the terms that it is made of leave the range in which
    the kernel computes: infinity less infinity is no error then.
    """
    largest = dtypes.computing(dtype).largest
    return [
        # a difference whose limit is 0 leaves a remainder of the order of the squared step
        (mp.zero if abs(number) <= mp.ldexp(abs(load), -3 * derivatives.STEP_BITS // 2) else number, size)
        if known and abs(number) <= largest and size <= largest
        else (mp.nan, 0.0)
        for (number, size), load, known in zip(_pairs(numbers, loads, absolute), loads, defined, strict=True)
    ]


def _normwise(pairs: list[Pair]) -> list[Pair]:
    largest = max((size for _, size in pairs), default=0.0)
    return [(number, largest) for number, _ in pairs]


def of_kernel(
    kernel: Kernel, arguments: Mapping[str, Array], directions: Directions, dtype: str, extra_bits: int = 0
) -> dict[str, Truth]:
    """Return the truth of a kernel.

    Args:
        kernel: the contract's row.
        arguments: inputs, already rounded to `dtype`, by name in the contract's order.
        directions: cotangent and tangents, already rounded to `dtype`.
        dtype: the dtype of the result that will be judged; it sets how small a number must still be right.
        extra_bits: added to the working precision; the tests use it.

    Returns:
        "value"; and for a kernel that is differentiated in some arguments "jvp", in all of them together, and for
        each of them "vjp:ARGUMENT" and "hvp:ARGUMENT", the Hessian of the cotangent-weighted sum times the tangents.
    """
    signature = core_shapes.parse(kernel.signature)
    shape = core_shapes.output_shape(signature, [array.shape for array in arguments.values()])
    batch = shape[: len(shape) - len(signature.output)]
    shapes = {"value": shape} | ({"jvp": shape} if kernel.differentiable else {})
    shapes |= {f"{what}:{name}": arguments[name].shape for name in kernel.differentiable for what in ("vjp", "hvp")}
    sums = {name: np.full(size, mp.zero, object) for name, size in shapes.items()}
    bounds = {name: np.zeros(size) for name, size in shapes.items()}
    # indices of the numbers of each batch entry, so that broadcast axes are summed over
    places = {
        name: core_shapes.cores(core, np.arange(array.size).reshape(array.shape), batch)
        for (name, array), core in zip(arguments.items(), signature.inputs, strict=True)
    }
    own = core_shapes.cores(signature.output, np.arange(int(np.prod(shape))).reshape(shape), batch)
    tangents = {
        name: core_shapes.cores(core, directions.tangents[name], batch)
        for name, core in zip(kernel.arguments, signature.inputs, strict=True)
        if name in kernel.differentiable
    }
    for index, given in core_shapes.entries(signature, arguments):
        here = Directions(directions.cotangent[index], {name: part[index] for name, part in tangents.items()})
        core = _core(kernel, given, here, dtype, extra_bits)
        at = dict.fromkeys(core.outputs, own[index])
        at |= {name: places[name.partition(":")[2]][index] for name in core.inputs}
        with mp.workprec(2000):
            for name, pairs in (core.outputs | core.inputs).items():
                for place, (number, size) in zip(at[name].flat, pairs, strict=True):
                    sums[name].flat[place] += number
                    bounds[name].flat[place] += size
    with mp.workprec(2000):
        return {name: _truth(total, bounds[name]) for name, total in sums.items()}


def _truth(numbers: NDArray[np.object_], condition: Array) -> Truth:
    split = np.array([pair(number) for number in numbers.flat]).reshape(-1, 2)
    return Truth(split[:, 0].reshape(numbers.shape), split[:, 1].reshape(numbers.shape), condition)
