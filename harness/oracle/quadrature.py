"""Rules for standard normal noise: a fine one for one number, and the Gauss-Hermite rule, to take products of."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray

#: Arrays of np.longdouble.
Real = NDArray[Any]

#: Points in one number: exact for polynomials of degree 127; smooth integrands are left with some 1e-12.
POINTS = 64

#: Points of a product rule at most.
LARGEST = 2**18


@cache
def hermite() -> tuple[Real, Real]:
    """Return points and masses of one standard normal number.

    Reference:
        Abramowitz and Stegun, 1964, 25.4.46.
    """
    points, weights = hermegauss(POINTS)
    return points.astype(np.longdouble), (weights / weights.sum()).astype(np.longdouble)


@cache
def line() -> tuple[Real, Real]:
    """Return points and masses of one standard normal number, so close that narrow objectives are resolved too.

    The trapezoidal rule of step 1/32 is exact to rounding for exp(-k x^2) and cos(k x) up to k = 100; 64 points of
    the Gauss-Hermite rule lie 0.28 apart, and halve the variance for exp(-10 x^2). Its ends hold less than 1e-37.

    Reference:
        Trefethen and Weideman, The Exponentially Convergent Trapezoidal Rule, 2014, section 5.
    """
    points = np.arange(-13, 13, 1 / 32).astype(np.longdouble)
    weights = np.exp(-points * points / 2)
    return points, weights / weights.sum()


def product(columns: list[tuple[Real, Real]]) -> tuple[Real, Real]:
    """Return the product of rules in several numbers: points [points, numbers] and masses [points]."""
    grids = np.meshgrid(*[points for points, _ in columns], indexing="ij")
    masses = np.meshgrid(*[weights for _, weights in columns], indexing="ij")
    return np.stack([grid.ravel() for grid in grids], -1), np.prod(np.stack([mass.ravel() for mass in masses]), 0)
