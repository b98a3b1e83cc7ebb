"""Exact moments by quadrature: the hand-written gradient of `estimators` at nodes of a rule for its own base noise.

A gradient is the mean over independent samples, so its variance is that of one sample over their number; where the
samples of a gradient are not independent terms (a leave-one-out baseline, a bound) the rule runs over all of them.

One normal number has a fine trapezoidal rule, several have a Gauss-Hermite product rule, gamma variates a trapezoidal
one in their logarithm. Logistic noise l of one bit becomes u = sigmoid(l), uniform, in intervals between the points at
which a sample at l or at -l changes, each with a Gauss-Legendre rule after a change of variable that takes away the
singularities at its ends. Where a gradient depends on noise only through the sample's value, values are summed instead:
the support, or a rule for beta variables.

Reference:
    Abramowitz and Stegun, 1964, 25.4.29 and 25.4.46; Davis and Rabinowitz, Methods of Numerical Integration, 1984,
    section 2.9.1 (change of variable).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray

from harness.estimators import ESTIMATORS
from harness.oracle.costs import COSTS
from harness.oracle.estimators import GRADIENTS, Given
from harness.oracle.quadrature import COLUMNS, LARGEST, beta_values, continuous, product
from harness.oracle.samplers import SAMPLERS
from harness.problems import NOISE, PROBLEMS
from implementations.interface import outcomes

Real = NDArray[np.longdouble]
Float = NDArray[np.float64]

#: Points of the Legendre rule in each interval.
LEGENDRE = 96

#: Estimators whose samples are not independent terms of a mean.
JOINT = frozenset({"score_function_leave_one_out", "iwae", "dreg", "vimco"})

#: Estimators of discrete and beta variables whose gradient depends on the noise through the sample alone.
BY_VALUE = frozenset(
    {"score_function", "score_function_constant", "score_function_optimal", "straight_through", "muprop", "vimco"}
    | {"score_function_leave_one_out"}
)


class Moments(NamedTuple):
    """Exact moments of one gradient by one parameter, per coordinate."""

    mean: Float
    variance: Float


def moments(
    estimator: str, problem: str, parameters: Mapping[str, Any], constants: Mapping[str, Any], samples: int
) -> dict[str, Moments] | None:
    """Return mean and variance of one gradient by each parameter; None where no rule is small enough.

    Args:
        estimator: its name.
        problem: its name.
        parameters: of the distribution, in float64.
        constants: of the objective and of the estimator.
        samples: samples that go into one gradient.
    """
    row = PROBLEMS[problem]
    if row.objective not in COSTS:
        return None
    wide = {name: np.asarray(value, np.longdouble) for name, value in parameters.items()}
    fixed = {name: np.asarray(value, np.longdouble) for name, value in constants.items()}
    count = samples if estimator in JOINT else 1
    found = _rule(estimator, row.distribution, wide, count)
    if found is None:
        return None
    noise, mass = found
    given = Given(SAMPLERS[row.distribution], COSTS[row.objective], wide, fixed, noise)
    result = {}
    for name, gradient in GRADIENTS[estimator](given).items():
        mean = np.tensordot(mass, gradient.value, 1)
        spread = np.tensordot(mass, (gradient.value - mean) ** 2, 1)
        result[name] = Moments(*(np.asarray(part, np.float64) for part in (mean, spread * count / samples)))
    return result


def _rule(estimator: str, distribution: str, parameters: dict[str, Real], samples: int) -> tuple[Real, Real] | None:
    """Return noise [points, samples, *event] and masses [points]."""
    event = next(iter(parameters.values())).shape
    size = samples * int(np.prod(event))
    if distribution == "BETA" and estimator in BY_VALUE:
        return beta_values(parameters, samples)
    if distribution in COLUMNS:
        return None if estimator == "measure_valued" else continuous(distribution, parameters, samples)
    if estimator == "exact" or estimator in BY_VALUE:
        return _by_value(distribution, parameters, samples)
    draws = ESTIMATORS[estimator].draws({"inner": 1.0})
    if distribution == "BERNOULLI" and size == 1 and estimator != "gumbel_rao":
        return _of_one_bit(float(parameters["logits"].reshape(())), draws, event)
    return None


def _by_value(distribution: str, parameters: dict[str, Real], samples: int) -> tuple[Real, Real] | None:
    """Return noise that gives every joint value of some samples, and the values' probabilities."""
    sampler, event = SAMPLERS[distribution], parameters["logits"].shape
    if sampler.support is None or outcomes.excess(NOISE[distribution], event, samples):
        return None
    if sampler.points(parameters) ** samples > LARGEST:
        return None
    values = sampler.support(parameters)[0]  # [points, *event]
    from harness.oracle.sized import sized

    mass = np.exp(sampler.log_prob(sized(values[None]), parameters).value[0])
    chosen = np.array(list(itertools.product(range(len(values)), repeat=samples)))
    # noise so large that it decides: towards 1 or 0, or for the class that is drawn
    push = 4 * (np.abs(parameters["logits"]).max() + 1)
    return ((2 * values - 1) * push)[chosen], mass[chosen].prod(1)


def _of_one_bit(logit: float, draws: int, event: tuple[int, ...]) -> tuple[Real, Real]:
    """Return the rule of one sample of one bit: its first draw in intervals, every further draw in one."""
    p = 1 / (1 + np.exp(-np.longdouble(logit)))
    ends = sorted({np.longdouble(0), 1 - p, p, np.longdouble(1)})
    first = [_open(low, high) for low, high in itertools.pairwise(ends)]
    points, weights = (np.concatenate(part) for part in zip(*first, strict=True))
    columns = [(points, weights)]
    columns += [_open(np.longdouble(0), np.longdouble(1))] * (draws - 1)
    noise, mass = product(columns)
    shape = (-1, 1, *([draws] if draws > 1 else []), *event)
    return noise.reshape(shape), mass


@cache
def _legendre() -> tuple[Float, Float]:
    return leggauss(LEGENDRE)


def _open(low: Any, high: Any) -> tuple[Real, Real]:
    """Return logistic noise and masses of u in an interval: u = low + (high - low) (3 t^2 - 2 t^3), t in (0, 1).

    The logit of u is formed from distances to 0 and to 1, which do not cancel.
    """
    nodes, weights = _legendre()
    t, dt = (nodes.astype(np.longdouble) + 1) / 2, weights.astype(np.longdouble) / 2
    width = high - low
    below, above = width * t**2 * (3 - 2 * t), width * (1 - t) ** 2 * (1 + 2 * t)
    return np.log(low + below) - np.log(1 - high + above), dt * width * 6 * t * (1 - t)
