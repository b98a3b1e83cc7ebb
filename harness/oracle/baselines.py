"""Constant baselines: the mean of the objective, and for every coordinate the one of least variance.

Both are means of known functions: sums over the support for discrete distributions, quadrature for the
continuous ones, whose objectives here are sums over coordinates: f = f_i + rest, and the rest is independent of
score_i, so that E[f s_i^2] / E[s_i^2] = E[f_i s_i^2] / E[s_i^2] + E f - E f_i.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import dtypes
from harness.errors import BadInputError
from harness.estimators import ESTIMATORS
from harness.oracle.costs import COSTS
from harness.oracle.quadrature import continuous
from harness.oracle.samplers import SAMPLERS
from harness.oracle.sized import sized
from harness.problems import NOISE, PROBLEMS
from implementations.interface import outcomes

Float = NDArray[np.float64]


def constants_of(
    estimator: str, problem: str, parameters: Mapping[str, Any], constants: Mapping[str, Any], dtype: str
) -> dict[str, Float]:
    """Return the baselines that an estimator asks for, rounded to the dtype; none for most."""
    patterns = ESTIMATORS[estimator].constants
    known = baselines(problem, parameters, constants) if patterns else {}
    return {
        name: dtypes.rounded(value, dtype)
        for name, value in known.items()
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    }


def baselines(problem: str, parameters: Mapping[str, Any], constants: Mapping[str, Any]) -> dict[str, Float]:
    """Return the baselines as constants.

    Args:
        problem: one whose features say "exact".
        parameters: {name: [*event]}.
        constants: of the objective.

    Returns:
        {"baseline": E f, "baseline.NAME": E[f s_i^2] / E[s_i^2] of every parameter, [*event]}.

    Raises:
        BadInputError: the distribution has more outcomes than are enumerated.

    Reference:
        Greensmith, Bartlett and Baxter, 2004, theorem 8.
    """
    row = PROBLEMS[problem]
    if SAMPLERS[row.distribution].support is not None:
        reason = outcomes.excess(NOISE[row.distribution], next(iter(parameters.values())).shape)
        if reason:
            raise BadInputError(
                f"problem {problem!r} has no baselines that are known: {reason}; take another estimator"
            )
    wide = {name: np.asarray(value, np.longdouble) for name, value in parameters.items()}
    fixed = {name: np.asarray(value, np.longdouble) for name, value in constants.items()}
    found = _by_quadrature if SAMPLERS[row.distribution].support is None else _by_enumeration
    mean, best = found(row.distribution, row.objective, wide, fixed)
    return {"baseline": np.asarray(mean, np.float64)} | {
        f"baseline.{name}": np.asarray(v, np.float64) for name, v in best.items()
    }


def _by_enumeration(distribution: str, objective: str, parameters: Any, constants: Any) -> tuple[Any, dict[str, Any]]:
    sampler, cost = SAMPLERS[distribution], COSTS[objective]
    if sampler.support is None:
        raise ValueError(f"{distribution} cannot be enumerated")
    x = sized(sampler.support(parameters))
    probs = np.exp(sampler.log_prob(x, parameters).value[0])  # [points]
    f = cost.value(x, parameters, constants).value[0]
    squares = {name: score.value[0] ** 2 for name, score in sampler.score(x, parameters).items()}
    return probs @ f, {
        name: np.tensordot(probs * f, square, 1) / np.tensordot(probs, square, 1) for name, square in squares.items()
    }


def _by_quadrature(distribution: str, objective: str, parameters: Any, constants: Any) -> tuple[Any, dict[str, Any]]:
    sampler, cost = SAMPLERS[distribution], COSTS[objective]
    best: dict[str, Any] = {name: np.zeros_like(value) for name, value in parameters.items()}
    means = np.zeros_like(next(iter(parameters.values())))
    for index in np.ndindex(means.shape):
        own = {name: np.reshape(value[index], 1) for name, value in parameters.items()}
        kept = {name: np.reshape(value[index], 1) if value.shape == means.shape else value
                for name, value in constants.items()}  # fmt: skip
        rule = continuous(distribution, own, 1)
        if rule is None:
            raise ValueError(f"a coordinate of {distribution} has too many numbers of noise for a product rule")
        noise, weights = rule  # [points, 1, *draws, 1]
        x = sampler.sample(own, noise)
        f = cost.value(x, own, kept).value[:, 0]
        means[index] = weights @ f
        for name, score in sampler.score(x, own).items():
            square = score.value[:, 0, 0] ** 2
            best[name][index] = (weights * f) @ square / (weights @ square) - means[index]
    return means.sum(), {name: value + means.sum() for name, value in best.items()}
