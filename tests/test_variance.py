"""The oracle of the variances by another road, the plan, and the engine; the last tests go through worker processes."""

from __future__ import annotations

import itertools
import math
from types import SimpleNamespace

import mpmath
import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermegauss
from scipy import integrate, stats

from harness import dtypes, noise
from harness.errors import BadInputError
from harness.estimators import fits
from harness.oracle import article as article_oracle
from harness.oracle import estimators as truths
from harness.oracle import gradients, variances
from harness.problems import PROBLEMS, instance
from harness.variance import article, engine
from harness.variance.plan import plan

PAIRS = [
    (estimator, problem)
    for estimator in (
        "pathwise",
        "score_function",
        "score_function_leave_one_out",
        "gumbel_softmax",
        "straight_through_gumbel",
    )
    for problem in ("quadratic", "norm_squared", "bernoulli")
    if fits(estimator, problem)
]

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


@pytest.mark.parametrize(("estimator", "problem"), PAIRS)
def test_magnitude_bounds_the_truth(estimator, problem):
    event = {"norm_squared": (2,)}.get(problem, ())
    parameters = {"loc": np.full(event, 0.75), "scale": np.full(event, 1.5)} if problem != "bernoulli" else BERNOULLI
    kind = "logistic" if problem == "bernoulli" else "normal"
    draws = noise.draw(kind, (200, 3, *event), noise.generator(4, "magnitude"))
    found = truths.truth(estimator, problem, parameters, BITS | {"k": 0.5}, draws)
    for truth in found.values():
        assert truth.value.shape == truth.size.shape == (200, *event)
        assert (np.abs(truth.value) <= truth.size * (1 + 1e-15)).all()


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
    exact_mean = variances.relaxed_bernoulli_mean(parameters, constants)["logits"]
    exact = variances.variance("straight_through_gumbel", "bernoulli", parameters, constants, 2)["logits"]
    assert math.isclose(float(exact_mean), mean, rel_tol=1e-9)
    assert math.isclose(float(exact), (square - mean**2) / 2, rel_tol=1e-8 * square / (square - mean**2))


def test_relaxation_approaches_its_limit():
    """Variance to p (1 - p) / (6 T) as T goes to 0; 1.3 % off at T = 0.01 (for f(b) = b)."""
    for temperature, off in ((0.01, 0.02), (0.001, 0.002)):
        _, found = variances.relaxed_slope(math.log(0.3 / 0.7), temperature)
        assert abs(found / (0.3 * 0.7 / (6 * temperature)) - 1) < off


def test_a_problem_without_closed_form_has_no_exact_values():
    assert variances.variance("pathwise", "vae", {}, {}, 1) is None
    assert gradients.expectation("vae", {}, {}) is None


# the plan

GOOD = {"estimator": "pathwise", "problem": "quadratic", "settings": {}, "backends": ["jax"]}
BAD = {
    "unknown estimator": ({"estimator": "pathwize"}, "nearest: pathwise"),
    "unknown problem": ({"problem": "quadratik"}, "nearest: quadratic"),
    "estimator does not fit": ({"problem": "bernoulli"}, "estimators that fit: score_function, "),
    "relaxation of a normal": ({"estimator": "gumbel_softmax"}, "estimators that fit: pathwise, pathwise_antithetic"),
    "unknown setting": ({"settings": {"sigma": 1.0}}, "unknown setting"),
    "scale negative": ({"settings": {"scale": -1.0}}, "scale is -1.0; allowed: above 0"),
    "scale nan": ({"settings": {"scale": math.nan}}, "scale is nan"),
    "scale below the dtype's range": ({"settings": {"scale": 1e-39}}, "scale is 1e-39"),
    "loc infinite": ({"settings": {"loc": math.inf}}, "loc is inf"),
    "p above 1": (
        {"estimator": "score_function", "problem": "bernoulli", "settings": {"p": 1.5}},
        "p is 1.5; allowed: above 0 and below 1",
    ),
    "temperature 0": (
        {"estimator": "gumbel_softmax", "problem": "bernoulli", "settings": {"temperature": 0.0}},
        "temperature is 0.0",
    ),
    "temperature of another estimator": ({"settings": {"temperature": 0.5}}, "unknown setting"),
    "one sample for leave-one-out": (
        {"estimator": "score_function_leave_one_out", "samples": 1},
        "samples is 1; allowed: 2 or more",
    ),
    "no sample": ({"samples": 0}, "samples is 0; allowed: 1 or more"),
    "negative replicates": ({"replicates": -5}, "replicates is -5; allowed: 2 or more"),
    "one replicate": ({"replicates": 1}, "replicates is 1; allowed: 2 or more"),
    "dimension of its own": ({"dimension": 3}, "dimension of its own"),
    "dimension 0": ({"problem": "norm_squared", "dimension": 0}, "dimension is 0; allowed: 1 or more"),
    "negative seed": ({"seed": -1}, "seed is -1; allowed: 0 or more"),
    "unknown dtype": ({"dtypes": ["float31"]}, "unknown dtype 'float31'"),
    "unknown device": ({"devices": ["tpu"]}, "device is 'tpu'; allowed: cpu, gpu"),
}


