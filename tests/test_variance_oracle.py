"""The oracle of estimators and variances by another road: differences, quadrature and enumeration."""

from __future__ import annotations

import itertools
import math

import mpmath
import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermegauss
from scipy import integrate, stats

from harness.errors import BadInputError
from harness.oracle import estimators as truths
from harness.oracle import gradients, relaxed, variances
from harness.problems import instance

NORMAL = {"loc": np.array([0.7, -0.2]), "scale": np.array([1.6, 0.9])}
BERNOULLI = {"logits": np.asarray(math.log(0.3 / 0.7))}
BITS = {"f0": np.asarray(0.25), "f1": np.asarray(0.36), "temperature": np.asarray(0.4)}


# the truth of each replicate, held against differences of the objective and the log-density themselves


def differences(function, at):
    """Derivative of a function of one mpmath number, at 50 digits."""
    with mpmath.workdps(50):
        return float(mpmath.diff(function, mpmath.mpf(at)))


@pytest.mark.parametrize("parameter", ["loc", "scale"])
def test_truth_on_a_normal_is_the_derivative(parameter):
    loc, scale, k, e = 0.7, 1.6, -0.4, -0.83
    given = {"loc": loc, "scale": scale}, {"k": k}
    x = loc + scale * e

    def moved(value):
        return {"loc": mpmath.mpf(loc), "scale": mpmath.mpf(scale)} | {parameter: value}

    def objective(value):
        return (moved(value)["loc"] + moved(value)["scale"] * mpmath.mpf(e) - mpmath.mpf(k)) ** 2

    def log_density(value):
        return mpmath.log(mpmath.npdf(mpmath.mpf(x), moved(value)["loc"], moved(value)["scale"]))

    pathwise = truths.truth("pathwise", "quadratic", *given, [[e]])[parameter].value
    score = truths.truth("score_function", "quadratic", *given, [[e]])[parameter].value
    assert math.isclose(float(pathwise[0]), differences(objective, given[0][parameter]), rel_tol=1e-13)
    by_density = (x - k) ** 2 * differences(log_density, given[0][parameter])
    assert math.isclose(float(score[0]), by_density, rel_tol=1e-13)


@pytest.mark.parametrize("n", [-2.0, 0.3, 1.9])
def test_truth_on_a_bernoulli_is_the_derivative(n):
    logits, temperature = float(BERNOULLI["logits"]), 0.4
    b = float(logits + n > 0)
    f = 0.36 if b else 0.25

    def log_mass(value):
        return -mpmath.log1p(mpmath.exp(-value if b else value))

    def relaxed(value):
        z = (value + mpmath.mpf(n)) / mpmath.mpf(temperature)
        return (mpmath.mpf(0.36) - mpmath.mpf(0.25)) / (1 + mpmath.exp(-z))

    for estimator, expected in (
        ("score_function", f * differences(log_mass, logits)),
        ("gumbel_softmax", differences(relaxed, logits)),
        ("straight_through_gumbel", differences(relaxed, logits)),
    ):
        found = truths.truth(estimator, "bernoulli", BERNOULLI, BITS, [[n]])["logits"].value
        assert math.isclose(float(found[0]), expected, rel_tol=1e-12), estimator


def test_truth_refuses_a_pair_that_it_does_not_know():
    with pytest.raises(BadInputError, match="truth"):
        truths.truth("pathwize", "bernoulli", BERNOULLI, BITS, [[0.0]])


# the exact variances, held against exact quadrature and enumeration of the truth of each replicate


def weighted_moments(values, weights):
    mean = np.tensordot(weights, values, 1)
    return mean, np.tensordot(weights, (values - mean) ** 2, 1)


def hermite_grid(axes):
    """Nodes [nodes, axes] and weights of the Gauss-Hermite product rule, exact to degree 11 along each axis."""
    points, weights = hermegauss(6)
    weights = weights / weights.sum()
    nodes = np.array(list(itertools.product(points, repeat=axes)))
    return nodes, np.array([math.prod(row) for row in itertools.product(weights, repeat=axes)])


