"""Score functions whose baseline is estimated, as it is where nobody knows the moments of objective and score.

The baseline is made of samples that no gradient sees, drawn once for a subject from a stream of its own. Given the
baseline the gradients are independent, and E[b d log p] = 0 for every constant b: no bias, however few samples make it.
A baseline that is made of a gradient's own S samples is biased: it takes 1/S of the gradient away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import noise as noises
from harness.estimators import ESTIMATORS, Estimator
from harness.subjects.expectation import Expectation
from harness.subjects.user_objective import repeated
from harness.validation import Setting

Float = NDArray[np.float64]

#: The estimators with estimated baselines, and those whose baselines are exact.
ESTIMATED = {
    "score_function_estimated_constant": "score_function_constant",
    "score_function_estimated_optimal": "score_function_optimal",
}

_TEXTS = {
    "score_function_estimated_constant": "(f(x) - mean of f at other samples) d log p(x; parameters) / d parameters",
    "score_function_estimated_optimal": "(f(x) - b_i) s_i, b_i = mean of f s_i^2 / mean of s_i^2 at other samples",
}

#: Numbers in the samples that are evaluated at once.
_CHUNK = 2**20


def rows() -> dict[str, Estimator]:
    """Return the rows of the estimators with estimated baselines, by name."""
    return {name: _row(name, ESTIMATORS[exact]) for name, exact in ESTIMATED.items()}


def _row(name: str, exact: Estimator) -> Estimator:
    settings = {"baseline_samples": Setting(1024.0, "count", "samples that make the baseline")}
    return replace(exact, text=_TEXTS[name], needs=exact.needs - {"exact"}, settings=settings)


def baselines(goal: Expectation, score_function: Callable[..., Any], samples: int) -> dict[str, Float]:
    """Return estimated baselines, as the constants that the estimators take.

    Args:
        goal: the expectation.
        score_function: the backend's `score_function`.
        samples: that make the baselines.

    Returns:
        {"baseline": mean of f, "baseline.NAME": mean of f s_i^2 / mean of s_i^2 for every parameter, [*event]}, s the
        score. A coordinate whose score is 0 at all samples has the mean of f.

    Reference:
        Greensmith, Bartlett and Baxter, 2004, theorem 8.
    """
    chunk = max(min(samples, _CHUNK // goal.size), 1)
    total, squares = 0.0, {name: np.zeros(goal.event) for name in goal.parameters}
    weighted = {name: np.zeros(goal.event) for name in goal.parameters}
    for number in range(-(-samples // chunk)):
        count = min(chunk, samples - number * chunk)
        cost, scores = _chunk(goal, score_function, count, number)
        total += float(cost.sum())
        for name, score in scores.items():
            squares[name] += np.square(score).sum(axis=0)
            weighted[name] += np.tensordot(cost, np.square(score), 1)
    mean = total / samples
    return {"baseline": np.asarray(mean)} | {
        f"baseline.{name}": np.divide(weighted[name], square, out=np.full(goal.event, mean), where=square > 0)
        for name, square in squares.items()
    }


def _chunk(
    goal: Expectation, score_function: Callable[..., Any], count: int, number: int
) -> tuple[Float, dict[str, Float]]:
    """Return f [count] and the score {name: [count, *event]} at samples of the baselines' own stream."""
    random = noises.generator(0, "from_estimator", goal.distribution.lower(), "baseline", number)
    noise = goal.noise((count, 1, *goal.event), random)
    one = goal.array(np.ones((count, 1)))
    x = goal.functions.sample(goal.parameters, noise)
    cost = goal.objective(x, repeated(goal.parameters, x), {})
    # the score is the score-function gradient of f = 1
    scores = score_function(goal.functions, lambda *_: one, goal.parameters, {}, noise)
    host = goal.backend.runtime.to_numpy
    return np.asarray(host(cost), np.float64)[:, 0], {k: np.asarray(host(v), np.float64) for k, v in scores.items()}
