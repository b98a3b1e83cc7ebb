"""The oracle of the estimators: every unbiased one has the exact gradient as its mean, by quadrature, without sampling.

The formulas of each replicate (`oracle.estimators`) are summed over a rule (`oracle.rules`) and held against closed
forms and enumerations of the expectation (`oracle.gradients`), which share nothing with them but the problem.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import mpmath
import numpy as np
import pytest

from harness import noise
from harness.estimators import ESTIMATORS, fits, noise_shape
from harness.oracle import baselines, estimators, gradients, rules, variances
from harness.oracle.sized import sized
from harness.problems import PROBLEMS, draw_noise, instance
from harness.validation import settle

#: Settings away from symmetric points, at which errors could cancel.
SETTINGS = {
    "bernoulli": {"p": 0.3},
    "bernoulli_quadratic": {"p": 0.3},
    "cosine": {"k": 1.5},
    "linear_gaussian_iwae": {"x": 0.5},
    "norm_squared": {"loc": 0.7},
}
DIMENSIONS = {
    "bernoulli_quadratic": (1, 3),
    "norm_squared": (1, 2),
    "categorical_quadratic": (3,),
    "gamma_quadratic": (1, 2),
    "bernoulli_iwae": (2,),
}
PAIRS = [
    (estimator, problem, dimension)
    for estimator, problem in itertools.product(ESTIMATORS, PROBLEMS)
    if fits(estimator, problem) and "exact" in PROBLEMS[problem].features
    for dimension in DIMENSIONS.get(problem, (1,))
]


#: No exact variance: discontinuous in the noise (measure_valued), or smooth in too many numbers for a product rule.
NO_RULE = {
    *itertools.product(["measure_valued"], ["quadratic", "norm_squared", "exponential", "cosine"]),
    *itertools.product(["gumbel_rao"], ["bernoulli", "bernoulli_quadratic", "categorical_quadratic"]),
    *itertools.product(["gumbel_softmax", "straight_through_gumbel", "rebar", "relax"], ["categorical_quadratic"]),
}

#: Pairs whose variance has no other road either.
UNKNOWN = set(
    itertools.product(
        ["gumbel_softmax", "straight_through_gumbel", "gumbel_rao", "rebar", "relax"], ["categorical_quadratic"]
    )
)


def given(estimator: str, problem: str, dimension: int) -> tuple[dict[str, Any], dict[str, Any], Mapping[str, float]]:
    """Return parameters, constants and settings."""
    row = ESTIMATORS[estimator]
    chosen = SETTINGS.get(problem, {}) | ({"inner": 2.0} if "inner" in row.settings else {})
    settings = settle({**PROBLEMS[problem].settings, **row.settings}, chosen, "float64", problem)
    parameters, constants = instance(problem, settings, dimension, "float64")
    constants |= {name: np.asarray(settings[name]) for name in row.settings}
    constants |= baselines.constants_of(estimator, problem, parameters, constants, "float64")
    return parameters, constants, settings


@pytest.mark.parametrize(("estimator", "problem", "dimension"), PAIRS)
def test_values_are_at_most_their_size(estimator: str, problem: str, dimension: int) -> None:
    parameters, constants, settings = given(estimator, problem, dimension)
    event = next(iter(parameters.values())).shape
    samples = ESTIMATORS[estimator].least_samples
    shape = noise_shape(estimator, settings, 50, samples, event)
    drawn = draw_noise(problem, parameters, shape, noise.generator(4, "size", estimator, problem))
    found = estimators.truth(estimator, problem, parameters, constants, drawn)
    assert tuple(found) == PROBLEMS[problem].parameters
    for truth in found.values():
        assert truth.value.shape == truth.size.shape == (50, *event)
        assert (np.abs(truth.value) <= truth.size * (1 + 1e-15)).all()


@pytest.mark.parametrize(("estimator", "problem", "dimension"), PAIRS)
def test_unbiased_estimators_have_the_exact_mean(estimator: str, problem: str, dimension: int) -> None:
    """To 1e-9 of the gradient's scale: the rules' own error is below 1e-11."""
    parameters, constants, _ = given(estimator, problem, dimension)
    samples = ESTIMATORS[estimator].least_samples
    found = rules.moments(estimator, problem, parameters, constants, samples)
    exact = gradients.expectation(problem, parameters, constants, samples)
    if found is None or exact is None:
        assert (estimator, problem) in NO_RULE or dimension > 1  # no rule is small enough
        return
    for name, row in found.items():
        scale = np.abs(exact.gradient[name]).max() + np.sqrt(np.abs(row.variance).max())
        apart = np.abs(row.mean - exact.gradient[name]).max() / scale
        assert (apart > 1e-3) if ESTIMATORS[estimator].biased and biased_here(estimator, problem) else apart < 1e-9


def biased_here(estimator: str, problem: str) -> bool:
    """The straight-through gradient is exact where the objective is linear in every bit."""
    return not (estimator == "straight_through" and problem == "bernoulli")


def test_all_that_fits_has_an_exact_variance_but_for_a_few() -> None:
    unknown = set()
    for estimator, problem, dimension in PAIRS:
        if dimension == DIMENSIONS.get(problem, (1,))[0]:
            parameters, constants, _ = given(estimator, problem, dimension)
            found = variances.variance(estimator, problem, parameters, constants, ESTIMATORS[estimator].least_samples)
            assert found is None or tuple(found) == PROBLEMS[problem].parameters
            if found is None:
                unknown.add((estimator, problem))
    assert unknown == UNKNOWN


@pytest.mark.parametrize("problem", ["bernoulli_quadratic", "categorical_quadratic"])
def test_gumbel_rao_has_the_mean_of_straight_through_gumbel(problem: str) -> None:
    """For K = 1, 2, 5: paired on the same sample, 40,000 replicates; a level of 1e-6 for all coordinates together."""
    parameters, constants, settings = given("gumbel_rao", problem, 3)
    event = next(iter(parameters.values())).shape
    replicates = 40_000
    for inner in (1, 2, 5):
        shape = noise_shape("gumbel_rao", {**settings, "inner": inner}, replicates, 1, event)
        drawn = draw_noise(problem, parameters, shape, noise.generator(5, "rao", problem, inner))
        rao = estimators.truth("gumbel_rao", problem, parameters, constants, drawn)["logits"].value
        plain = estimators.truth("straight_through_gumbel", problem, parameters, constants, drawn[:, :, 0])
        apart = (rao - plain["logits"].value).astype(float)
        assert (np.abs(apart.mean(0)) < 5.3 * apart.std(0) / np.sqrt(replicates)).all()
        assert inner == 1 or (rao.var(0) < plain["logits"].value.var(0)).all()


def test_rebar_without_its_coefficient_is_the_score_function() -> None:
    for problem in ("bernoulli_quadratic", "categorical_quadratic"):
        parameters, constants, settings = given("rebar", problem, 3)
        event = next(iter(parameters.values())).shape
        drawn = draw_noise(problem, parameters, noise_shape("rebar", settings, 20, 2, event),
                           noise.generator(6, "rebar", problem))  # fmt: skip
        found = estimators.truth("rebar", problem, parameters, {**constants, "coefficient": 0.0}, drawn)
        score = estimators.truth("score_function", problem, parameters, constants, drawn[:, :, 0])
        np.testing.assert_allclose(found["logits"].value, score["logits"].value, rtol=1e-15)


def test_conditional_noise_is_the_noise_given_its_sample() -> None:
    """At v uniform, u = p(b) v, shifted: the conditional z is the quantile of the logistic cut off at 0."""
    from harness.oracle.samplers import BERNOULLI

    for logit, value, drawn in itertools.product((-3.0, 0.4), (0.0, 1.0), (-2.0, 0.7)):
        soft = BERNOULLI.conditional(  # type: ignore[misc] -- it has one
            {"logits": np.array([logit])}, sized(np.array([[[value]]])), np.array([[[drawn]]]), np.longdouble(1), True
        ).value.value
        z = float(np.log(soft / (1 - soft)).item())
        p = 1 / (1 + mpmath.exp(-logit))
        v = 1 / (1 + mpmath.exp(-drawn))
        u = 1 - p + v * p if value else v * (1 - p)  # in (1 - p, 1) given 1, in (0, 1 - p) given 0
        expected = logit + mpmath.log(u / (1 - u))
        assert z == pytest.approx(float(expected), rel=1e-12)
        assert (z > 0) == bool(value)


def test_sticking_the_landing_at_the_posterior_is_zero() -> None:
    settings = {name: row.default for name, row in PROBLEMS["gaussian_elbo"].settings.items()}
    settings |= {"off": 0.0, "stretch": 1.0}
    parameters, constants = instance("gaussian_elbo", settings, 2, "float64")
    drawn = noise.draw("normal", (30, 2, 2), noise.generator(7, "landing"))
    for value, size in estimators.truth("sticking_the_landing", "gaussian_elbo", parameters, constants, drawn).values():
        assert (np.abs(value) < 1e-15 * size).all()
