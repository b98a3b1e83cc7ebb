"""First and second derivatives as differences at high precision. No automatic differentiation, no formula.

With a step of 2^-100 of the smallest input, a central difference is right to about 2^-200 of the scale on which
the function bends, some 45 digits; the working precision holds what the subtraction takes away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from mpmath import mp
from numpy.typing import NDArray

Number = Any  # an mpf
Array = NDArray[np.object_]
Function = Callable[[list[Number]], list[Number]]

#: The step is 2^-STEP_BITS of the smallest input.
STEP_BITS = 100
#: Bits of a derivative that are right: 106 for a pair of float64, and 20 digits (66 bits) more for sums of pairs.
RIGHT_BITS = 172


class Expansion(NamedTuple):
    """A function's value and derivatives at a point, as object arrays of numbers.

    Attributes:
        value: [outputs].
        jacobian: [outputs, inputs]; 0 by an input in which it was not differentiated.
        hessian: [outputs, inputs, inputs].
        turn: derivative along the tangent of the Hessian of the cotangent-weighted sum, [inputs, inputs].
    """

    value: Array
    jacobian: Array
    hessian: Array
    turn: Array


def exponents(point: Sequence[Number]) -> tuple[int, int]:
    """Return the least and the greatest binary exponent of the finite inputs other than 0, and of 1."""
    found = [0, *(int(mp.mag(x)) for x in point if x and mp.isfinite(x))]
    return min(found), max(found)


def precisions(point: Sequence[Number], smallest: float) -> tuple[int, int]:
    """Return a working precision that suffices where no derivative is tiny, and one that suffices always.

    Args:
        point: the inputs.
        smallest: the smallest derivative that must be right, when the value is of order 1.
    """
    least, greatest = exponents(point)
    low = 2 * STEP_BITS + RIGHT_BITS + 64 + 3 * (greatest - least)
    return low, low + max(0, -int(mp.mag(mp.mpf(smallest))))


def expand(
    function: Function, point: list[Number], variable: list[int], cotangent: list[Number], tangent: list[Number]
) -> Expansion:
    """Differentiate by differences, at the working precision that the caller has set.

    Args:
        function: maps [inputs] to [outputs].
        point: where.
        variable: the indices of the inputs in which it is differentiated.
        cotangent: [outputs], weights of the outputs in `turn`.
        tangent: [inputs], 0 where the function is not differentiated.
    """
    step = mp.ldexp(mp.one, exponents(point)[0] - STEP_BITS)
    value, jacobian, hessian = _second_order(function, point, variable, step)
    turn = np.full((len(point), len(point)), mp.zero, object)
    if any(tangent):
        reach = step / max(map(abs, tangent))

        def weighted_hessian(sign: int) -> Array:
            shifted = [x + sign * reach * t if t else x for x, t in zip(point, tangent, strict=True)]
            return np.tensordot(np.array(cotangent), _second_order(function, shifted, variable, step)[2], 1)

        turn = (weighted_hessian(1) - weighted_hessian(-1)) / (2 * reach)
    return Expansion(value, jacobian, hessian, turn)


def _second_order(
    function: Function, point: list[Number], variable: list[int], step: Number
) -> tuple[Array, Array, Array]:
    """Return value, Jacobian and Hessian: central differences, and forward ones for mixed second derivatives."""

    def moved(*shifts: tuple[int, int]) -> Array:
        at = list(point)
        for index, sign in shifts:
            at[index] += sign * step
        return np.array(function(at), object)

    value = moved()
    jacobian = np.full((len(value), len(point)), mp.zero, object)
    hessian = np.full((len(value), len(point), len(point)), mp.zero, object)
    up = {i: moved((i, 1)) for i in variable}
    for i in variable:
        down = moved((i, -1))
        jacobian[:, i] = (up[i] - down) / (2 * step)
        hessian[:, i, i] = (up[i] - 2 * value + down) / step**2
        for k in variable:
            if k < i:
                mixed = (moved((i, 1), (k, 1)) - up[i] - up[k] + value) / step**2
                hessian[:, i, k] = hessian[:, k, i] = mixed
    return value, jacobian, hessian


def resolved(expansion: Expansion, point: list[Number], variable: list[int]) -> bool:
    """Tell whether every derivative stands far enough above the rounding of the differences that made it."""
    step = mp.ldexp(mp.one, exponents(point)[0] - STEP_BITS)
    lost = mp.ldexp(mp.one, RIGHT_BITS - mp.prec) * abs(expansion.value)
    first = abs(expansion.jacobian[:, variable]) * step >= lost[:, None]
    second = abs(expansion.hessian[:, variable][:, :, variable]) * step**2 >= lost[:, None, None]
    return bool(first.all() and second.all())
