"""Exact moments by the newer roads of the oracle, each held against an independent simple one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from harness import noise
from harness.oracle import exact, gradients, inner, measures, ratios, relaxed, rules, softmax, variances
from harness.oracle.costs import COSTS
from harness.oracle.estimators import GRADIENTS, Given
from harness.oracle.samplers import SAMPLERS
from harness.problems import NOISE, PROBLEMS, instance

#: Draws of a simulation, and the standard errors that its variance may be off: 6e-7 of sound ones are farther.
DRAWS = 400_000
SIGMAS = 5.0


def simulated(
    estimator: str, problem: str, settings: dict[str, float], shape: tuple[int, ...]
) -> dict[str, np.ndarray]:
    """Gradients of many independent draws, by the hand-written formulas."""
    row = PROBLEMS[problem]
    parameters, constants = instance(problem, defaults(problem) | settings, 1, "float64")
    own = {name: np.float64(value) for name, value in settings.items() if name not in row.settings}
    event = next(iter(parameters.values())).shape
    random = noise.generator(0, "test", "exact roads", estimator, problem)
    draws = noise.draw(NOISE[row.distribution], (DRAWS, *shape, *event), random)
    given = Given(SAMPLERS[row.distribution], COSTS[row.objective], parameters, constants | own, draws)
    return {name: path.value.reshape(DRAWS) for name, path in GRADIENTS[estimator](given).items()}


def defaults(problem: str) -> dict[str, float]:
    return {name: setting.default for name, setting in PROBLEMS[problem].settings.items()}


def agrees(values: np.ndarray, exact_variance: float) -> bool:
    squares = (values - values.mean()) ** 2
    return bool(abs(squares.mean() - exact_variance) < SIGMAS * squares.std() / math.sqrt(len(values)))


@pytest.mark.parametrize(("loc", "scale", "k"), [(0.5, 1.5, -1.0), (1.0, 1.0, 1.0), (-2.0, 0.3, 0.5)])
def test_measure_valued_variance_of_a_square_is_its_closed_form(loc: float, scale: float, k: float) -> None:
    # by loc 4 a R / sqrt(2 pi) with Var R = 2 - pi / 2; by scale E (2 a M (1 - U) + s M^2 (1 - U^2))^2 - (2 s)^2,
    # E M^2 = 3, E M^4 = 15, E (1 - U)^2 = 1 / 3, E (1 - U^2)^2 = 8 / 15
    a = loc - k
    found = measures.variance("quadratic", {"loc": np.array(loc), "scale": np.array(scale)}, {"k": np.array(k)})
    assert found["loc"] == pytest.approx(16 * a**2 / (2 * np.pi) * (2 - np.pi / 2), rel=1e-12)
    assert found["scale"] == pytest.approx(4 * a**2 + 4 * scale**2, rel=1e-12)


@pytest.mark.parametrize("problem", ["exponential", "cosine"])
def test_measure_valued_variance_is_that_of_a_simulation(problem: str) -> None:
    parameters, constants = instance(problem, defaults(problem) | {"k": 3.0}, 1, "float64")
    found = measures.variance(problem, parameters, constants)
    for name, values in simulated("measure_valued", problem, {"k": 3.0}, (1, 3)).items():
        assert agrees(values, float(found[name][0]))
        assert not agrees(values, 1.05 * float(found[name][0]))


@pytest.mark.parametrize("estimator", ["iwae", "dreg"])
@pytest.mark.parametrize("settings", [{}, {"off": 1.0, "stretch": 1.0}, {"off": 0.1, "stretch": 0.8}])
@pytest.mark.parametrize("samples", [2, 3])
def test_ratios_are_those_of_the_product_rule(estimator: str, settings: dict[str, float], samples: int) -> None:
    problem = "linear_gaussian_iwae"
    parameters, constants = instance(problem, defaults(problem) | settings, 1, "float64")
    found = ratios.moments(estimator, problem, parameters, constants, samples)
    held = rules.moments(estimator, problem, parameters, constants, samples)
    assert found is not None
    assert held is not None
    for name, row in found.items():
        # 64 Gauss-Hermite points leave some 1e-9 where the weights fall off slowly
        assert row.mean == pytest.approx(held[name].mean, rel=1e-8)
        assert row.variance == pytest.approx(held[name].variance, rel=1e-8)


def test_both_gradients_of_the_bound_have_one_mean_with_many_samples() -> None:
    problem = "linear_gaussian_iwae"
    parameters, constants = instance(problem, defaults(problem), 1, "float64")
    one, other = (ratios.moments(name, problem, parameters, constants, 1024) for name in ("iwae", "dreg"))
    assert one is not None
    assert other is not None
    for name in one:
        assert one[name].mean == pytest.approx(other[name].mean, rel=1e-10)


def test_several_coordinates_have_no_ratio_and_fall_back() -> None:
    problem = "linear_gaussian_iwae"
    parameters, constants = instance(problem, defaults(problem), 3, "float64")
    assert ratios.moments("iwae", problem, parameters, constants, 2) is None
    assert exact.moments("iwae", problem, parameters, constants, 2) is None


@pytest.mark.parametrize("temperature", [0.05, 0.5, 2.0])
def test_one_inner_relaxation_is_the_straight_through_gumbel_gradient(temperature: float) -> None:
    parameters, constants = instance("bernoulli", {"p": 0.3, "f0": 0.0, "f1": 1.0}, 1, "float64")
    constants["temperature"] = np.float64(temperature)
    found = inner.moments("bernoulli", parameters, constants, 1)
    assert found is not None
    held = relaxed.bernoulli(parameters, constants, 1).variance
    assert found.variance == pytest.approx(float(held), rel=1e-12)


def test_inner_relaxations_are_averaged_as_in_a_simulation() -> None:
    settings = {"temperature": 0.2, "inner": 3.0}
    problem = "bernoulli_quadratic"
    parameters, constants = instance(problem, defaults(problem), 1, "float64")
    found = inner.moments(problem, parameters, constants | {"temperature": np.float64(0.2)}, 3)
    assert found is not None
    values = simulated("gumbel_rao", problem, settings, (1, 4))["logits"]
    assert agrees(values, float(found.variance[0]))
    assert not agrees(values, 1.05 * float(found.variance[0]))
    assert abs(values.mean() - found.mean[0]) < SIGMAS * values.std() / math.sqrt(DRAWS)


@pytest.mark.parametrize("temperature", [0.2, 1.0, 5.0])
def test_mean_of_two_relaxed_classes_is_the_integral_over_their_logistic_difference(temperature: float) -> None:
    step = min(1.0, temperature) / 8
    n = np.arange(-45, 45, step)
    mass = np.exp(-np.logaddexp(0, n) - np.logaddexp(0, -n)) * step
    held = np.sum(mass / (1 + np.exp(-(math.log(3 / 7) + n) / temperature)))
    assert softmax.mean(np.array([0.3, 0.7]), temperature)[0] == pytest.approx(held, rel=1e-10)


def test_mean_of_relaxed_classes_tends_to_the_probabilities_and_to_uniform() -> None:
    probs = np.array([0.1, 0.2, 0.7])
    assert softmax.mean(probs, 0.1) == pytest.approx(probs, abs=0.003)
    assert softmax.mean(probs, 100.0) == pytest.approx(np.full(3, 1 / 3), abs=0.005)
    assert softmax.mean(probs, 0.7).sum() == pytest.approx(1.0, rel=1e-10)


@pytest.mark.parametrize("k", [0.1, 10.0, 100.0])
def test_narrow_objectives_are_resolved(k: float) -> None:
    """64 Gauss-Hermite points gave half the variance at k = 10."""
    parameters = {"loc": np.array([1.0]), "scale": np.array([1.0])}
    constants = {"k": np.array(k)}

    def mean(g) -> float:
        return integrate.quad(lambda x: g(x) * stats.norm.pdf(x, 1, 1), -12, 14, points=[0, 1], limit=500)[0]

    first = mean(lambda x: np.exp(-k * x * x) * (x - 1))
    second = mean(lambda x: np.exp(-2 * k * x * x) * (x - 1) ** 2)
    found = variances.variance("score_function", "exponential", parameters, constants, 1)
    assert found is not None
    assert found["loc"][0] == pytest.approx(second - first**2, rel=1e-7)
    moments = rules.moments("score_function", "exponential", parameters, constants, 1)
    assert moments is not None
    gradient = gradients.exponential(parameters, constants).gradient["loc"]
    assert moments["loc"].mean == pytest.approx(gradient, rel=1e-12)
