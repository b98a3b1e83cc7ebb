"""Gamma and beta variables: their oracle by other roads, their noise, and a variate's derivative in every backend."""

from __future__ import annotations

import importlib
import itertools
from types import ModuleType
from typing import Any

import mpmath
import numpy as np
import pytest
from conftest import Pool
from scipy import special, stats

from harness import dtypes, noise
from harness.errors import BadInputError
from harness.execution.work import Cell, Work
from harness.oracle import gammas, quadrature, rules, variances
from harness.problems import PROBLEMS, draw_noise, instance
from harness.validation import require, settle

#: Concentrations and quantiles at which the derivative is judged; the smallest variates are normal in float32.
CONCENTRATIONS = (0.25, 0.5, 0.7, 1.0, 1.5, 2.0, 2.5, 3.7, 5.0, 7.9, 8.0, 13.0, 20.0, 33.0, 50.0, 75.0, 100.0)
QUANTILES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 0.99, 0.997, 0.999, 1 - 1e-6)
#: Concentrations whose small variates are no normal numbers in float32.
SMALL = (0.05, 0.1)

#: Largest error of the reference texts, in eps: 65 terms of one sign, each with some roundings.
BUDGET = 16

#: Largest relative error of the frameworks' own functions in float64, measured: at least, and at most. That of torch is
#: why the texts sum the integral themselves; a change says that they may be shorter.
LIBRARY = {"torch": (1e-4, 5e-3), "jax": (0, 256 * 2.0**-52), "tensorflow": (0, 256 * 2.0**-52)}


