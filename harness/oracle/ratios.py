"""Exact moments of importance-weighted gradients of the linear Gaussian model, with any number of samples.

The gradients are ratios of sums over S independent samples, g = sum_s a_s / (sum_s w_s)^n, with

    a = w d log w / d parameters, n = 1       for the importance-weighted bound,
    a = w^2 (d log w / d z) d z / d parameters, n = 2       for the doubly reparameterized one.

With 1 / W^n = (1 / (n - 1)!) int_0^inf t^(n - 1) exp(-t W) dt, independence leaves integrals over one sample:

    E g   = S / (n - 1)! int t^(n - 1) E[a exp(-t w)] phi^(S - 1) dt,                    phi(t) = E exp(-t w),
    E g^2 = S / (2 n - 1)! int t^(2 n - 1) (E[a^2 exp(-t w)] phi^(S - 1)
                                            + (S - 1) (E[a exp(-t w)])^2 phi^(S - 2)) dt.

Both integrals, over the noise e and over log t, are trapezoidal rules on the whole line for integrands that are
analytic and fall off at both ends.

Reference:
    Derived here, and held against the Gauss-Hermite product rule of `rules` by the tests; Trefethen and Weideman, The
    Exponentially Convergent Trapezoidal Rule, 2014, section 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.oracle.costs import COSTS
from harness.oracle.quadrature import line
from harness.oracle.rules import Moments
from harness.oracle.sized import sized
from harness.problems import PROBLEMS

Real = NDArray[Any]

#: Step of the rule over log t, and where it ends.
STEP_LOG, LOW_LOG, HIGH_LOG = 1 / 16, -60.0, 60.0

#: The power n of the weights' sum, by estimator.
POWERS = {"iwae": 1, "dreg": 2}


def moments(
    estimator: str, problem: str, parameters: Mapping[str, Any], constants: Mapping[str, Any], samples: int
) -> dict[str, Moments] | None:
    """Return mean and variance of one gradient by each parameter; None where there is more than one coordinate.

    Args:
        estimator: a key of `POWERS`.
        problem: whose bound is that of the linear Gaussian model.
        parameters: "loc" and "scale" [1].
        constants: "prior" and "x" [1].
        samples: S, at least 2.
    """
    if PROBLEMS[problem].distribution != "NORMAL" or np.size(parameters["loc"]) != 1:
        return None
    noise, mass = line()
    wide, fixed = (
        {name: np.asarray(value, np.longdouble).reshape(1) for name, value in arrays.items()}
        for arrays in (parameters, constants)
    )
    cost = COSTS[PROBLEMS[problem].objective]
    z = sized((wide["loc"] + wide["scale"] * noise).reshape(1, -1, 1))
    log_weight = cost.value(z, wide, fixed).value.ravel()
    log_weight = log_weight - np.log(np.sum(mass * np.exp(log_weight)))  # E w = 1; no gradient changes
    slope = cost.slope(z, wide, fixed).value.ravel()
    paths = {"loc": slope, "scale": slope * noise}
    if POWERS[estimator] == 1:
        explicit = cost.explicit(z, wide, fixed)
        paths = {name: path + explicit[name].value.ravel() for name, path in paths.items()}
    weight = np.exp(log_weight)
    return {name: _ratio(path * weight ** POWERS[estimator], weight, mass, POWERS[estimator], samples)
            for name, path in paths.items()}  # fmt: skip


def _ratio(a: Real, weight: Real, mass: Real, power: int, samples: int) -> Moments:
    """Return the moments of sum_s a_s / (sum_s w_s)^power, over values of one sample and their masses."""
    t = np.exp(np.arange(LOW_LOG, HIGH_LOG, STEP_LOG).astype(np.longdouble))
    damped = np.exp(-np.outer(t, weight))  # [t, noise]
    phi, first, second = (damped @ (mass * part) for part in (np.ones_like(a), a, a * a))
    dt = STEP_LOG * t
    mean = samples / np.longdouble(factorial(power - 1)) * np.sum(dt * t ** (power - 1) * first * phi ** (samples - 1))
    own = second * phi ** (samples - 1)
    pairs = (samples - 1) * first**2 * phi ** (samples - 2)
    square = samples / np.longdouble(factorial(2 * power - 1)) * np.sum(dt * t ** (2 * power - 1) * (own + pairs))
    return Moments(*(np.asarray(part, np.float64).reshape(1) for part in (mean, square - mean**2)))
