"""Wrong estimators, each with one mistake that people make, and the proof that the judge catches every one.

The mistakes are made in the backend's own automatic differentiation. Each is held against the oracle replicate by
replicate, and against the laws of mean and variance, which need no noise in common.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from harness import noise
from harness.execution.work import Cell, Work
from harness.oracle import estimators as truths
from harness.oracle import gradients, variances
from harness.statistics import intervals, moments

REPLICATES, SAMPLES, DIMENSION = 20_000, 2, 2
PARAMETERS = {"loc": np.array([0.7, -0.5]), "scale": np.array([1.25, 0.75])}
NOISE_KEY = (13, "mutations")


class Parts:
    """What surrogates are made of: x [R, S, D], f [R, S], and log p summed over the event [R, S].

    Indexing and arithmetic alone are used, so that one text serves every framework.
    """

    def __init__(self, backend: ModuleType, broadcast: Any, e: Any) -> None:
        self.stop = backend.autodiff.stop_gradient
        self.parameters = broadcast
        self.normal = backend.distributions.NORMAL
        self.moving = self.normal.sample(broadcast, e)
        self.x = self.stop(self.moving)
        self.objective = lambda x: backend.objectives.norm_squared(x, broadcast, {})
        self.f = self.stop(self.objective(self.x))

    def log_prob(self, x: Any) -> Any:
        each = self.normal.log_prob(x, self.parameters)
        return each[..., 0] + each[..., 1]

    def first_log_prob(self, x: Any) -> Any:
        return self.normal.log_prob(x, self.parameters)[..., 0]

    def mean_f(self) -> Any:
        return (self.f[:, :1] + self.f[:, 1:]) / 2  # [R, 1]

    def other_f(self) -> Any:
        return 2 * self.mean_f() - self.f


RIGHT = {
    "pathwise": ("pathwise", lambda p: p.objective(p.moving)),
    "score_function": ("score_function", lambda p: p.f * p.log_prob(p.x)),
    "score_function_leave_one_out": (
        "score_function_leave_one_out",
        lambda p: (p.f - p.other_f()) * p.log_prob(p.x),
    ),
}

# name: (the estimator that it should be, its surrogate [R, S], and whether "mean" or "variance" gives it away)
WRONG = {
    "pathwise with its sign reversed": ("pathwise", lambda p: -p.objective(p.moving), "mean"),
    "pathwise without 1/S": ("pathwise", lambda p: 2 * p.objective(p.moving), "mean"),
    # the term times 0 keeps the parameters in the graph; some frameworks refuse a constant
    "pathwise with the sample held constant": ("pathwise", lambda p: p.f + 0 * p.log_prob(p.x), "mean"),
    "score with its sign reversed": ("score_function", lambda p: -p.f * p.log_prob(p.x), "mean"),
    "score without 1/S": ("score_function", lambda p: 2 * p.f * p.log_prob(p.x), "mean"),
    "score without stop_gradient on the weight": (
        "score_function",
        lambda p: p.objective(p.moving) * p.log_prob(p.x),
        "mean",
    ),
    "score with a gradient through the sample": ("score_function", lambda p: p.f * p.log_prob(p.moving), "mean"),
    "score with log_prob not summed": ("score_function", lambda p: p.f * p.first_log_prob(p.x), "mean"),
    "score with log_prob averaged": ("score_function", lambda p: p.f * p.log_prob(p.x) / 2, "mean"),
    "score with a baseline nobody asked for": (
        "score_function",
        lambda p: (p.f - p.other_f()) * p.log_prob(p.x),
        "variance",
    ),
    "leave-one-out with its sign reversed": (
        "score_function_leave_one_out",
        lambda p: (p.other_f() - p.f) * p.log_prob(p.x),
        "mean",
    ),
    "leave-one-out with its own sample in the baseline": (
        "score_function_leave_one_out",
        lambda p: (p.f - p.mean_f()) * p.log_prob(p.x),
        "mean",
    ),
    "leave-one-out without a baseline": ("score_function_leave_one_out", lambda p: p.f * p.log_prob(p.x), "variance"),
    "leave-one-out without stop_gradient on the sample": (
        "score_function_leave_one_out",
        lambda p: (p.f - p.other_f()) * p.log_prob(p.moving),
        "mean",
    ),
}


def draws() -> np.ndarray:
    return noise.generator(*NOISE_KEY).standard_normal((REPLICATES, SAMPLES, DIMENSION))


def run(backend: ModuleType) -> dict[str, Any]:
    """In the framework's process: gradients of every surrogate, eager and in float64."""
    runtime = backend.runtime
    parameters = {name: runtime.asarray(value, "float64") for name, value in PARAMETERS.items()}
    e = runtime.asarray(draws(), "float64")

    def gradient(surrogate: Any) -> Any:
        found = backend.autodiff.per_replicate_gradient(
            lambda broadcast: surrogate(Parts(backend, broadcast, e)), parameters, REPLICATES
        )
        return runtime.to_numpy(found)

    return {name: gradient(row[1]) for name, row in (RIGHT | WRONG).items()}


@pytest.fixture(scope="module")
def found(workers, installed_backends):
    """{backend: {name: {parameter: gradients [replicates, dimension]}}}."""
    cells = [Cell(f"mutations {name}", Work(f"{__name__}:run", name)) for name in installed_backends]
    return dict(zip(installed_backends, workers.run(cells), strict=True))


def excess(estimator, gradient):
    """Largest error in units of eps times the sum of absolute terms."""
    truth = truths.truth(estimator, "norm_squared", PARAMETERS, {}, draws())
    eps = np.finfo(np.float64).eps
    return max(float(np.max(np.abs(gradient[name] - truth[name].value) / truth[name].size)) / eps for name in truth)


def deviations(estimator, gradient):
    """Largest distance of mean and of variance from their laws over the coordinates, in standard errors."""
    exact_mean = gradients.expectation("norm_squared", PARAMETERS, {}).gradient
    exact = variances.variance(estimator, "norm_squared", PARAMETERS, {}, SAMPLES)
    worst = {"mean": 0.0, "variance": 0.0}
    for name, values in gradient.items():
        for i in range(DIMENSION):
            stream = moments.start(values[:, i : i + 1])
            mean, variance = intervals.mean(stream), intervals.variance(stream)
            for what, estimate, truth in (("mean", mean, exact_mean[name][i]), ("variance", variance, exact[name][i])):
                error = abs(estimate.value - truth) / max(estimate.standard_error, 1e-9)
                worst[what] = max(worst[what], float(error))
    return worst


@pytest.mark.parametrize("name", RIGHT)
def test_right_estimator_passes(found, backend, name):
    """16 rounding errors of the magnitude are a generous bound for sums of so few terms.

    The laws: 4 coordinates, mean and variance, 3 estimators at 6 standard errors, a false alarm in far below 1e-3 of
    seeds also with heavy tails.
    """
    assert excess(name, found[backend][name]) <= 16
    assert max(deviations(name, found[backend][name]).values()) <= 6


@pytest.mark.parametrize("name", WRONG)
def test_wrong_estimator_is_caught_by_the_replicate(found, backend, name):
    """Not by a hair: the error is a million times what rounding can make."""
    assert excess(WRONG[name][0], found[backend][name]) >= 16e6


@pytest.mark.parametrize("name", WRONG)
def test_wrong_estimator_is_caught_by_the_law(found, backend, name):
    """20,000 replicates put every one of these mistakes beyond the 6 standard errors that the right ones keep."""
    estimator, _, law = WRONG[name]
    assert deviations(estimator, found[backend][name])[law] > 6