@pytest.mark.parametrize(
    ("estimator", "samples"),
    [
        ("pathwise", 1),
        ("pathwise", 3),
        ("score_function", 1),
        ("score_function", 3),
        ("score_function_leave_one_out", 2),
        ("score_function_leave_one_out", 3),
    ],
)
@pytest.mark.parametrize("dimension", [1, 2])
def test_variance_on_a_normal_equals_quadrature(estimator, samples, dimension):
    """The square of a gradient has degree 8 in each noise at most, so the product rule is exact."""
    parameters = {name: value[:dimension] for name, value in NORMAL.items()}
    constants = {"k": np.asarray(-0.4)}
    nodes, weights = hermite_grid(samples * dimension)
    draws = nodes.reshape(-1, samples, dimension)
    found = variances.variance(estimator, "quadratic", parameters, constants, samples)
    exact = gradients.expectation("quadratic", parameters, constants).gradient
    for name, truth in truths.truth(estimator, "quadratic", parameters, constants, draws).items():
        mean, variance = weighted_moments(truth.value, weights)
        np.testing.assert_allclose(mean.astype(float), exact[name], rtol=1e-11)
        np.testing.assert_allclose(found[name], variance.astype(float), rtol=1e-11)


@pytest.mark.parametrize("estimator", ["score_function", "score_function_leave_one_out"])
@pytest.mark.parametrize("samples", [2, 4])
def test_variance_on_a_bernoulli_equals_enumeration(estimator, samples):
    bits = np.array(list(itertools.product([0, 1], repeat=samples)))
    weights = np.where(bits == 1, 0.3, 0.7).prod(axis=1)
    truth = truths.truth(estimator, "bernoulli", BERNOULLI, BITS, np.where(bits == 1, 9.0, -9.0))["logits"]
    mean, variance = weighted_moments(truth.value, weights)
    found = variances.variance(estimator, "bernoulli", BERNOULLI, BITS, samples)["logits"]
    assert math.isclose(float(mean), 0.3 * 0.7 * (0.36 - 0.25), rel_tol=1e-12)
    assert math.isclose(float(found), float(variance), rel_tol=1e-12)


@pytest.mark.parametrize("temperature", [0.05, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("logits", [-6.0, -0.85, 2.0])
def test_moments_of_the_relaxation_equal_adaptive_quadrature(temperature, logits):
    constants = BITS | {"temperature": np.asarray(temperature)}

    def gradient(n):
        found = truths.truth("gumbel_softmax", "bernoulli", {"logits": logits}, constants, [[n]])
        return float(found["logits"].value[0])

    def moment(power):
        ends = [-60 - abs(logits), -logits - 20 * temperature, -logits, -logits + 20 * temperature, 60 + abs(logits)]
        parts = itertools.pairwise(ends)
        return sum(
            integrate.quad(lambda n: gradient(n) ** power * stats.logistic.pdf(n), *part, epsabs=0, epsrel=1e-10)[0]
            for part in parts
        )

    mean, square = moment(1), moment(2)
    parameters = {"logits": np.asarray(logits)}
    exact_mean = relaxed.bernoulli(parameters, constants, 1).mean
    exact = variances.variance("straight_through_gumbel", "bernoulli", parameters, constants, 2)["logits"]
    assert math.isclose(float(exact_mean), mean, rel_tol=1e-9)
    assert math.isclose(float(exact), (square - mean**2) / 2, rel_tol=1e-8 * square / (square - mean**2))


def test_relaxation_approaches_its_limit():
    """Variance to p (1 - p) / (6 T) as T goes to 0; 1.3 % off at T = 0.01 (for f(b) = b)."""
    for temperature, off in ((0.01, 0.02), (0.001, 0.002)):
        _, found = relaxed.slope(math.log(0.3 / 0.7), temperature)
        assert abs(found / (0.3 * 0.7 / (6 * temperature)) - 1) < off


def test_a_problem_without_closed_form_has_no_exact_values():
    parameters, constants = instance("vae", {}, 1, "float64")
    assert variances.variance("pathwise", "vae", parameters, constants, 1) is None
    assert gradients.expectation("vae", parameters, constants) is None