def grid(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Return variates and concentrations, [concentrations, quantiles], rounded to the dtype."""
    chosen = (*SMALL, *CONCENTRATIONS) if dtype == "float64" else CONCENTRATIONS
    a, quantile = np.meshgrid(dtypes.rounded(chosen, dtype), QUANTILES, indexing="ij")
    return dtypes.rounded(special.gammaincinv(a, quantile), dtype), a


def derivatives(backend: ModuleType, value: Any, concentration: Any, dtype: str, own: bool) -> Any:
    """Evaluate the reference text, or the framework's own function, in the framework's process."""
    x, a = (backend.runtime.asarray(part, dtype) for part in (value, concentration))
    if own:
        return backend.runtime.to_numpy(backend.gamma.sample_derivative(x, a))
    name = backend.__name__.rpartition(".")[2]
    framework = importlib.import_module(name)
    functions = {
        "torch": lambda: framework._standard_gamma_grad(a, x),
        "jax": lambda: framework.lax.random_gamma_grad(a, x),
        "tensorflow": lambda: framework.raw_ops.RandomGammaGrad(alpha=a, sample=x),
    }
    return backend.runtime.to_numpy(functions[name]())


def errors(workers: Pool, backend: str, dtype: str, own: bool) -> np.ndarray:
    """Return relative errors on the grid."""
    value, concentration = grid(dtype)
    arguments = {"value": value, "concentration": concentration, "dtype": dtype, "own": own}
    (found,) = workers.run([Cell("derivatives", Work(f"{__name__}:derivatives", backend, "cpu", arguments))])
    truth = gammas.sample_derivative(value, concentration).value
    return np.asarray(np.abs(np.asarray(found, np.float64) - truth) / truth, np.float64)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_derivative_of_a_variate_is_within_budget(workers: Pool, backend: str, dtype: str) -> None:
    assert errors(workers, backend, dtype, own=True).max() < BUDGET * dtypes.find(dtype).eps


def test_the_frameworks_own_derivative_is_as_far_off_as_is_said(workers: Pool, backend: str) -> None:
    least, most = LIBRARY[backend]
    assert least <= errors(workers, backend, "float64", own=False).max() <= most


# the oracle


@pytest.mark.parametrize(
    ("concentration", "quantile"), [(0.05, 0.5), (0.5, 0.3), (7.0, 0.9), (40.0, 0.01), (3.0, 1 - 1e-6)]
)
def test_the_truth_is_the_difference_quotient_of_the_cdf(concentration: float, quantile: float) -> None:
    x = float(special.gammaincinv(concentration, quantile))
    with mpmath.workdps(40):
        slope = mpmath.diff(lambda a: mpmath.gammainc(a, 0, x, regularized=True), concentration)
        log_density = (concentration - 1) * mpmath.log(x) - x - mpmath.loggamma(concentration)
        expected = float(-slope / mpmath.exp(log_density))
    assert float(gammas.sample_derivative(x, concentration).value) == pytest.approx(expected, rel=1e-14)


def test_the_exponential_distribution_in_closed_form() -> None:
    """For a = 1, dF/da = int_0^x (log t - psi(1)) exp(-t) dt = -exp(-x) (log x + gamma) - E1(x), Euler's gamma."""
    for x in (0.01, 0.5, 1.0, 4.0):
        expected = np.log(x) + np.euler_gamma + np.exp(x) * special.exp1(x)
        assert float(gammas.sample_derivative(x, 1.0).value) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("concentration", [0.06, 0.5, 2.5, 30.0, 400.0])
def test_the_gamma_rule_has_the_moments(concentration: float) -> None:
    points, masses = quadrature.gamma(np.longdouble(concentration))
    log_mean, log_square = (masses @ np.log(points) ** power for power in (1, 2))
    spread = np.sqrt(special.polygamma(1, concentration))
    assert float(masses @ points) == pytest.approx(concentration, rel=1e-12)
    assert float(masses @ points**2) == pytest.approx(concentration * (concentration + 1), rel=1e-12)
    assert float(log_mean) == pytest.approx(special.digamma(concentration), abs=1e-12 * spread)
    assert float(log_square - log_mean**2) == pytest.approx(spread**2, rel=1e-11)


@pytest.mark.parametrize(("a", "b"), [(1.1, 1.3), (2.5, 3.5), (60.0, 2.0), (300.0, 500.0)])
def test_the_beta_rule_has_the_moments(a: float, b: float) -> None:
    points, masses = quadrature.beta(np.longdouble(a), np.longdouble(b))
    np.testing.assert_allclose(points.sum(1).astype(float), 1, rtol=1e-15)
    assert float(masses @ points[:, 0]) == pytest.approx(a / (a + b), rel=1e-12)
    for column, own in ((0, a), (1, b)):
        logs = np.log(points[:, column])
        expected = special.polygamma(1, own) - special.polygamma(1, a + b)
        assert float(masses @ logs) == pytest.approx(special.digamma(own) - special.digamma(a + b), rel=1e-12)
        assert float(masses @ logs**2 - (masses @ logs) ** 2) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(("estimator", "samples"), [("score_function", 3), ("score_function_leave_one_out", 2)])
@pytest.mark.parametrize(
    ("problem", "settings", "dimension"),
    [
        ("gamma_quadratic", {}, 1),
        ("gamma_quadratic", {"concentration": 0.5, "rate": 0.3, "k": -1.0}, 1),
        ("beta_quadratic", {}, 1),
        ("beta_quadratic", {"concentration1": 9.0, "k": -0.5}, 1),
    ],
)
def test_the_closed_variance_equals_quadrature(
    estimator: str, samples: int, problem: str, settings: dict[str, float], dimension: int
) -> None:
    settled = settle(PROBLEMS[problem].settings, settings, "float64", problem)
    parameters, constants = instance(problem, settled, dimension, "float64")
    closed = variances.variance(estimator, problem, parameters, constants, samples)
    summed = rules.moments(estimator, problem, parameters, constants, samples)
    assert closed is not None
    assert summed is not None
    for name, row in summed.items():
        np.testing.assert_allclose(closed[name], row.variance, rtol=1e-11)


def test_the_closed_variance_in_several_coordinates_equals_quadrature() -> None:
    parameters = {"concentration": np.array([0.8, 2.5]), "rate": np.array([1.5, 0.5])}
    closed = variances.variance("score_function", "gamma_quadratic", parameters, {"k": np.float64(0.7)}, 1)
    summed = rules.moments("score_function", "gamma_quadratic", parameters, {"k": np.float64(0.7)}, 1)
    assert closed is not None
    assert summed is not None
    for name, row in summed.items():
        np.testing.assert_allclose(closed[name], row.variance, rtol=1e-10)


# the noise


@pytest.mark.parametrize("problem", ["gamma_quadratic", "beta_quadratic"])
def test_noise_is_distributed_as_standard_gammas(problem: str) -> None:
    """Kolmogorov and Smirnov on 20,000 numbers of each concentration, at a level of 1e-4."""
    settings = {name: row.default for name, row in PROBLEMS[problem].settings.items()}
    parameters, _ = instance(problem, settings, 2, "float64")
    drawn = draw_noise(problem, parameters, (10_000, 1, 2), noise.generator(0, "test", problem))
    names = [name for name in parameters if name.startswith("concentration")]
    assert drawn.shape == ((10_000, 1, 2) if len(names) == 1 else (10_000, 1, len(names), 2))
    for number, name in enumerate(names):
        own = drawn if len(names) == 1 else drawn[:, :, number]
        assert stats.kstest(own.ravel(), stats.gamma(parameters[name][0]).cdf).pvalue > 1e-4


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_domains_keep_variates_away_from_0_and_1(dtype: str) -> None:
    row = dtypes.find(dtype)
    for domain, least in (("concentration", row.tiny), ("beta_concentration", row.eps / 2)):
        edge = next(a for a in np.arange(0.02, 3, 0.005) if _allowed(a, domain, dtype))
        assert noise.gamma_variates(np.zeros(1), [np.array([edge])])[0] > least
        assert noise.gamma_variates(np.zeros(1), [np.array([0.9 * edge])])[0] < least


def _allowed(concentration: float, domain: str, dtype: str) -> bool:
    try:
        require("concentration", concentration, domain, dtype)
    except BadInputError:
        return False
    return True


def test_rows_of_the_table_say_what_the_noise_is_made_of() -> None:
    """A distribution with implicit derivatives has as many draws as concentrations."""
    from harness.problems import CONCENTRATIONS as NAMES
    from harness.problems import FEATURES

    assert {name for name, words in FEATURES.items() if "implicit" in words} == set(NAMES)
    for problem, name in itertools.product(PROBLEMS.values(), NAMES):
        if problem.distribution == name:
            assert set(NAMES[name]) <= set(problem.parameters)