@pytest.mark.parametrize(("changed", "message"), BAD.values(), ids=BAD)
def test_plan_refuses(changed, message):
    with pytest.raises(BadInputError) as caught:
        plan(**(GOOD | changed))
    assert message in str(caught.value)


def test_key_says_all_that_matters_and_cells_differ():
    changes = [
        {}, {"backends": ["torch"]}, {"dtypes": ["float64"]}, {"devices": ["gpu"]}, {"seed": 1}, {"samples": 3},
        {"replicates": 7}, {"settings": {"k": 0.1}}, {"problem": "norm_squared"},
        {"problem": "norm_squared", "dimension": 3}, {"estimator": "score_function"},
    ]  # fmt: skip
    keys = [cell.key for change in changes for cell in plan(**(GOOD | change))]
    assert len(set(keys)) == len(changes)
    assert keys[0] == (
        "variance jax pathwise quadratic float32 cpu loc=0.5 scale=1 k=0 dimension=1 samples=1 replicates=100000 seed=0"
    )
    many = plan(**(GOOD | {"backends": ["torch", "jax"], "dtypes": ["float32", "float64"], "devices": ["cpu", "gpu"]}))
    assert len({cell.key for cell in many}) == 8


def test_defaults_are_the_least_samples():
    (cell,) = plan(**(GOOD | {"estimator": "score_function_leave_one_out"}))
    assert cell.work.arguments["samples"] == 2


# the engine, with NumPy in a framework's place

NUMPY = SimpleNamespace(
    runtime=SimpleNamespace(
        asarray=dtypes.rounded,
        to_numpy=lambda value: value,
        synchronize=lambda _: None,
    )
)


def run_stream(function, replicates, block=256, dtype="float64"):
    def draw(number):
        return noise.generator(5, "engine", number).standard_normal((block, 1))

    return engine.stream(NUMPY, function, {"a": np.asarray(2.0)}, {}, draw, block, replicates, dtype)


@pytest.mark.parametrize("replicates", [2, 255, 256, 257, 1000])
def test_engine_keeps_exactly_the_replicates_asked_for(replicates):
    found = run_stream(lambda parameters, _, e: {"a": parameters["a"] * e[:, 0]}, replicates)
    e = np.concatenate([noise.generator(5, "engine", number).standard_normal(256) for number in range(4)])[:replicates]
    stream = found.streams["a"]
    assert stream.coordinates.n == replicates
    np.testing.assert_allclose(stream.coordinates.mean, [2 * e.mean()], rtol=1e-12)
    np.testing.assert_allclose(stream.coordinates.second / (replicates - 1), [4 * e.var(ddof=1)], rtol=1e-12)
    assert found.seconds_per_gradient > 0


def test_engine_rounds_noise_and_parameters_to_the_dtype():
    found = run_stream(lambda parameters, _, e: {"a": parameters["a"] * e[:, 0]}, 100, dtype="bfloat16")
    e = dtypes.rounded(noise.generator(5, "engine", 0).standard_normal(256)[:100], "bfloat16")
    np.testing.assert_allclose(found.streams["a"].coordinates.mean, [2 * e.mean()], rtol=1e-13)


def test_blocks_are_powers_of_two_that_fit():
    assert engine.block_replicates("quadratic", 1, 1) == 4096
    assert engine.block_replicates("norm_squared", 20, 1) == 4096
    for problem, size, samples in (("vae", 400, 1), ("vae", 400, 16), ("norm_squared", 10**6, 1)):
        block = engine.block_replicates(problem, size, samples)
        held = samples * (size + PROBLEMS[problem].intermediates)
        assert block & (block - 1) == 0
        assert block * held <= engine.BLOCK_NUMBERS < 2 * block * held
    assert engine.block_replicates("norm_squared", 10**8, 1) == 1


def test_vae_problem_is_the_posterior_of_different_digits():
    parameters, constants = instance("vae", {}, 1, "float64")
    assert parameters["loc"].shape == parameters["scale"].shape == (8, 50)
    assert (parameters["scale"] > 0).all()
    assert set(np.unique(constants["images"])) == {0.0, 1.0}
    assert len(np.unique(constants["images"], axis=0)) == 8
    assert constants["output.kernel"].shape == (256, 784)


# the article


