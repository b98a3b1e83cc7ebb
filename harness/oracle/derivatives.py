"""First and second derivatives as differences at high precision. No automatic differentiation, no formula.

With a step of 2^-100 of the smallest input, a central difference is right to about 2^-200 of the scale on which
the function bends, some 45 digits; the working precision holds what the subtraction takes away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from mpmath import mp

Number = Any  # an mpf
Function = Callable[[list[Number]], list[Number]]

#: The step is 2^-STEP_BITS of the smallest input.
STEP_BITS = 100
#: Bits of a derivative that are right: 106 for a pair of float64, and 20 digits (66 bits) more for sums of pairs.
RIGHT_BITS = 172


class Expansion(NamedTuple):
    """A function's value and derivatives at a point.

    Attributes:
        value: [outputs].
        jacobian: [outputs][inputs]; 0 by an input in which it was not differentiated.
        hessian: of the cotangent-weighted sum of the outputs, [inputs][inputs]; to a few digits.
    """

    value: list[Number]
    jacobian: list[list[Number]]
    hessian: list[list[Number]]


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


def expand(function: Function, point: list[Number], variable: list[int], cotangent: list[Number]) -> Expansion:
    """Differentiate by differences, at the working precision that the caller has set.

    Args:
        function: maps [inputs] to [outputs].
        point: where.
        variable: the indices of the inputs in which it is differentiated.
        cotangent: [outputs], weights of the outputs in the Hessian.
    """
    step = mp.ldexp(mp.one, exponents(point)[0] - STEP_BITS)

    def moved(*shifts: tuple[int, int]) -> list[Number]:
        at = list(point)
        for index, sign in shifts:
            at[index] += sign * step
        return function(at)

    def weighted(outputs: list[Number]) -> Number:
        return mp.fdot(cotangent, outputs)

    value = function(point)
    up = {i: moved((i, 1)) for i in variable}
    down = {i: moved((i, -1)) for i in variable}
    jacobian = [[mp.zero] * len(point) for _ in value]
    hessian = [[mp.zero] * len(point) for _ in point]
    for i in variable:
        for j, (above, below) in enumerate(zip(up[i], down[i], strict=True)):
            jacobian[j][i] = (above - below) / (2 * step)
    base = weighted(value)
    for i in variable:
        hessian[i][i] = (weighted(up[i]) - 2 * base + weighted(down[i])) / step**2
        for k in variable:
            if k < i:
                both = weighted(moved((i, 1), (k, 1)))
                hessian[i][k] = hessian[k][i] = (both - weighted(up[i]) - weighted(up[k]) + base) / step**2
    return Expansion(value, jacobian, hessian)


def resolved(expansion: Expansion, point: list[Number], variable: list[int]) -> bool:
    """Tell whether every derivative stands far enough above the rounding of the differences that made it."""
    step = mp.ldexp(mp.one, exponents(point)[0] - STEP_BITS)
    lost = mp.ldexp(mp.one, RIGHT_BITS - mp.prec)
    return all(
        abs(row[i]) * step >= abs(value) * lost
        for value, row in zip(expansion.value, expansion.jacobian, strict=True)
        for i in variable
    )
