"""The true value of a kernel and of its vector-Jacobian products, as pairs of float64, with their conditions.

A pair (high, low) holds some 32 digits: `(result - high) - low` is the error of a float64 result to far below
its last place. The condition of g(x) is |g| + sum_i |x_i dg/dx_i|: what rounding of the inputs in their last
place, and of the result, amounts to. Where the formula of a kernel is a sum whose terms cancel, the sum of the
absolute terms is added (`harness.oracle.terms`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from mpmath import mp
from numpy.typing import NDArray

from harness import dtypes
from harness.oracle import core_shapes, derivatives, kernels, terms
from implementations.interface.contract import Kernel

Array = NDArray[np.float64]
Number = Any  # an mpf

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


def _nested(array: Any) -> Any:
    return [_nested(row) for row in array] if getattr(array, "ndim", 0) else mp.mpf(float(array))


def _clamped(kernel: Kernel, core: Array, name: str, dtype: str) -> Array:
    """Read 0 and 1 of the unit interval as the contract of `gumbel.noise_from_uniform` does."""
    if kernel.domain.get(name) != "unit_interval":
        return core
    row = dtypes.find(dtype)
    return np.where(core == 0, row.tiny, np.where(core == 1, 1 - row.eps / 2, core))


class _Core(NamedTuple):
    """Truth of one batch entry: (number, condition) of each output, and of each input of each argument."""

    value: list[tuple[Number, float]]
    products: dict[str, list[tuple[Number, float]]]


def _core(kernel: Kernel, given: list[Array], cotangent: Array, dtype: str, extra_bits: int) -> _Core:
    clamped = [_clamped(kernel, core, name, dtype) for core, name in zip(given, kernel.arguments, strict=True)]
    nested = [_nested(core) for core in clamped]
    weights = flat(_nested(cotangent))
    owner = [name for name, part in zip(kernel.arguments, nested, strict=True) for _ in flat(part)]
    raw = np.concatenate([np.ravel(core) for core in given])
    point = [number for part in nested for number in flat(part)]
    function = kernels.differentiated(kernel.name)

    def evaluate(numbers: list[Number]) -> list[Number]:
        rest = iter(numbers)

        def refill(part: Any) -> Any:
            return [refill(row) for row in part] if isinstance(part, list) else next(rest)

        return flat(function(*(refill(part) for part in nested)))

    edge = [raw[i] in EDGES.get(kernel.domain.get(name, ""), ()) for i, name in enumerate(owner)]
    counted = CONDITION_ARGUMENTS.get(kernel.name, kernel.differentiable)
    variable = [
        i
        for i, name in enumerate(owner)
        if (name in counted or name in kernel.differentiable) and mp.isfinite(point[i]) and not edge[i]
    ]
    smallest = math.ldexp(dtypes.find(dtype).tiny, 1) * dtypes.find(dtype).eps
    with mp.workprec(53):
        low, high = derivatives.precisions(point, smallest)
    for precision in (low + extra_bits, high + extra_bits):
        with mp.workprec(precision):
            expansion = derivatives.expand(evaluate, point, variable, weights)
            if derivatives.resolved(expansion, point, variable):
                break
    with mp.workprec(precision):
        value = flat(kernels.find(kernel.name)(*nested))
        sums = terms.of(kernel, clamped, cotangent)
        by_input = [(i, abs(point[i])) for i in variable if owner[i] in counted]

        def condition(number: Number, slopes: list[Number], absolute: float) -> float:
            return float(abs(number) + mp.fsum(x * abs(slopes[i]) for i, x in by_input)) + absolute

        values = [
            (number, condition(number, row, absolute))
            for number, row, absolute in zip(value, expansion.jacobian, sums["result"], strict=True)
        ]
        valid = all(mp.isfinite(number) for number in value)
        products = {}
        for name in kernel.differentiable:
            places = [i for i, other in enumerate(owner) if other == name]
            products[name] = [
                _product(expansion, weights, i, valid and not edge[i], condition, absolute)
                for i, absolute in zip(places, sums[name], strict=True)
            ]
    return _Core(values, products)


def _product(
    expansion: derivatives.Expansion, weights: list[Number], index: int, defined: bool, condition: Any, absolute: float
) -> tuple[Number, float]:
    if not defined:
        return mp.nan, 0.0
    product = mp.fdot(weights, [row[index] for row in expansion.jacobian])
    size = condition(product, expansion.hessian[index], 0.0)
    # a difference whose limit is 0 leaves a remainder of the order of the squared step
    negligible = abs(product) <= mp.ldexp(mp.mpf(size), -3 * derivatives.STEP_BITS // 2)
    return (mp.zero if negligible else product), size + absolute


def of_kernel(
    kernel: Kernel, arguments: Mapping[str, Array], cotangent: Array, dtype: str, extra_bits: int = 0
) -> dict[str, Truth]:
    """Return the truth of a kernel: "value", and "vjp:ARGUMENT" for each argument in which it is differentiated.

    Args:
        kernel: the contract's row.
        arguments: inputs, already rounded to `dtype`, by name in the contract's order.
        cotangent: of the result's shape, already rounded to `dtype`.
        dtype: the dtype of the result that will be judged; it sets how small a number must still be right.
        extra_bits: added to the working precision; the tests use it.
    """
    signature = core_shapes.parse(kernel.signature)
    shape = core_shapes.output_shape(signature, [array.shape for array in arguments.values()])
    batch = shape[: len(shape) - len(signature.output)]
    highs, lows, sizes = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    sums = {name: np.full(arguments[name].shape, mp.zero, object) for name in kernel.differentiable}
    bounds = {name: np.zeros(arguments[name].shape) for name in kernel.differentiable}
    # views that share the memory of the sums, so that broadcast axes are summed over
    places = {
        name: np.broadcast_to(
            np.arange(array.size).reshape(array.shape), (*batch, *array.shape[array.ndim - len(core) :])
        )
        for (name, array), core in zip(arguments.items(), signature.inputs, strict=True)
    }
    for index, given in core_shapes.entries(signature, arguments):
        core = _core(kernel, given, cotangent[index], dtype, extra_bits)
        split = [(*pair(number), size) for number, size in core.value]
        parts = np.array(split).T.reshape(3, *shape[len(batch) :])  # [3, *core]
        highs[index], lows[index], sizes[index] = parts
        with mp.workprec(2000):
            for name, products in core.products.items():
                for place, (product, size) in zip(places[name][index].flat, products, strict=True):
                    sums[name].flat[place] += product
                    bounds[name].flat[place] += size
    found = {"value": Truth(highs, lows, sizes)}
    with mp.workprec(2000):
        for name, total in sums.items():
            pairs = np.array([pair(number) for number in total.flat]).reshape(-1, 2)
            found[f"vjp:{name}"] = Truth(
                pairs[:, 0].reshape(total.shape), pairs[:, 1].reshape(total.shape), bounds[name]
            )
    return found
