"""Gamma and beta variables by hand: samples, scores and implicit paths, from given standard gamma variates.

The derivative of a variate by its concentration is that of the power series of the incomplete gamma function, term by
term, over the density, at 60 digits: the series holds everywhere, and so many digits outlast its cancellation.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import mpmath as mp
import numpy as np

from harness.oracle.sized import Real, Sized, log, sized

Arrays = Mapping[str, Real]
Paths = dict[str, Sized]

#: Digits of the power series. Its terms are positive, and of the derivative a share of 1 - F(x) is left, above 1e-17.
DIGITS = 60


@lru_cache(maxsize=2**16)
def _derivative(concentration: Any, value: Any) -> Any:
    """Return dx/da of one standard gamma variate, -(dF/da) / p.

    F = x^a exp(-x) / Gamma(a + 1) S, S = sum_n t_n, t_n = x^n / ((a + 1) ... (a + n)), and p = a F / (x S), so that
    dx/da = -(x / a) (S (log x - psi(a + 1)) + dS/da), with dt_n/da = -t_n (1 / (a + 1) + ... + 1 / (a + n)).
    """
    with mp.workdps(DIGITS):
        a, x = mp.mpmathify(concentration), mp.mpmathify(value)
        term, harmonic, number = mp.mpf(1), mp.mpf(0), 0
        total, slope = mp.mpf(1), mp.mpf(0)
        smallest = mp.mpf(10) ** -DIGITS
        while number <= x or term * (1 + harmonic) > smallest * total:
            number += 1
            term *= x / (a + number)
            harmonic += 1 / (a + number)
            total += term
            slope -= term * harmonic
        found = -(x / a) * (total * (mp.log(x) - mp.digamma(a + 1)) + slope)
        return _wide(found)


def _wide(number: Any) -> Any:
    """Return an mpmath number as a long double, in two parts of float64."""
    high = float(number)
    return np.longdouble(high) + np.longdouble(float(number - mp.mpf(high)))


@lru_cache(maxsize=2**12)
def _digamma(number: Any) -> Any:
    with mp.workdps(DIGITS):
        return _wide(mp.digamma(mp.mpmathify(number)))


@lru_cache(maxsize=2**12)
def _log_gamma(number: Any) -> Any:
    with mp.workdps(DIGITS):
        return _wide(mp.loggamma(mp.mpmathify(number)))


def _each(function: Any, *arrays: Any) -> Real:
    """Apply a function of long doubles to every element of broadcast arrays."""
    every = np.broadcast_arrays(*arrays)
    flat = zip(*(part.ravel() for part in every), strict=True)
    return np.array([function(*numbers) for numbers in flat], np.longdouble).reshape(every[0].shape)


def sample_derivative(value: Any, concentration: Any) -> Sized:
    """Return dx/da of standard gamma variates, given numbers of one value: arrays that broadcast.

    Reference:
        Abramowitz and Stegun, 1964, 6.5.29, differentiated; Figurnov, Mohamed and Mnih, 2018, section 3.
    """
    return sized(_each(_derivative, concentration, value))


def digamma(number: Any) -> Sized:
    """Return psi."""
    return sized(_each(_digamma, number))


def log_gamma(number: Any) -> Sized:
    """Return log Gamma."""
    return sized(_each(_log_gamma, number))


def gamma_sample(parameters: Arrays, noise: Real) -> Sized:
    """Return x = noise / rate."""
    return sized(noise) / parameters["rate"]


def gamma_score(x: Sized, parameters: Arrays) -> Paths:
    """Return log x + log rate - psi(concentration), and concentration / rate - x."""
    concentration, rate = parameters["concentration"], sized(parameters["rate"])
    return {"concentration": log(x) + log(rate) - digamma(concentration), "rate": concentration / rate - x}


def gamma_log_prob(x: Sized, parameters: Arrays) -> Sized:
    """Return log p of the whole event."""
    concentration, rate = sized(parameters["concentration"]), sized(parameters["rate"])
    terms = (concentration - 1) * log(x) + concentration * log(rate) - rate * x - log_gamma(concentration.value)
    return terms.sum(tuple(range(2, x.value.ndim)))


def gamma_path(parameters: Arrays, noise: Real, cotangent: Sized) -> Paths:
    """Return d (y / rate) by the concentration through y, and by the rate."""
    rate = sized(parameters["rate"])
    by_concentration = sample_derivative(noise, parameters["concentration"]) / rate
    return {"concentration": cotangent * by_concentration, "rate": -(cotangent * noise / rate / rate)}


def _pair(noise: Real) -> tuple[Sized, Sized, Sized]:
    """Return g1, g0 and their sum."""
    one, zero = sized(noise[:, :, 0]), sized(noise[:, :, 1])
    return one, zero, one + zero


def beta_sample(parameters: Arrays, noise: Real) -> Sized:
    """Return x = g1 / (g1 + g0)."""
    del parameters
    one, _, total = _pair(noise)
    return one / total


def beta_score(x: Sized, parameters: Arrays) -> Paths:
    """Return log x - psi(a) + psi(a + b), and log(1 - x) - psi(b) + psi(a + b), 1 - x of the rounded sample."""
    a, b = parameters["concentration1"], parameters["concentration0"]
    both = digamma(a + b)
    return {"concentration1": log(x) - digamma(a) + both, "concentration0": log(1 - x) - digamma(b) + both}


def beta_log_prob(x: Sized, parameters: Arrays) -> Sized:
    """Return log p of the whole event."""
    a, b = parameters["concentration1"], parameters["concentration0"]
    powers = log(x) * (a - 1) + log(1 - x) * (b - 1)
    terms = powers + log_gamma(a + b) - log_gamma(a) - log_gamma(b)
    return terms.sum(tuple(range(2, x.value.ndim)))


def beta_path(parameters: Arrays, noise: Real, cotangent: Sized) -> Paths:
    """Return g0 dg1 / (g1 + g0)^2 by concentration1, and -g1 dg0 / (g1 + g0)^2 by concentration0."""
    one, zero, total = _pair(noise)
    by_one = sample_derivative(noise[:, :, 0], parameters["concentration1"]) * zero / total / total
    by_zero = sample_derivative(noise[:, :, 1], parameters["concentration0"]) * one / total / total
    return {"concentration1": cotangent * by_one, "concentration0": -(cotangent * by_zero)}
