"""The Gauss-Hermite rule of standard normal noise, and its product over several numbers."""

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


def product(columns: list[tuple[Real, Real]]) -> tuple[Real, Real]:
    """Return the product of rules in several numbers: points [points, numbers] and masses [points]."""
    grids = np.meshgrid(*[points for points, _ in columns], indexing="ij")
    masses = np.meshgrid(*[weights for _, weights in columns], indexing="ij")
    return np.stack([grid.ravel() for grid in grids], -1), np.prod(np.stack([mass.ravel() for mass in masses]), 0)
