"""Moments of (x - k)^2 and of the scores of gamma and beta variables, in closed form.

With g(n) = E x^n, E x^n log x = g' and E x^n (log x)^2 = g'' are derivatives of the same ratio of gamma functions by a
parameter of the density. The score h of a parameter is log x, or log(1 - x), less its mean, or a polynomial.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

Float = NDArray[np.float64] | np.float64
Arrays = Mapping[str, Float]


class CoordinateMoments(NamedTuple):
    """Moments of one coordinate's term u of the objective, and of its score h.

    Attributes:
        u: E u.
        uu: E u^2.
        hh: E h^2.
        uh: E u h.
        uhh: E u h^2.
        uuhh: E u^2 h^2.
    """

    u: Float
    uu: Float
    hh: Float
    uh: Float
    uhh: Float
    uuhh: Float


#: n -> E x^n, E x^n h and E x^n h^2.
Powers = Callable[[int], tuple[Float, Float, Float]]


def _of_square(k: Float, powers: Powers) -> CoordinateMoments:
    """Return the moments of u = (x - k)^2."""
    rows = [powers(n) for n in range(5)]
    one = np.float64(1)
    square = (k**2, -2 * k, one)
    fourth = (k**4, -4 * k**3, 6 * k**2, -4 * k, one)

    def mean(coefficients: tuple[Float, ...], order: int) -> Float:
        total: Float = np.float64(0)
        for n, coefficient in enumerate(coefficients):
            total = total + coefficient * rows[n][order]
        return total

    return CoordinateMoments(
        u=mean(square, 0), uu=mean(fourth, 0), hh=rows[0][2], uh=mean(square, 1), uhh=mean(square, 2),
        uuhh=mean(fourth, 2),
    )  # fmt: skip


def _rising(a: Float, n: int) -> Float:
    """Return a (a + 1) ... (a + n - 1)."""
    result: Float = special.poch(a, n)
    return result


def _step(a: Float, n: int) -> Float:
    """Return psi(a + n) - psi(a) = 1 / a + ... + 1 / (a + n - 1)."""
    total: Float = np.zeros_like(a)
    for j in range(n):
        total = total + 1 / (a + j)
    return total


def gamma(parameters: Arrays, constants: Arrays) -> dict[str, CoordinateMoments]:
    """Return the moments for x ~ Gamma(concentration, rate): h = log(rate x) - psi(a), and a / rate - x.

    Reference:
        Abramowitz and Stegun, 1964, 6.1.1, 6.3.1 and 6.4.1: derivatives of E x^n = Gamma(a + n) / (Gamma(a) rate^n).
    """
    a, rate = parameters["concentration"], parameters["rate"]

    def power(n: int) -> Float:
        result: Float = _rising(a, n) / rate**n
        return result

    def by_concentration(n: int) -> tuple[Float, Float, Float]:
        step = _step(a, n)
        return power(n), power(n) * step, power(n) * (step**2 + special.polygamma(1, a + n))

    def by_rate(n: int) -> tuple[Float, Float, Float]:
        mean, first, second = a / rate, power(n + 1), power(n + 2)
        return power(n), mean * power(n) - first, mean**2 * power(n) - 2 * mean * first + second

    k = constants["k"]
    return {"concentration": _of_square(k, by_concentration), "rate": _of_square(k, by_rate)}


def beta(parameters: Arrays, constants: Arrays) -> dict[str, CoordinateMoments]:
    """Return the moments for x ~ Beta(a, b): h = log x - E log x, and log(1 - x) - E log(1 - x).

    Reference:
        Derivatives of E x^n = B(a + n, b) / B(a, b), as in `gamma`.
    """
    a, b = parameters["concentration1"], parameters["concentration0"]

    def power(n: int) -> Float:
        result: Float = _rising(a, n) / _rising(a + b, n)
        return result

    def with_log(step: Float, changed: Float, n: int) -> tuple[Float, Float, Float]:
        spread = special.polygamma(1, changed) - special.polygamma(1, a + b + n)
        return power(n), power(n) * step, power(n) * (step**2 + spread)

    k = constants["k"]
    return {
        "concentration1": _of_square(k, lambda n: with_log(_step(a, n) - _step(a + b, n), a + n, n)),
        "concentration0": _of_square(k, lambda n: with_log(-_step(a + b, n), b, n)),
    }