def test_distance_interval_covers():
    """400 repeats: its coverage is at least 0.95, and 0.95 falls below 0.92 with probability below 1e-2."""
    probs = np.array(article.PROBS)
    random = noise.generator(6, "article")
    for followed in (probs, np.array([0.25, 0.28, 0.47])):
        exact = article_oracle.total_variation(followed, probs)
        covered = 0
        for counts in random.multinomial(5000, followed, size=400):
            low, high = article.distance_interval(counts / 5000, probs, 5000)
            covered += low <= exact <= high
        assert covered / 400 >= 0.92
    low, high = article.distance_interval(np.array([0.0, 0.0, 1.0]), probs, 1)
    assert low == high == pytest.approx(0.3)


# in worker processes


@pytest.fixture(scope="module")
def records(workers, installed_backends):
    """Records by backend and name of the measurement, measured in one go."""
    common = {"backends": installed_backends}
    jobs = {
        "short": plan("pathwise", "quadratic", {"k": 1.0}, replicates=1000, **common),
        "again": plan("pathwise", "quadratic", {"k": 1.0}, replicates=1000, seed=0, **common),
        "double": plan("pathwise", "quadratic", {"k": 1.0}, replicates=1000, dtypes=["float64"], **common),
        "overflow": plan("pathwise", "quadratic", {"loc": 3e38, "k": -3e38}, replicates=100, **common),
        "vae": plan("pathwise", "vae", {}, replicates=300, **common),
        "vae score": plan("score_function_leave_one_out", "vae", {}, replicates=300, **common),
        "article": article.plan(installed_backends, ["float32"], ["cpu"]),
    }
    unique = {cell.key: cell for cells in jobs.values() for cell in cells}
    found = dict(zip(unique, workers.run(list(unique.values())), strict=True))
    again = dict(zip(unique, workers.run(jobs["again"]), strict=False))
    rows = {(cell.work.backend, name): found[cell.key] for name, cells in jobs.items() for cell in cells}
    return rows | {(cell.work.backend, "again"): again[cell.key] for cell in jobs["again"]}


def test_same_seed_gives_the_same_numbers(records, backend):
    first, second = ([row.variance for row in records[backend, name]] for name in ("short", "again"))
    assert first == second


def test_dtypes_and_backends_see_the_same_noise(records, backend, installed_backends):
    """float32 changes each gradient by rounding only: the variances agree to far below their sampling error."""
    for name in ("short", "double"):
        for here, there in zip(records[backend, name], records[installed_backends[0], "double"], strict=True):
            assert math.isclose(here.variance, there.variance, rel_tol=1e-5)


def test_record_is_consistent(records, backend):
    for row in records[backend, "short"]:
        assert row.variance_low < row.variance < row.variance_high
        assert row.bias == row.mean - row.exact_mean
        assert row.exact_mean == {"loc": -1.0, "scale": 2.0}[row.parameter]
        assert row.exact_variance == {"loc": 4.0, "scale": 9.0}[row.parameter]
        assert row.settings == "loc=0.5 scale=1 k=1"
        assert row.work_normalized_variance == row.variance * row.seconds_per_gradient
        assert (row.samples, row.replicates, row.dimension) == (1, 1000, 1)


def test_gradient_that_overflows_gives_none_and_no_exception(records, backend):
    for row in records[backend, "overflow"]:
        assert row.mean is None
        assert row.variance is None
        assert row.variance_high is None


def test_vae_gradients_agree_in_mean_and_pathwise_is_quieter(records, backend, installed_backends):
    """Both estimators are unbiased: their means differ by at most 5 standard errors, a false alarm in 1e-6 of runs."""
    for quiet, loud in zip(records[backend, "vae"], records[backend, "vae score"], strict=True):
        assert quiet.parameter == loud.parameter
        assert quiet.dimension == 400
        assert quiet.exact_mean is None
        assert quiet.exact_variance is None
        assert quiet.bias is None
        error = math.hypot(quiet.mean_standard_error, loud.mean_standard_error)
        assert abs(quiet.mean - loud.mean) <= 5 * error
        assert quiet.variance_high < loud.variance_low
    for here, there in zip(records[backend, "vae"], records[installed_backends[0], "vae"], strict=True):
        assert math.isclose(here.variance, there.variance, rel_tol=1e-4)


def test_article_literal_and_right(records, backend):
    for row in records[backend, "article"]:
        assert row.measured_low <= row.exact <= row.measured_high, row
    literal, still, right = records[backend, "article"][:3]
    # softmax(0.1, 0.2, 0.7) = (1.10517, 1.22140, 2.01375) / 4.34032, and 0.7 - 0.46396 is all that moves
    assert literal.exact == pytest.approx(0.23604, abs=1e-5)
    assert literal.measured_low > right.measured_high
    assert still.measured == pytest.approx(0.3)
    assert [row.exact for row in records[backend, "article"][3:]] == [2.0] * len(article.KL_POINTS)
