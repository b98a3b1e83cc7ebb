"""The long runs that stand in for gradients which nobody knows exactly, held against other roads; and their cache."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from harness import noise
from harness.agreement.cases import load
from harness.errors import BadInputError
from harness.estimators import fits, fitting
from harness.oracle import estimators as hand
from harness.oracle import reference, reference_cache, rules
from harness.oracle.gradients import Expectation
from harness.oracle.reference import Reference
from harness.problems import NOISE, PROBLEMS, instance
from harness.results import schema
from harness.statistics import intervals, moments
from harness.variance import laws
from harness.variance.against import against, squared_bias
from harness.variance.plan import plan

REAL = ("vae", "categorical_vae", "logistic_regression", "heteroscedastic_regression")

#: Standard errors beyond which a difference is not chance: with 16 scramblings (Student t, 15 degrees of freedom) one
#: number is beyond in 3e-6 of runs; seeds are fixed, so that a run is what it is.
FAR = 7.0


def given(problem: str) -> tuple[dict[str, Any], dict[str, Any]]:
    settings = {name: row.default for name, row in PROBLEMS[problem].settings.items()}
    return instance(problem, settings, 1, "float64")


def small_vae() -> tuple[dict[str, Any], dict[str, Any]]:
    """One image of three pixels, one latent, hidden layers of four and five units."""
    random = noise.generator(3, "small vae")
    shapes = {"decoder_1": (1, 4), "decoder_2": (4, 5), "output": (5, 3)}
    weights = {f"{name}.kernel": random.normal(size=shape) for name, shape in shapes.items()}
    biases = {f"{name}.bias": random.normal(size=shape[1]) for name, shape in shapes.items()}
    parameters = {"loc": np.array([[0.4]]), "scale": np.array([[0.8]])}
    return parameters, {"images": np.array([[1.0, 0.0, 1.0]]), **weights, **biases}


def small_categorical_vae() -> tuple[dict[str, Any], dict[str, Any]]:
    """Two images of five pixels, two variables of three classes: nine values each, 81 together."""
    random = noise.generator(3, "small categorical vae")
    shapes = {"decoder_1": (6, 4), "decoder_2": (4, 5), "output": (5, 5)}
    weights = {f"{name}.kernel": 2 * random.normal(size=shape) for name, shape in shapes.items()}
    biases = {f"{name}.bias": random.normal(size=shape[1]) for name, shape in shapes.items()}
    images = (random.uniform(size=(2, 5)) > 0.5).astype(float)
    return {"logits": random.normal(size=(2, 2, 3))}, {"images": images, **weights, **biases}


def apart(found: Reference, exact: dict[str, Any]) -> float:
    """Return the largest distance from an exact gradient in standard errors, rounding of 1e-12 forgiven."""
    worst = 0.0
    for name, rows in found.gradients.items():
        errors = rows.std(axis=0, ddof=1) / math.sqrt(len(rows))
        distance = np.maximum(np.abs(rows.mean(axis=0) - exact[name]) - 1e-12 * np.abs(exact[name]).max(), 0)
        worst = max(worst, float((distance / np.maximum(errors, 1e-300)).max()))
    return worst


def logistic_exact(parameters: dict[str, Any], constants: dict[str, Any]) -> dict[str, Any]:
    """Return the gradient by the trapezoidal rule in each logit: its integrand is analytic near the line.

    The poles of the sigmoid are at a distance pi / deviation, at least 0.1 here, and the step is 1 / 400: an error of
    exp(-2 pi 0.1 400), below 1e-100; the range of +-12 leaves 1e-31.
    """
    design, labels = constants["features"], constants["labels"]
    loc, scale = parameters["loc"], parameters["scale"]
    e = np.arange(-12, 12, 1 / 400)
    mass = np.exp(-(e**2) / 2) / math.sqrt(2 * math.pi) / 400
    mean, deviation = design @ loc, np.sqrt(design**2 @ scale**2)
    residual = labels[:, None] - 1 / (1 + np.exp(-(mean[:, None] + deviation[:, None] * e)))
    by_scale = design.T**2 @ ((residual * e) @ mass / deviation) * scale
    return {"loc": design.T @ (residual @ mass) - loc, "scale": by_scale - scale + 1 / scale}


def heteroscedastic_exact(parameters: dict[str, Any], constants: dict[str, Any]) -> dict[str, Any]:
    """Return the gradient of -s_n - E (y - X w)^2 E exp(-2 s_n) / 2 and of prior and entropy, in closed form.

    E exp(-2 s) = exp(-2 mean + 2 deviation^2) of a normal s.
    """
    design, targets = constants["features"], constants["targets"]
    (w, v), (w_scale, v_scale) = parameters["loc"], parameters["scale"]
    square = (targets - design @ w) ** 2 + design**2 @ w_scale**2
    precision = np.exp(-2 * (design @ v) + 2 * (design**2 @ v_scale**2))
    loc = [((targets - design @ w) * precision) @ design, (square * precision - 1) @ design]
    scale = [-(precision @ design**2) * w_scale, -2 * (square * precision) @ design**2 * v_scale]
    prior = 1 / parameters["scale"] - parameters["scale"]
    return {"loc": np.stack(loc) - parameters["loc"], "scale": np.stack(scale) + prior}


def vae_exact(parameters: dict[str, Any], constants: dict[str, Any]) -> dict[str, Any]:
    """Return the gradient of one image with one latent: the pathwise gradient by hand at 20,001 points, weighed."""
    e = np.linspace(-9, 9, 20_001)
    mass = np.exp(-(e**2) / 2)
    mass /= mass.sum()
    found = hand.truth("pathwise", "vae", parameters, constants, e.reshape(-1, 1, 1, 1))
    return {name: np.tensordot(mass, np.asarray(row.value, float), 1) for name, row in found.items()}


def categorical_exact(parameters: dict[str, Any], constants: dict[str, Any]) -> dict[str, Any]:
    """Return the sum over all values of d (p f), by hand."""
    found = hand.truth("exact", "categorical_vae", parameters, constants, np.zeros((1, 1, 2, 2, 3)))
    return {"logits": np.asarray(found["logits"].value[0], float)}


CASES = {
    "logistic_regression": (lambda: given("logistic_regression"), logistic_exact, 2**9),
    "heteroscedastic_regression": (lambda: given("heteroscedastic_regression"), heteroscedastic_exact, 2**9),
    "vae": (small_vae, vae_exact, 2**10),
    "categorical_vae": (small_categorical_vae, categorical_exact, 2**6),
}


@pytest.mark.parametrize("problem", REAL)
def test_a_long_run_is_right_within_its_standard_error(problem: str) -> None:
    make, exact, points = CASES[problem]
    parameters, constants = make()
    found = reference.run(problem, parameters, constants, points)
    truth = exact(parameters, constants)
    assert apart(found, truth) < FAR
    for name, rows in found.gradients.items():
        assert rows.shape == (reference.RANDOMIZATIONS, *parameters[name].shape)
        # and the error is small: below a hundredth of the gradient's size
        assert found.standard_error(name) < 0.01 * max(np.abs(truth[name]).max(), 0.1)


#: Mistakes in a long run: (problem, what happens to its sums over points).
MISTAKES = {
    "sign of the likelihood": ("heteroscedastic_regression", lambda g, *_: {k: -v for k, v in g.items()}),
    "no prior": ("logistic_regression", lambda g, p, n: g | {"scale": g["scale"] + n * p["scale"]}),
    "half the entropy": ("vae", lambda g, p, n: g | {"scale": g["scale"] - 0.5 * n / p["scale"]}),
    "one point too many": ("categorical_vae", lambda g, _, n: {k: v * (n + 1) / n for k, v in g.items()}),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_wrong_long_run_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    problem, change = MISTAKES[name]
    make, exact, points = CASES[problem]
    parameters, constants = make()
    road = reference.ROADS[problem]

    def wrong(parameters: Any, constants: Any, uniform: Any) -> Any:
        return change(road.gradient(parameters, constants, uniform), parameters, len(uniform))

    monkeypatch.setitem(reference.ROADS, problem, road._replace(gradient=wrong))
    assert apart(reference.run(problem, parameters, constants, points), exact(parameters, constants)) > FAR


def test_a_run_is_kept_and_a_torn_file_computed_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("REPARAM_CACHE", str(tmp_path))
    monkeypatch.setitem(reference.ROADS, "vae", reference.ROADS["vae"]._replace(points=2))
    parameters, constants = small_vae()
    first = reference_cache.of("vae", parameters, constants)
    (file,) = (tmp_path / "reference").iterdir()
    monkeypatch.setattr(reference, "run", lambda *_: pytest.fail("computed again"))
    again = reference_cache.of("vae", parameters, constants)
    assert first is not None
    assert again is not None
    np.testing.assert_array_equal(first.gradients["loc"], again.gradients["loc"])
    monkeypatch.setattr(reference, "run", lambda *_: first)
    file.write_bytes(b"torn")
    assert reference_cache.of("vae", parameters, constants) is first
    assert reference_cache.of("quadratic", {}, {}) is None


def test_the_key_covers_every_number() -> None:
    parameters, constants = small_vae()
    key = reference_cache.key("vae", parameters, constants)
    moved = {**constants, "images": 1 - constants["images"]}
    assert key != reference_cache.key("vae", parameters, moved)
    assert key != reference_cache.key("vae", {**parameters, "loc": parameters["loc"] + 1e-12}, constants)
    assert key == reference_cache.key("vae", dict(reversed(parameters.items())), constants)


def stream(shift: float, replicates: int = 400) -> moments.Stream:
    rows = noise.generator(1, "against").normal(size=(replicates, 3)) * [1.0, 2.0, 3.0]
    return moments.start(rows + np.array([1.0 + shift, 0.0, -1.0 - shift]))


def long_run(error: float) -> Reference:
    rows = noise.generator(2, "against").normal(size=(16, 3))
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0, ddof=1)
    return Reference({"loc": [1.0, 0.0, -1.0] + 4 * error * rows})  # each coordinate's mean with this standard error


def test_both_errors_are_in_the_bias() -> None:
    found = stream(0.0)
    mean = intervals.mean(found)
    run = long_run(0.2)
    compared = against(found, mean, "loc", None, run)
    assert compared.exact_mean is None
    assert compared.reference_mean == pytest.approx(0.0, abs=1e-12)
    assert compared.reference_standard_error == run.standard_error("loc") > 0
    assert compared.bias == pytest.approx(mean.value)
    assert compared.bias_standard_error == pytest.approx(math.hypot(mean.standard_error, run.standard_error("loc")))
    exact = against(found, mean, "loc", Expectation(np.float64(0), {"loc": np.array([1.0, 0.0, -1.0])}), run)
    assert (exact.reference_mean, exact.reference_standard_error) == (None, None)
    assert exact.exact_mean == 0.0
    assert exact.bias_standard_error == mean.standard_error
    assert set(against(found, mean, "loc", None, None)) == {None}


def test_squared_bias_sees_what_the_average_does_not() -> None:
    """A shift of +1 and -1 cancels in the average; its square is 2/3 over three coordinates."""
    for shift, seen in ((0.0, False), (1.0, True)):
        value, error = squared_bias(stream(shift), np.array([1.0, 0.0, -1.0]), np.zeros(3))
        assert (value > 4 * error) is seen
        assert abs(value - 2 * shift**2 / 3) < 4 * error


def test_squared_bias_is_unbiased_and_its_error_no_less_than_its_spread() -> None:
    """500 repeats of 50 replicates: the mean is within 4.5 standard errors of 0, the spread at most the stated one."""
    random = noise.generator(4, "squared bias")
    found = [
        squared_bias(moments.start(random.normal(size=(50, 3))), random.normal(size=3) * 0.1, np.full(3, 0.01))
        for _ in range(500)
    ]
    values, errors = np.array(found).T
    assert abs(values.mean()) < 4.5 * values.std() / math.sqrt(500)
    assert values.std() < 1.1 * errors.mean()


def test_records_of_before_can_be_read() -> None:
    record = schema.Variance(
        backend="torch", dtype="float32", device="cpu", mode="eager", estimator="pathwise", problem="vae",
        parameter="loc", dimension=1, settings="", samples=1, replicates=2, seed=0, mean=0.0, mean_standard_error=0.0,
        exact_mean=None, bias=None, bias_standard_error=None, variance=1.0, variance_low=1.0, variance_high=1.0,
        confidence=0.95, exact_variance=None, seconds_per_gradient=1.0, work_normalized_variance=1.0,
    )  # fmt: skip
    assert (record.reference_mean, record.reference_standard_error, record.squared_bias) == (None, None, None)


# the problems


@pytest.mark.parametrize("problem", REAL)
def test_every_estimator_that_fits_has_a_case(problem: str) -> None:
    covered = {case.kernel.removeprefix("estimators.") for case in load() if case.row.get("problem") == problem}
    assert covered == set(fitting(problem))


@pytest.mark.parametrize("problem", REAL)
def test_a_real_problem_has_no_exact_moments_and_is_left_out_of_the_laws(problem: str) -> None:
    parameters, constants = given(problem)
    assert "exact" not in PROBLEMS[problem].features
    assert problem in reference.ROADS
    for estimator in fitting(problem):
        assert rules.moments(estimator, problem, parameters, constants, 2) is None
    with pytest.raises(BadInputError, match="unknown problem"):
        laws.plan([], [problem], backends=["torch"])


def test_the_log_weights_fit_what_is_defined_on_them() -> None:
    for problem in ("logistic_regression", "heteroscedastic_regression"):
        assert fits("sticking_the_landing", problem)
        assert not fits("measure_valued", problem)
        assert not fits("dreg", problem)


def test_the_data_are_standardized_behind_a_column_of_ones() -> None:
    for problem, shape in (("logistic_regression", (569, 31)), ("heteroscedastic_regression", (442, 11))):
        _, constants = given(problem)
        design = constants["features"]
        assert design.shape == shape
        assert (design[:, 0] == 1).all()
        np.testing.assert_allclose(design[:, 1:].mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(design[:, 1:].std(axis=0), 1, atol=1e-12)
    assert set(np.unique(given("logistic_regression")[1]["labels"])) == {0.0, 1.0}


@pytest.mark.parametrize("problem", REAL)
def test_slope_and_explicit_derivative_are_those_of_the_value(problem: str) -> None:
    """Central differences of the value by hand along one direction, in long double: to 1e-8 of the gradient."""
    from harness.oracle.costs import COSTS
    from harness.oracle.samplers import SAMPLERS
    from harness.oracle.sized import sized

    small = {"vae": small_vae, "categorical_vae": small_categorical_vae}
    parameters, constants = small[problem]() if problem in small else given(problem)
    wide, fixed = ({k: np.asarray(v, np.longdouble) for k, v in part.items()} for part in (parameters, constants))
    row, random = PROBLEMS[problem], noise.generator(5, "slopes", problem)
    event = next(iter(parameters.values())).shape
    drawn = noise.draw(NOISE[row.distribution], (1, 2, *event), random).astype(np.longdouble)
    cost, sampler = COSTS[row.objective], SAMPLERS[row.distribution]
    if sampler.relaxed is None:
        x = sampler.sample(wide, drawn).value
    else:
        x = sampler.relaxed(wide, drawn, np.longdouble(0.7)).value.value
    step = np.longdouble(1e-6)

    def close(difference: Any, product: Any) -> None:
        assert abs(float(difference - product)) < 1e-8 * max(abs(float(product)), 1.0)

    way = random.normal(size=x.shape).astype(np.longdouble)
    ends = [cost.value(sized(x + sign * step * way), wide, fixed).value.sum() for sign in (1, -1)]
    close((ends[0] - ends[1]) / (2 * step), (cost.slope(sized(x), wide, fixed).value * way).sum())
    for name, value in cost.explicit(sized(x), wide, fixed).items():
        way = random.normal(size=event).astype(np.longdouble)
        ends = [
            cost.value(sized(x), wide | {name: wide[name] + sign * step * way}, fixed).value.sum() for sign in (1, -1)
        ]
        close((ends[0] - ends[1]) / (2 * step), (value.value * way).sum())


@pytest.fixture(scope="module")
def measured(workers: Any, installed_backends: list[str]) -> dict[tuple[str, str], list[schema.Variance]]:
    """Records by backend and problem: 2,000 pathwise gradients of each regression."""
    problems = ("logistic_regression", "heteroscedastic_regression")
    cells = {
        (cell.work.backend, problem): cell
        for problem in problems
        for cell in plan("pathwise", problem, {}, replicates=2_000, backends=installed_backends, seed=2)
    }
    return dict(zip(cells, workers.run(list(cells.values())), strict=True))


@pytest.mark.parametrize("problem", ["logistic_regression", "heteroscedastic_regression"])
def test_a_record_carries_the_reference(measured: Any, backend: str, problem: str) -> None:
    """Unbiased: within 5 combined standard errors, missed once in 1e6; the reference's is a tenth at most."""
    for record in measured[backend, problem]:
        assert (record.exact_mean, record.exact_variance) == (None, None)
        assert record.bias == pytest.approx(record.mean - record.reference_mean)
        assert record.reference_standard_error < 0.1 * record.mean_standard_error
        together = math.hypot(record.mean_standard_error, record.reference_standard_error)
        assert record.bias_standard_error == pytest.approx(together)
        assert abs(record.bias) < 5 * record.bias_standard_error
        assert record.squared_bias < 5 * record.squared_bias_standard_error
