"""Exact variance of the coupled measure-valued gradient on objectives that are sums over coordinates of normals.

Only the moved coordinate's term of the objective changes, so that every coordinate is an integral of its own:

    by loc    (f(loc + scale R) - f(loc - scale R)) / (scale sqrt(2 pi)),  R with density r exp(-r^2 / 2), r > 0,
    by scale  (f(loc + scale M) - f(loc + scale M U)) / scale,  M with density m^2 exp(-m^2 / 2) / sqrt(2 pi) on the
              line, U uniform on (0, 1) and independent of it.

The second is the coupling in three normal numbers: a point of space with radius |M|, whose first coordinate, by
Archimedes, is uniform on (-|M|, |M|) and gives M its sign. The integrals are Gauss-Legendre rules on pieces of (0, 13),
beyond which the densities hold less than 1e-34.

Reference:
    Mohamed, Rosca, Figurnov and Mnih, 2020, section 6; Abramowitz and Stegun, 1964, 25.4.29.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray

from harness.oracle.costs import COSTS
from harness.oracle.sized import sized
from harness.problems import PROBLEMS

Real = NDArray[Any]
Float = NDArray[np.float64]

#: Objectives that are sums over coordinates.
SEPARABLE = ("quadratic", "norm_squared", "exponential", "cosine")

#: Where the radial integrals end, in pieces, and the points of the rule in each.
END, PIECES, POINTS = 13.0, 13, 48


@cache
def _radial() -> tuple[Real, Real]:
    """Return points of (0, END) and their lengths."""
    nodes, weights = leggauss(POINTS)
    half = END / PIECES / 2
    middles = (2 * np.arange(PIECES) + 1) * half
    points = (middles[:, None] + half * nodes).ravel()
    return points.astype(np.longdouble), np.tile(half * weights, PIECES).astype(np.longdouble)


@cache
def _uniform() -> tuple[Real, Real]:
    nodes, weights = leggauss(POINTS)
    return ((nodes + 1) / 2).astype(np.longdouble), (weights / 2).astype(np.longdouble)


def _spread(values: Real, masses: Real) -> float:
    mean = np.sum(masses * values)
    return float(np.sum(masses * (values - mean) ** 2))


def variance(problem: str, parameters: Mapping[str, Any], constants: Mapping[str, Any]) -> dict[str, Any]:
    """Return the variance of one gradient with one sample, per coordinate.

    Args:
        problem: whose objective is one of `SEPARABLE`.
        parameters: "loc" and "scale" [*event].
        constants: of the objective.
    """
    cost = COSTS[PROBLEMS[problem].objective]
    fixed = {name: np.asarray(value, np.longdouble) for name, value in constants.items()}
    r, dr = _radial()
    u, du = _uniform()
    rayleigh = dr * r * np.exp(-r * r / 2)
    maxwell = np.outer(dr * r * r * np.exp(-r * r / 2), du) / np.sqrt(2 * np.longdouble(np.pi))
    loc, scale = (np.asarray(parameters[name], np.longdouble) for name in ("loc", "scale"))
    found = {name: np.zeros(loc.shape) for name in ("loc", "scale")}
    for index in np.ndindex(loc.shape):
        centre, width = loc[index], scale[index]

        def f(move: Real, centre: Real = centre, width: Real = width) -> Real:
            x = sized((centre + width * move).reshape(1, -1, 1))
            return cost.value(x, {}, fixed).value.reshape(move.shape)

        slopes = (f(r) - f(-r)) / (width * np.sqrt(2 * np.longdouble(np.pi)))
        found["loc"][index] = _spread(slopes, rayleigh)
        inner = np.outer(r, u)
        sides = [(f(sign * r)[:, None] - f(sign * inner)) / width for sign in (1, -1)]
        found["scale"][index] = _spread(np.stack(sides), np.stack([maxwell, maxwell]))
    return found
