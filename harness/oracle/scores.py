"""Truth for the Fisher information of output distributions: explicit matrices, sums of score score^T, scores by hand.

The expectation is a finite sum. For a normal the product of two scores is a polynomial of degree 4 in the value at
most, and the three-point Gauss-Hermite rule is exact up to degree 5; for the others every value is enumerated. No
formula of a Fisher information is used, and no differentiation. Everything is generic in the NumPy dtype.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

#: An array of the dtype in which the truth is computed.
Real = NDArray[Any]
Arrays = Mapping[str, Real]


class Family(NamedTuple):
    """An output distribution.

    Attributes:
        score: (values [samples, examples, *event], parameters) -> derivatives of the log-probability of each value
            by each parameter, [samples, examples, *event].
        rule: parameters -> (values [points, examples, *event], weights [points, examples, *entries]) with which the
            mean of a product of two scores of one entry is exact.
        axes: how many of the last axes of an event are one entry: 1 for a vector of classes.
    """

    score: Callable[[Real, Arrays], dict[str, Real]]
    rule: Callable[[Arrays], tuple[Real, Real]]
    axes: int = 0


def _normal(second: str, scale: Callable[[Real], Real], by: Callable[[Real], Real]) -> Family:
    """Return a normal family, with scores z / scale by loc and (z^2 - 1) / scale by scale, z = (x - loc) / scale.

    Args:
        second: the name of the parameter beside loc.
        scale: that parameter -> the scale.
        by: that parameter -> d log(scale) / d parameter, so that its score is (z^2 - 1) times that.
    """

    def score(values: Real, parameters: Arrays) -> dict[str, Real]:
        spread = scale(parameters[second])
        z = (values - parameters["loc"]) / spread
        return {"loc": z / spread, second: (z - 1) * (z + 1) * by(parameters[second])}

    def rule(parameters: Arrays) -> tuple[Real, Real]:
        loc = parameters["loc"]
        number = loc.dtype.type
        shape = (3, *(1 for _ in loc.shape))
        nodes = (np.sqrt(number(3)) * np.array([-1, 0, 1])).reshape(shape)
        weights = (np.array([1, 4, 1]) / number(6)).reshape(shape)
        return loc + scale(parameters[second]) * nodes, np.broadcast_to(weights, (3, *loc.shape))

    return Family(score, rule)


def _masses(logits: Real) -> Real:
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    result: Real = weights / weights.sum(-1, keepdims=True)
    return result


def _categorical_score(values: Real, parameters: Arrays) -> dict[str, Real]:
    """Score of class k by logit j, [j = k] - p_j, where 1 - p_k is the sum of the others: nothing cancels."""
    masses = _masses(parameters["logits"])
    others = masses @ (1 - np.eye(masses.shape[-1], dtype=masses.dtype))
    return {"logits": values * others - (1 - values) * masses}


def _categorical_rule(parameters: Arrays) -> tuple[Real, Real]:
    logits = parameters["logits"]
    classes = logits.shape[-1]
    one_hot = np.eye(classes, dtype=logits.dtype).reshape(classes, *(1 for _ in logits.shape[:-1]), classes)
    return np.broadcast_to(one_hot, (classes, *logits.shape)), np.moveaxis(_masses(logits), -1, 0)


def _bernoulli_masses(logits: Real) -> tuple[Real, Real]:
    """Return p(0) and p(1), each without cancellation."""
    return np.exp(-np.logaddexp(logits, 0)), np.exp(-np.logaddexp(-logits, 0))


def _bernoulli_score(values: Real, parameters: Arrays) -> dict[str, Real]:
    """Score p(0) at 1, and -p(1) at 0."""
    zero, one = _bernoulli_masses(parameters["logits"])
    return {"logits": values * zero - (1 - values) * one}


def _bernoulli_rule(parameters: Arrays) -> tuple[Real, Real]:
    masses = np.stack(_bernoulli_masses(parameters["logits"]))
    return np.stack([np.zeros_like(masses[0]), np.ones_like(masses[0])]), masses


#: By their names in `implementations.interface.families`.
FAMILIES = {
    "NORMAL": _normal("scale", lambda scale: scale, lambda scale: 1 / scale),
    "NORMAL_LOG_SCALE": _normal("log_scale", np.exp, np.ones_like),
    "NORMAL_VARIANCE": _normal("variance", np.sqrt, lambda variance: 1 / (2 * variance)),
    "CATEGORICAL": Family(_categorical_score, _categorical_rule, 1),
    "BERNOULLI": Family(_bernoulli_score, _bernoulli_rule),
}


def rule(family: str, parameters: Arrays) -> tuple[Real, Real]:
    """Return values and weights with which the mean of a product of two scores is exact: all entries jointly.

    Args:
        family: a key of `FAMILIES`.
        parameters: {name: [examples, *event]}.

    Returns:
        Values [samples, examples, *event] and weights [samples, examples].

    Reference:
        Abramowitz and Stegun, 1964, 25.4.46: three points in every entry of a normal.
    """
    values, weights = FAMILIES[family].rule(parameters)
    points, examples, *event = values.shape
    core = event[len(event) - FAMILIES[family].axes :]
    apart = values.reshape(points, examples, -1, *core)  # [points, examples, entries, *core]
    masses = weights.reshape(points, examples, -1)
    entries = masses.shape[-1]
    chosen = np.array(list(itertools.product(range(points), repeat=entries)))  # [samples, entries]
    joint = np.moveaxis(apart[chosen, :, np.arange(entries)], 1, 2)  # [samples, examples, entries, *core]
    weight = masses[chosen, :, np.arange(entries)].prod(1)  # [samples, examples]
    return joint.reshape(len(chosen), examples, *event), weight


def flat(arrays: Arrays, leading: int) -> Real:
    """Join {name: [*leading, *event]} into [*leading, numbers], in the order of the names."""
    parts = [array.reshape(*array.shape[:leading], -1) for array in arrays.values()]
    return np.concatenate(parts, -1)


def second_moment(family: str, parameters: Arrays, values: Real, weights: Real, absolute: bool = False) -> Real:
    """Sum over samples of weight score score^T, a matrix for each example: the Fisher information for `rule`.

    Args:
        family: a key of `FAMILIES`.
        parameters: {name: [examples, *event]}.
        values: [samples, examples, *event].
        weights: [samples, examples].
        absolute: take the absolute value of every score, which is the scale of the rounding errors.

    Returns:
        [examples, numbers, numbers], numbers being all parameters of an example, in the order of the names.

    Reference:
        Lehmann and Casella, Theory of Point Estimation, 1998, section 2.5.
    """
    scores = flat(FAMILIES[family].score(values, parameters), 2)  # [samples, examples, numbers]
    scores = np.abs(scores) if absolute else scores
    result: Real = np.einsum("ki,kia,kib->iab", weights, scores, scores)
    return result


def information(family: str, parameters: Arrays, absolute: bool = False) -> Real:
    """Fisher information E[score score^T] of each example, [examples, numbers, numbers], as in `second_moment`.

    Scores of a normal depend on value - loc alone; loc is taken as 0, so that a large one costs no digits.
    """
    centred = {key: np.zeros_like(part) if key == "loc" else part for key, part in parameters.items()}
    return second_moment(family, centred, *rule(family, centred), absolute)
