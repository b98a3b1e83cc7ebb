"""Rules of one number of noise, and their product over several: Gauss-Hermite for normals, trapezoidal for gammas.

One normal number alone has a trapezoidal rule too, which is finer. The logarithm of a gamma variate, and the logit of a
beta variate, have a density that is analytic about the real line and decays exponentially, so that equal steps converge
exponentially.

Reference:
    Trefethen and Weideman, The Exponentially Convergent Trapezoidal Rule, 2014, theorem 5.1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
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

#: Step of the trapezoidal rules, in units of a standard deviation or of the density's own scale.
STEP = 0.125

#: Share of the largest mass below which a point of a trapezoidal rule is left out.
NEGLIGIBLE = 1e-22


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


def _trapezoidal(points: Real, log_density: Real) -> tuple[Real, Real]:
    """Return the points that matter and their masses, of equal steps in the variable of the density."""
    kept = log_density > log_density.max() + np.log(NEGLIGIBLE)
    weights = np.exp(log_density[kept] - log_density.max())
    return points[kept], weights / weights.sum()


@lru_cache(maxsize=2**10)
def gamma(concentration: Any) -> tuple[Real, Real]:
    """Return points x and masses of a standard gamma variate.

    log x = log a + s (t - exp(-t)), s = 1 / sqrt(a), at most 1, has the density exp(a log x - x) d log x / dt, whose
    left tail, of rate a, decays doubly exponentially in t.

    Args:
        concentration: a, np.longdouble.
    """
    t = STEP * np.arange(-80, 161).astype(np.longdouble)
    log_x = np.log(concentration) + (t - np.exp(-t)) / np.sqrt(np.maximum(concentration, 1))
    return _trapezoidal(np.exp(log_x), concentration * log_x - np.exp(log_x) + np.log1p(np.exp(-t)))


@lru_cache(maxsize=2**10)
def beta(concentration1: Any, concentration0: Any) -> tuple[Real, Real]:
    """Return points [points, 2], x and 1 - x, and masses of a beta variate.

    v = logit x has the density exp(a v) / (1 + exp(v))^(a + b).

    Args:
        concentration1: a, np.longdouble, above 1.
        concentration0: b, likewise.
    """
    width = np.sqrt(1 / concentration1 + 1 / concentration0)
    t = STEP * np.arange(-800, 801).astype(np.longdouble)
    v = np.log(concentration1 / concentration0) + width * t
    log_density = -concentration1 * np.logaddexp(0, -v) - concentration0 * np.logaddexp(0, v)
    both = np.exp(np.stack([-np.logaddexp(0, -v), -np.logaddexp(0, v)], -1))
    return _trapezoidal(both, log_density)


#: (parameters, samples) -> the rules of all noise of the samples, and the shape of one sample's noise.
_Columns = Callable[[Mapping[str, Real], int], tuple[list[tuple[Real, Real]], tuple[int, ...]]]


def _normals(parameters: Mapping[str, Real], samples: int) -> tuple[list[tuple[Real, Real]], tuple[int, ...]]:
    loc = parameters["loc"]
    numbers = loc.size * samples
    return [line()] if numbers == 1 else [hermite()] * numbers, loc.shape


def _gammas(*names: str) -> _Columns:
    def columns(parameters: Mapping[str, Real], samples: int) -> tuple[list[tuple[Real, Real]], tuple[int, ...]]:
        every = np.stack([parameters[name] for name in names])
        shape = every.shape if len(names) > 1 else every.shape[1:]
        return [gamma(number) for number in every.ravel()] * samples, shape

    return columns


#: By attribute of `backend.distributions`.
COLUMNS: dict[str, _Columns] = {
    "NORMAL": _normals,
    "GAMMA": _gammas("concentration"),
    "BETA": _gammas("concentration1", "concentration0"),
}


def continuous(distribution: str, parameters: Mapping[str, Real], samples: int) -> tuple[Real, Real] | None:
    """Return the product rule of some samples: noise [points, samples, *shape] and masses; None if it is too large.

    Args:
        distribution: a key of `COLUMNS`.
        parameters: {name: [*event]}.
        samples: how many.
    """
    columns, shape = COLUMNS[distribution](parameters, samples)
    if math.prod(len(points) for points, _ in columns) > LARGEST:
        return None
    noise, mass = product(columns)
    return noise.reshape(-1, samples, *shape), mass


def beta_values(parameters: Mapping[str, Real], samples: int) -> tuple[Real, Real] | None:
    """Return the rule of some samples of one beta coordinate, as gamma variates x and 1 - x, whose sum is 1.

    Args:
        parameters: "concentration1" and "concentration0", [*event] of one number.
        samples: how many.
    """
    a, b = (parameters[name] for name in ("concentration1", "concentration0"))
    points, masses = beta(a.ravel()[0], b.ravel()[0])
    if a.size > 1 or float(len(points)) ** samples > LARGEST:
        return None
    chosen, mass = product([(np.arange(len(points)), masses)] * samples)
    return points[chosen].reshape(-1, samples, 2, *a.shape), mass
