"""Exact moments of the Gumbel-Rao gradient of one bit, with any number of inner relaxations.

Given the bit b, the K inner gradients are independent and alike, with mean mu_b and variance v_b. By the laws of total
expectation and total variance,

    E g = sum_b p_b mu_b,    Var g = Var_b mu_b + (1 / K) sum_b p_b v_b.

mu_b and v_b are integrals over the logistic noise of one relaxation, by the trapezoidal rule on the whole line: the
gradient is analytic in a strip of half-width pi min(1, T) or so about it, and the density decays exponentially.

Reference:
    Paulus, Maddison and Krause, 2021, section 4; Trefethen and Weideman, 2014, section 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.oracle.costs import COSTS
from harness.oracle.estimators import GRADIENTS, Given
from harness.oracle.rules import Moments
from harness.oracle.samplers import SAMPLERS
from harness.problems import PROBLEMS

Real = NDArray[Any]

#: Noise beyond this has a mass of 1e-19.
END = 45.0


def moments(problem: str, parameters: Mapping[str, Any], constants: Mapping[str, Any], inner: int) -> Moments | None:
    """Return mean and variance of one gradient of one sample by the logit; None where there are several bits.

    Args:
        problem: of Bernoulli variables.
        parameters: "logits", one number.
        constants: of the objective, and "temperature".
        inner: K, relaxations for each sample.
    """
    wide = {name: np.asarray(value, np.longdouble) for name, value in parameters.items()}
    if PROBLEMS[problem].distribution != "BERNOULLI" or wide["logits"].size != 1:
        return None
    fixed = {name: np.asarray(value, np.longdouble) for name, value in constants.items()}
    step = min(1.0, float(fixed["temperature"])) / 8
    noise = np.arange(-END, END, step).astype(np.longdouble)
    mass = np.exp(-np.logaddexp(0, noise) - np.logaddexp(0, -noise))
    mass /= mass.sum()
    shape = wide["logits"].shape
    push = 4 * (abs(wide["logits"].reshape(())) + 1)  # noise that decides the bit
    means, spreads = [], []
    for sign in (-1, 1):
        draws = np.stack([np.full_like(noise, sign * push), noise], 1).reshape(-1, 1, 2, *shape)
        given = Given(SAMPLERS["BERNOULLI"], COSTS[PROBLEMS[problem].objective], wide, fixed, draws)
        values = GRADIENTS["gumbel_rao"](given)["logits"].value.ravel()
        means.append(mass @ values)
        spreads.append(mass @ (values - means[-1]) ** 2)
    one = np.exp(-np.logaddexp(0, -wide["logits"].reshape(())))
    share = np.array([1 - one, one])
    mean = share @ np.array(means)
    variance = share @ (np.array(means) - mean) ** 2 + share @ np.array(spreads) / inner
    return Moments(*(np.asarray(part, np.float64).reshape(shape) for part in (mean, variance)))
