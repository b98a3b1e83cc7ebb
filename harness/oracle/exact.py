"""Exact mean and variance of one gradient, biased or not: the road that each estimator allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.oracle import inner, ratios, relaxed, rules
from harness.oracle.rules import Moments

#: (estimator, problem, parameters, constants, samples) -> moments by each parameter, or None.
Road = Callable[[str, str, Mapping[str, Any], Mapping[str, Any], int], dict[str, Moments] | None]


def _gumbel_rao(
    estimator: str, problem: str, parameters: Mapping[str, Any], constants: Mapping[str, Any], samples: int
) -> dict[str, Moments] | None:
    found = inner.moments(problem, parameters, constants, int(constants["inner"]))
    if found is None:
        return rules.moments(estimator, problem, parameters, constants, samples)
    return {"logits": found._replace(variance=found.variance / samples)}


def _bound(
    estimator: str, problem: str, parameters: Mapping[str, Any], constants: Mapping[str, Any], samples: int
) -> dict[str, Moments] | None:
    found = ratios.moments(estimator, problem, parameters, constants, samples)
    return rules.moments(estimator, problem, parameters, constants, samples) if found is None else found


def _relaxed(
    estimator: str, problem: str, parameters: Mapping[str, Any], constants: Mapping[str, Any], samples: int
) -> dict[str, Moments] | None:
    if problem == "bernoulli":
        return {"logits": relaxed.bernoulli(parameters, constants, samples)}
    return rules.moments(estimator, problem, parameters, constants, samples)


ROADS: dict[str, Road] = {
    "gumbel_rao": _gumbel_rao,
    "iwae": _bound,
    "dreg": _bound,
    "gumbel_softmax": _relaxed,
    "straight_through_gumbel": _relaxed,
}


def moments(
    estimator: str, problem: str, parameters: Mapping[str, Any], constants: Mapping[str, Any], samples: int
) -> dict[str, Moments] | None:
    """Return mean and variance of one gradient by each parameter; None where there is no road.

    Args:
        estimator: its name.
        problem: its name.
        parameters: of the distribution, in float64.
        constants: of the objective and of the estimator.
        samples: samples that go into one gradient.
    """
    return ROADS.get(estimator, rules.moments)(estimator, problem, parameters, constants, samples)
