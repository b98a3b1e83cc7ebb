"""Truth for every replicate of every estimator: the gradient for given noise, by formulas worked out by hand.

Computed in `np.longdouble` from the numbers that a backend is given (rounded to its dtype, held in float64), so
on a machine whose long double has 64 bits of mantissa it serves float64 too. Beside each value stands the sum of
the absolute values of its terms: the same formula with every difference replaced by the sum of magnitudes. That
is what rounding errors are proportional to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.errors import unknown

#: An array of np.longdouble.
Real = NDArray[Any]
Arrays = Mapping[str, Real]


class Truth(NamedTuple):
    """A value and what its rounding error scales with.

    Attributes:
        value: in long double, [replicates, *param].
        magnitude: sum of absolute terms, of the same shape.
    """

    value: Real
    magnitude: Real


class Scored(NamedTuple):
    """What a score-function estimator is made of.

    Attributes:
        objective: f [replicates, samples].
        scores: {parameter: d log p / d parameter [replicates, samples, *event]}.
    """

    objective: Truth
    scores: dict[str, Truth]


def _distance(parameters: Arrays, constants: Arrays, noise: Real) -> Truth:
    """Return x - k with x = loc + scale e."""
    loc, scale, k = parameters["loc"], parameters["scale"], constants.get("k", np.longdouble(0))
    return Truth(loc + scale * noise - k, np.abs(loc) + scale * np.abs(noise) + np.abs(k))


def _pathwise_normal(parameters: Arrays, constants: Arrays, noise: Real) -> dict[str, Truth]:
    """Return the means over samples of d f / d x = 2 (x - k) by loc, and of 2 (x - k) e by scale."""
    value, magnitude = _distance(parameters, constants, noise)
    return {
        "loc": Truth((2 * value).mean(axis=1), (2 * magnitude).mean(axis=1)),
        "scale": Truth((2 * value * noise).mean(axis=1), (2 * magnitude * np.abs(noise)).mean(axis=1)),
    }


def _scored_normal(parameters: Arrays, constants: Arrays, noise: Real) -> Scored:
    """Return f = sum over the event of (x - k)^2, and the scores e / scale and (e^2 - 1) / scale.

    A backend finds e again as (x - loc) / scale, from a sample that was rounded at the size of x.
    """
    event = tuple(range(2, noise.ndim))
    value, magnitude = _distance(parameters, constants, noise)
    loc, scale = parameters["loc"], parameters["scale"]
    standardized = (2 * np.abs(loc) + scale * np.abs(noise)) / scale
    return Scored(
        Truth((value**2).sum(axis=event), (magnitude**2).sum(axis=event)),
        {
            "loc": Truth(noise / scale, standardized / scale),
            "scale": Truth((noise**2 - 1) / scale, (standardized**2 + 1) / scale),
        },
    )


def _scored_bernoulli(parameters: Arrays, constants: Arrays, noise: Real) -> Scored:
    """Return f0 + (f1 - f0) b and the score b - p, b = 1 where logits + noise > 0; exact addition has that sign."""
    logits, f0, f1 = parameters["logits"], constants["f0"], constants["f1"]
    sign = np.where(logits + noise > 0, np.longdouble(1), np.longdouble(-1))
    b = (sign + 1) / 2
    score = sign * np.exp(-np.logaddexp(0, sign * logits))  # 1 - p = sigmoid(-l) at b = 1, -p = -sigmoid(l) at 0
    return Scored(
        Truth(np.where(b > 0, f1, f0), np.abs(f0) + (np.abs(f0) + np.abs(f1)) * b),
        # sigmoid(l) carries the relative error |l| eps of its exponent
        {"logits": Truth(score, np.abs(score) * (1 + np.abs(logits)))},
    )


_SCORED: dict[str, Callable[[Arrays, Arrays, Real], Scored]] = {
    "quadratic": _scored_normal,
    "norm_squared": _scored_normal,
    "bernoulli": _scored_bernoulli,
}


def _weighted(scored: Scored, weight: Truth) -> dict[str, Truth]:
    """Return the mean over samples of weight [replicates, samples] times score, for each parameter."""

    def by(score: Truth) -> Truth:
        shape = weight.value.shape + (1,) * (score.value.ndim - 2)  # [replicates, samples, 1, ...]
        value = weight.value.reshape(shape) * score.value
        return Truth(value.mean(axis=1), (weight.magnitude.reshape(shape) * score.magnitude).mean(axis=1))

    return {name: by(score) for name, score in scored.scores.items()}


def _score_function(scored: Scored) -> dict[str, Truth]:
    return _weighted(scored, scored.objective)


def _leave_one_out(scored: Scored) -> dict[str, Truth]:
    """Weigh each sample by f_s - (sum of all f - f_s) / (S - 1)."""
    value, magnitude = scored.objective
    others = value.shape[1] - 1
    baseline = (value.sum(axis=1, keepdims=True) - value) / others
    size = (magnitude.sum(axis=1, keepdims=True) + magnitude) / others  # the subtraction is part of a backend's sum
    return _weighted(scored, Truth(value - baseline, magnitude + size))


def _relaxed_bernoulli(parameters: Arrays, constants: Arrays, noise: Real) -> dict[str, Truth]:
    """Return the mean over samples of (f1 - f0) sigmoid(z) sigmoid(-z) / T, z = (logits + noise) / T.

    The relative error of sigmoid(z) sigmoid(-z) is at most |z|'s absolute error, (|logits| + |noise|) / T eps.
    """
    logits, temperature = parameters["logits"], constants["temperature"]
    f0, f1 = constants["f0"], constants["f1"]
    z = (logits + noise) / temperature
    slope = np.exp(-np.logaddexp(0, z) - np.logaddexp(0, -z)) / temperature
    conditioning = 1 + (np.abs(logits) + np.abs(noise)) / temperature
    return {
        "logits": Truth(
            ((f1 - f0) * slope).mean(axis=1), ((np.abs(f0) + np.abs(f1)) * slope * conditioning).mean(axis=1)
        )
    }


_FROM_SCORES = {"score_function": _score_function, "score_function_leave_one_out": _leave_one_out}
_DIRECT: dict[tuple[str, str], Callable[[Arrays, Arrays, Real], dict[str, Truth]]] = {
    ("pathwise", "quadratic"): _pathwise_normal,
    ("pathwise", "norm_squared"): _pathwise_normal,
    ("gumbel_softmax", "bernoulli"): _relaxed_bernoulli,
    ("straight_through_gumbel", "bernoulli"): _relaxed_bernoulli,  # f is linear: f' is the same at b and at z
}

#: The pairs (estimator, problem) that have a truth.
PAIRS = (*_DIRECT, *((estimator, problem) for estimator in _FROM_SCORES for problem in _SCORED))


def truth(
    estimator: str, problem: str, parameters: Mapping[str, Any], constants: Mapping[str, Any], noise: Any
) -> dict[str, Truth]:
    """Return every replicate's gradient by each parameter.

    Args:
        estimator: its name.
        problem: its name; (estimator, problem) must be one of `PAIRS`.
        parameters: {name: [*event]}, the numbers that the backend was given.
        constants: of the objective and of the estimator ("temperature"), likewise.
        noise: base noise [replicates, samples, *event], likewise.

    Returns:
        {parameter: Truth}, arrays [replicates, *event].

    Raises:
        BadInputError: there is no truth for the pair.
    """
    if (estimator, problem) not in PAIRS:
        raise unknown("truth for estimator and problem", f"{estimator} {problem}", [" ".join(pair) for pair in PAIRS])
    wide = {name: np.asarray(value, np.longdouble) for name, value in parameters.items()}
    fixed = {name: np.asarray(value, np.longdouble) for name, value in constants.items()}
    draws = np.asarray(noise, np.longdouble)
    if (estimator, problem) in _DIRECT:
        return _DIRECT[estimator, problem](wide, fixed, draws)
    return _FROM_SCORES[estimator](_SCORED[problem](wide, fixed, draws))
