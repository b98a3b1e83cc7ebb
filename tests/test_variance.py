"""The plan, and the engine; the last tests go through worker processes."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from harness import dtypes, noise
from harness.errors import BadInputError
from harness.oracle import article as article_oracle
from harness.problems import PROBLEMS, instance
from harness.statistics import merging
from harness.variance import article, blocks, engine
from harness.variance.plan import plan

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
        return dtypes.rounded(noise.generator(5, "engine", number).standard_normal((block, 1)), dtype)

    run = blocks.Blocks(NUMPY, function, ({"a": np.asarray(2.0)}, {}), draw, block, replicates)
    found = engine.stream(run, None, 0, run.number)
    return merging.root(found.nodes)["a"], found


@pytest.mark.parametrize("replicates", [2, 255, 256, 257, 1000])
def test_engine_keeps_exactly_the_replicates_asked_for(replicates):
    stream, found = run_stream(lambda parameters, _, e: {"a": parameters["a"] * e[:, 0]}, replicates)
    e = np.concatenate([noise.generator(5, "engine", number).standard_normal(256) for number in range(4)])[:replicates]
    assert stream.coordinates.n == replicates
    np.testing.assert_allclose(stream.coordinates.mean, [2 * e.mean()], rtol=1e-12)
    np.testing.assert_allclose(stream.coordinates.second / (replicates - 1), [4 * e.var(ddof=1)], rtol=1e-12)
    assert found.seconds_per_gradient > 0
    largest = np.sort((2 * e - 2 * e[:256].mean()) ** 2)[-math.isqrt(replicates) - 1 :]
    np.testing.assert_allclose(np.sort(found.largest["a"]), largest, rtol=1e-12)


def test_engine_rounds_noise_and_parameters_to_the_dtype():
    stream, _ = run_stream(lambda parameters, _, e: {"a": parameters["a"] * e[:, 0]}, 100, dtype="bfloat16")
    e = dtypes.rounded(noise.generator(5, "engine", 0).standard_normal(256)[:100], "bfloat16")
    np.testing.assert_allclose(stream.coordinates.mean, [2 * e.mean()], rtol=1e-13)


def test_blocks_are_powers_of_two_that_fit():
    assert blocks.block_replicates("quadratic", 1, 1) == 4096
    assert blocks.block_replicates("norm_squared", 20, 1) == 4096
    for problem, size, samples in (("vae", 400, 1), ("vae", 400, 16), ("norm_squared", 10**6, 1)):
        block = blocks.block_replicates(problem, size, samples)
        held = samples * (size + PROBLEMS[problem].intermediates)
        assert block & (block - 1) == 0
        assert block * held <= blocks.BLOCK_NUMBERS < 2 * block * held
    assert blocks.block_replicates("norm_squared", 10**8, 1) == 1


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
        assert loud.reference_mean == quiet.reference_mean
        assert abs(quiet.bias) <= 5 * quiet.bias_standard_error
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
