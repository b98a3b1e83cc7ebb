"""The project's estimators on a user's objective: the zoo's numbers, blocks, baselines, what fits, what is refused."""

from __future__ import annotations

import contextlib
import importlib
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtri

from harness import noise as noises
from harness.errors import BadInputError
from harness.estimators import ESTIMATORS, fits, noise_shape
from harness.oracle import baselines as exact_baselines
from harness.problems import PROBLEMS, draw_noise, instance
from harness.subjects import (
    estimated_baselines,
    estimator_subject,
    expectation,
    fitting,
    user_objective,
)
from harness.subjects import (
    from_estimator as module,
)
from harness.subjects.from_estimator import estimators, from_estimator
from harness.variance.blocks import gradient_function
from implementations import registry

LOGITS = np.array([0.3, -0.5, 1.0, 0.0])
REWARD = np.array([1.0, 4.0, 9.0, 16.0])
PROBS = np.exp(LOGITS) / np.exp(LOGITS).sum()
TRUTH = PROBS * (REWARD - PROBS @ REWARD)


@contextlib.contextmanager
def sixty_four_bits(backend: str) -> Iterator[ModuleType]:
    """Load a backend, with 64-bit types in jax."""
    package = registry.load(backend)
    if backend == "jax":
        with importlib.import_module("jax").enable_x64(True):
            yield package
    else:
        yield package


@pytest.fixture
def package(backend):
    with sixty_four_bits(backend) as loaded:
        yield loaded


@pytest.fixture
def first(one):
    with sixty_four_bits(one) as loaded:
        yield one, loaded


def total(value: Any) -> Any:
    """Return the sum over the last axis, in any framework."""
    if hasattr(value, "sum"):
        return value.sum(-1)
    return importlib.import_module("tensorflow").reduce_sum(value, -1)


def rewarded(package: ModuleType, dtype: str = "float64") -> Any:
    reward = package.runtime.asarray(REWARD, dtype)
    return lambda x: total(x * reward)


def categorical(package: ModuleType, **changes: Any) -> dict[str, Any]:
    """Return the arguments of a categorical problem whose exact gradient is `TRUTH`."""
    given = {"distribution": "categorical", "objective": rewarded(package), "parameters": {"logits": LOGITS}}
    return given | changes


# the numbers of the zoo

ZOO = {
    "quadratic": 1,
    "bernoulli_quadratic": 3,
    "categorical_quadratic": 3,
    "gamma_quadratic": 2,
    "beta_quadratic": 2,
    "gaussian_elbo": 2,
    "linear_gaussian_iwae": 2,
}


def fits_zoo(problem: str, name: str) -> bool:
    return "exact" not in ESTIMATORS[name].needs and fits(name, problem)


def check_like_the_zoo(package: ModuleType, problem: str, name: str, mode: str | None = "eager") -> None:
    """Compare a subject with the zoo's own function at the same noise."""
    row, goal = ESTIMATORS[name], PROBLEMS[problem]
    settings = {key: setting.default for key, setting in (goal.settings | row.settings).items()}
    parameters, constants = instance(problem, settings, ZOO[problem], "float64")
    own = {key: np.asarray(settings[key]) for key in row.settings}
    arrays, fixed = (
        {key: package.runtime.asarray(value, "float64") for key, value in given.items()}
        for given in (parameters, constants | own)
    )
    function = getattr(package.objectives, goal.objective)
    objective = (
        (lambda x: function(x, {}, fixed))
        if "plain" in goal.features
        else (lambda x, parameters: function(x, parameters, fixed))
    )
    samples, replicates = max(row.least_samples, 3), 16
    subject = from_estimator(
        name, registry.name_of(package), distribution=goal.distribution, objective=objective, parameters=arrays,
        samples=samples, mode=mode, log_weight="weight" in goal.features,
    )  # fmt: skip
    random = noises.generator(3, "from_estimator", goal.distribution.lower(), name, 0)
    event = next(iter(parameters.values())).shape
    drawn = draw_noise(problem, parameters, noise_shape(name, settings, replicates, samples, event), random)
    zoo = gradient_function(package, name, problem, mode or registry.find(registry.name_of(package)).mode)
    want = package.runtime.to_numpy(zoo(arrays, fixed, package.runtime.asarray(drawn, "float64")))
    found = subject(3, replicates)
    assert list(found) == list(parameters)
    for key, value in want.items():
        assert found[key].dtype == np.float64
        np.testing.assert_allclose(found[key], value, rtol=1e-9, atol=1e-9 * np.abs(value).max(), err_msg=key)


#: Of the estimators that fit bits, those that are not tried with classes, and some of the others.
_OF_BITS = {"arm", "disarm", "exact", "score_function", "rebar"}


@pytest.mark.parametrize("problem", ZOO)
def test_like_the_zoo(package, problem):
    names = [name for name in ESTIMATORS.built_in if fits_zoo(problem, name)]
    assert names
    for name in names:
        if problem != "bernoulli_quadratic" or name in _OF_BITS:
            check_like_the_zoo(package, problem, name)


@pytest.mark.parametrize(
    ("problem", "name"), [("quadratic", "pathwise"), ("categorical_quadratic", "straight_through")]
)
def test_like_the_zoo_in_the_usual_mode(package, problem, name):
    check_like_the_zoo(package, problem, name, mode=None)


def test_an_objective_of_their_own(package, backend):
    """The example of the contract: every estimator gives [n, 4], and those without bias have the known mean."""
    found = estimators(backend, **categorical(package))
    assert {"score_function", "score_function_leave_one_out", "gumbel_softmax", "exact", "rebar"} <= set(found)
    assert {"pathwise", "arm", "score_function_constant", "iwae"} <= set(found.skipped)
    assert set(found) | set(found.skipped) == set(fitting.rows())
    for name in ("score_function", "exact", "gumbel_softmax"):
        gradients = found[name](0, 5)
        assert {key: value.shape for key, value in gradients.items()} == {"logits": (5, 4)}
        assert found[name].name == name
    np.testing.assert_allclose(found["exact"](0, 3)["logits"], np.tile(TRUTH, (3, 1)), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_of_the_parameters(package, backend, dtype):
    """Parameters of the framework keep their dtype, which is that of noise and gradients."""
    logits = package.runtime.asarray(LOGITS, dtype)
    subject = from_estimator(
        "reinforce", backend, **categorical(package, objective=rewarded(package, dtype), parameters={"logits": logits})
    )
    assert subject(0, 2)["logits"].dtype == dtype


def test_batches_of_vectors(package, backend):
    """Two categorical vectors: the gradient of a sum of their rewards is that of each."""

    def objective(x):
        return total(rewarded(package)(x))

    given = categorical(package, objective=objective, parameters={"logits": np.stack([LOGITS, LOGITS[::-1]])})
    found = from_estimator("exact", backend, **given)(0, 1)["logits"][0]
    np.testing.assert_allclose(found[0], TRUTH, rtol=1e-12)


# seeds and blocks


def check_blocks(backend: str, package: ModuleType, mode: str) -> None:
    """Check sizes that are no multiple of a block: as many gradients, none twice, the same again."""
    subject = from_estimator("score_function", backend, **categorical(package), block=8, mode=mode)
    sizes = {n: subject(4, n)["logits"] for n in (1, 3, 8, 21)}
    assert all(len(rows) == n for n, rows in sizes.items())
    many = sizes[21]
    np.testing.assert_allclose(many[:8], sizes[8], rtol=1e-12)
    np.testing.assert_allclose(many[:3], sizes[3], rtol=1e-12)
    assert not (many[:8] == many[8:16]).all()
    np.testing.assert_array_equal(many, subject(4, 21)["logits"])
    assert not (subject(5, 8)["logits"] == sizes[8]).all()


def test_blocks(package, backend):
    """In the mode in which the framework is mostly run: exact tails in PyTorch, whole blocks in the others."""
    check_blocks(backend, package, registry.find(backend).mode)


def test_noise_differs_between_estimators(first):
    name, package = first
    given = categorical(package)
    one = from_estimator("score_function", name, **given)(0, 64)["logits"]
    other = from_estimator("score_function_estimated_constant", name, **given, baseline_samples=1)(0, 64)["logits"]
    assert not (np.sign(one) == np.sign(other)).all()


def test_one_compilation_for_each_size(installed_backends):
    """A compiled objective is traced once for blocks, whatever the number of gradients; another time for fewer."""
    if "jax" not in installed_backends:
        pytest.skip("jax is not installed")
    with sixty_four_bits("jax") as package:
        traced = []

        def objective(x):
            traced.append(x.shape)
            return rewarded(package)(x)

        subject = from_estimator("score_function", "jax", **categorical(package, objective=objective), block=16)
        del traced[:]
        for n in (16, 33, 40, 100, 17):
            subject(0, n)
        assert traced == [(16, 1, 4)]
        for n in (5, 6, 7, 8):
            subject(0, n)
        assert traced == [(16, 1, 4), (8, 1, 4)]


def test_global_random_state_is_untouched(first):
    name, package = first
    before = np.random.get_state()[1].copy()
    from_estimator("score_function", name, **categorical(package))(0, 4)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_arrays_go_to_the_device_of_the_parameters():
    class Array:
        def __init__(self, device: str) -> None:
            self.device = device

        def to(self, device: str) -> Array:
            return Array(device)

    assert expectation.beside(Array("cpu"), Array("cuda:1")).device == "cuda:1"
    same = Array("cpu")
    assert expectation.beside(same, Array("cpu")) is same
    tensor = SimpleNamespace(device="cpu")  # TensorFlow's, which have neither method
    assert expectation.beside(tensor, Array("gpu")) is tensor


# estimated baselines

#: Chance that a right estimator is called biased, in all coordinates of one test together; and that a bias of `BIAS`
#: times the norm of the truth, in one coordinate, is not seen.
LEVEL, MISSED, BIAS = 1e-6, 0.01, 0.05


def z_scores(subject, truth: np.ndarray) -> np.ndarray:
    """Return the z-scores of the means by coordinate, of as many gradients as the rates ask for."""
    pilot = subject(1, 4096)["logits"]
    reach = -ndtri(LEVEL / 2 / truth.size) - ndtri(MISSED)
    n = math.ceil(float(pilot.var(axis=0, ddof=1).max()) * (reach / (BIAS * float(np.linalg.norm(truth)))) ** 2)
    assert n < 400_000
    rows = subject(2, max(n, 1000))["logits"]
    return (rows.mean(axis=0) - truth) / (rows.std(axis=0, ddof=1) / math.sqrt(len(rows)))


def is_biased(subject, truth: np.ndarray = TRUTH) -> bool:
    return bool(np.abs(z_scores(subject, truth)).max() > -ndtri(LEVEL / 2 / truth.size))


@pytest.mark.parametrize("name", estimated_baselines.ESTIMATED)
@pytest.mark.parametrize("baseline_samples", [2, 1024])
def test_estimated_baselines_have_no_bias(first, name, baseline_samples):
    """However bad the baseline is."""
    backend, package = first
    subject = from_estimator(name, backend, **categorical(package), baseline_samples=baseline_samples)
    assert not is_biased(subject)


def own_baseline(seed: int, n: int, samples: int = 2) -> dict[str, np.ndarray]:
    """Return score functions whose baseline is the mean of the gradient's own samples: (1 - 1/S) of the gradient."""
    x = np.random.default_rng(seed).multinomial(1, PROBS, size=(n, samples))
    f = x @ REWARD
    return {"logits": ((f - f.mean(axis=1, keepdims=True))[..., None] * (x - PROBS)).mean(axis=1)}


def test_a_baseline_of_the_same_samples_is_seen():
    assert is_biased(own_baseline)
    assert not is_biased(lambda seed, n: {"logits": 2 * own_baseline(seed, n)["logits"]})


def test_estimated_baselines_lower_the_variance(first):
    backend, package = first
    given = categorical(package, samples=1)
    plain, constant, optimal = (
        from_estimator(name, backend, **given)(0, 20_000)["logits"].var(axis=0).sum()
        for name in ("score_function", *estimated_baselines.ESTIMATED)
    )
    # 27.9, 8.9 and 3.4: the intervals of 20,000 replicates are a few percent wide
    assert optimal < 0.6 * constant < 0.4 * plain


def check_baselines(backend: str, package: ModuleType) -> None:
    """Compare estimated baselines with exact ones, within 2 %, 5 standard errors of 65,536 samples or more."""
    problem = "categorical_quadratic"
    parameters, constants = instance(
        problem, {k: s.default for k, s in PROBLEMS[problem].settings.items()}, 3, "float64"
    )
    fixed = {key: package.runtime.asarray(value, "float64") for key, value in constants.items()}
    goal = expectation.expectation(
        backend,
        distribution="categorical",
        objective=lambda x: package.objectives.categorical_quadratic(x, {}, fixed),
        parameters=parameters,
    )
    found = estimator_subject.estimated_baselines.baselines(goal, package.estimators.score_function, 2**16)
    want = exact_baselines.baselines(problem, parameters, constants)
    assert set(found) == set(want)
    for name, value in want.items():
        np.testing.assert_allclose(found[name], value, atol=0.02 * np.abs(value).max(), err_msg=name)


def test_estimated_baselines_are_near_the_exact_ones(first):
    check_baselines(*first)


def test_estimated_baselines_in_chunks(first, monkeypatch):
    monkeypatch.setattr(estimated_baselines, "_CHUNK", 3 * 1000)
    check_baselines(*first)


def test_a_score_that_is_always_0(first):
    """A class that never occurs in float64 has a score of 0, and the mean of f as its baseline."""
    backend, package = first
    given = categorical(package, parameters={"logits": np.array([0.0, 0.0, 0.0, -1e4])})
    found = from_estimator("score_function_estimated_optimal", backend, **given)(0, 8)["logits"]
    assert np.isfinite(found).all()
    assert (found[:, 3] == 0).all()


# names


def test_names_of_the_field():
    assert fitting.resolve("score_function") == "score_function"
    assert fitting.resolve("RLOO") == "score_function_leave_one_out"
    assert fitting.resolve("Straight-Through Gumbel") == "straight_through_gumbel"
    with pytest.raises(BadInputError, match="unknown estimator 'scor_function'; the nearest: score_function"):
        fitting.resolve("scor_function")
    with pytest.raises(BadInputError, match="it is called pathwise_antithetic or arm here"):
        fitting.resolve("antithetic")


def test_the_name_is_that_of_the_estimator(first):
    backend, package = first
    assert from_estimator("RLOO", backend, **categorical(package)).name == "score_function_leave_one_out"


# what fits


def test_equally_many_samples(first):
    """Variances are compared at equally many samples, 2 since one estimator needs them."""
    backend, package = first
    found = estimators(backend, **categorical(package))
    alone = from_estimator("score_function", backend, **categorical(package), samples=2)
    np.testing.assert_array_equal(found["score_function"](0, 4)["logits"], alone(0, 4)["logits"])
    one = estimators(backend, **categorical(package), samples=1)
    assert one.skipped["score_function_leave_one_out"] == "needs samples=2 or more"


def test_settings_reach_their_estimators(first):
    backend, package = first
    found = estimators(backend, **categorical(package), temperature=0.1)
    alone = from_estimator("gumbel_softmax", backend, **categorical(package), samples=2, temperature=0.1)
    np.testing.assert_array_equal(found["gumbel_softmax"](0, 4)["logits"], alone(0, 4)["logits"])
    with pytest.raises(BadInputError, match="unknown setting of the estimators that fit 'temprature'"):
        estimators(backend, **categorical(package), temprature=0.1)


def test_log_weights(first):
    """The estimators of log weights are there where the caller says that it is one, the bound's apart."""
    backend, package = first

    def log_weight(x, parameters):
        prior = package.gaussian.log_prob(x, parameters["loc"] * 0, parameters["scale"] * 0 + 1)
        return total(prior - package.gaussian.log_prob(x, parameters["loc"], parameters["scale"]))

    given = {
        "distribution": "normal",
        "objective": log_weight,
        "parameters": {"loc": np.array([0.5, -1.0]), "scale": np.array([1.0, 0.7])},
    }
    plain = estimators(backend, **given)
    assert "pathwise" in plain
    assert not {"sticking_the_landing", "iwae", "measure_valued"} & set(plain)
    assert "log_weight=True" in plain.skipped["sticking_the_landing"]
    weighted = estimators(backend, **given, log_weight=True)
    assert "sticking_the_landing" in weighted
    assert "bound=True" in weighted.skipped["iwae"]
    assert set(estimators(backend, **given, bound=True)) == {"iwae", "dreg", "vimco"}
    found = from_estimator("dreg", backend, **given, log_weight=True)(0, 3)
    assert found["scale"].shape == (3, 2)


def test_an_enumeration_that_does_not_fit(first):
    backend, package = first
    given = categorical(package, distribution="bernoulli", objective=total, parameters={"logits": np.zeros(100)})
    found = estimators(backend, **given)
    assert "exact" not in found
    assert {"arm", "disarm"} <= set(found)
    assert found.skipped["exact"].startswith("enumerates 2^100 outcomes of 100 numbers each; at most 8,388,608")
    with pytest.raises(BadInputError, match="estimator 'exact' enumerates 2"):
        from_estimator("exact", backend, **given)
    few = given | {"parameters": {"logits": np.zeros(12)}}
    np.testing.assert_allclose(from_estimator("exact", backend, **few)(0, 1)["logits"], 0.25, rtol=1e-9)


# objectives


def check_piecewise_constant(backend: str, package: ModuleType) -> None:
    """Check that an objective without a derivative has the score functions, and no pathwise gradient of 0."""
    given = {
        "distribution": "normal",
        "objective": lambda x: (
            (total(x) > 0) * package.runtime.asarray(np.ones(()), "float64")
            if backend != "tensorflow"
            else importlib.import_module("tensorflow").cast(total(x) > 0, "float64")
        ),
        "parameters": {"loc": np.zeros(2), "scale": np.ones(2)},
    }
    found = estimators(backend, **given)
    assert {"score_function", "measure_valued"} <= set(found)
    assert "0 everywhere" in found.skipped["pathwise"]
    with pytest.raises(BadInputError, match="0 everywhere while its values differ; estimators that fit: score_func"):
        from_estimator("pathwise", backend, **given)


def test_piecewise_constant_objective(package, backend):
    check_piecewise_constant(backend, package)


def test_constant_objective(first):
    """A derivative of 0 of an objective that does not change is right."""
    backend, package = first
    given = categorical(package, objective=lambda x: total(x * 0) + 3)
    assert (from_estimator("straight_through", backend, **given)(0, 4)["logits"] == 0).all()


def check_separate(backend: str, package: ModuleType) -> None:
    """Check that an objective that looks at other samples, or draws random numbers, is refused."""
    score = rewarded(package)

    def centred(x):
        f = score(x)
        return f - f[:1]

    def random(x):
        return score(x) * float(np.random.default_rng().normal())

    for objective in (centred, random):
        with pytest.raises(BadInputError, match="each sample alone, without random numbers"):
            from_estimator("score_function", backend, **categorical(package, objective=objective))


def test_objective_of_all_samples(package, backend):
    check_separate(backend, package)


def test_undefined_at_relaxed_samples(first):
    """log(1 - x) of a class that is 1 is infinite; a table of rewards has no values between the classes."""
    backend, package = first

    def table(x):
        if not np.isin(package.runtime.to_numpy(x), (0.0, 1.0)).all():
            raise IndexError("no such class")
        return rewarded(package)(x)

    found = estimators(backend, **categorical(package, objective=table), mode="eager")
    assert "score_function_estimated_optimal" in found
    assert "at relaxed samples, and the objective raised IndexError: no such class" in found.skipped["gumbel_softmax"]


def _with_default(x, reward=3):
    return x * reward


def _with_parameters(x, parameters=None):
    return x, parameters


SIGNATURES = {
    "x": (lambda x: x, False),
    "x and parameters": (lambda x, parameters: (x, parameters), True),
    "other names": (lambda z, theta: (z, theta), True),
    "a default": (_with_default, False),
    "parameters by default": (_with_parameters, True),
    "any arguments": (lambda *arguments: arguments, False),
    "built-in": (min, False),
}


@pytest.mark.parametrize(("function", "sees"), SIGNATURES.values(), ids=SIGNATURES)
def test_signatures(function, sees):
    assert user_objective.require_objective(function).sees_parameters is sees


@pytest.mark.usefixtures("package")
def test_explicit_parameters_contribute(backend):
    """The gradient of E [x theta] = theta^2 is 2 theta, for pathwise and score function alike."""
    given = {
        "distribution": "normal",
        "objective": lambda x, parameters: total(x * parameters["loc"]),
        "parameters": {"loc": np.array([0.5, -1.0]), "scale": np.array([1e-6, 1e-6])},
    }
    found = from_estimator("pathwise", backend, **given)(0, 2)["loc"]
    np.testing.assert_allclose(found, np.tile([1.0, -2.0], (2, 1)), atol=1e-4)
    assert "exact" not in estimators(backend, **given)


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # of TensorFlow's variables
def test_variables_as_parameters(package, backend):
    """What the frameworks train: a parameter that requires a gradient, a variable; and a module as objective."""
    if backend == "torch":
        torch = importlib.import_module("torch")
        layer = torch.nn.Sequential(torch.nn.Linear(4, 1, dtype=torch.float64), torch.nn.Flatten(-2))
        objective, logits = layer, torch.nn.Parameter(torch.tensor(LOGITS))
    elif backend == "tensorflow":
        objective, logits = rewarded(package), importlib.import_module("tensorflow").Variable(LOGITS)
    else:
        objective, logits = rewarded(package), package.runtime.asarray(LOGITS, "float64")
    given = categorical(package, objective=objective, parameters={"logits": logits})
    found = from_estimator("exact", backend, **given)(0, 2)["logits"]
    assert type(found) is np.ndarray
    assert np.isfinite(found).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(first, dtype):
    backend, package = first
    logits = package.runtime.asarray(LOGITS, dtype)
    given = categorical(package, objective=rewarded(package, dtype), parameters={"logits": logits})
    found = from_estimator("exact", backend, **given)(0, 1)["logits"][0]
    np.testing.assert_allclose(found, TRUTH, rtol=0.05)


# what is refused


def _raises(x):
    return {}[x.ndim]


def refused(message: str, name: str = "score_function", backend: str | None = None, **changes: Any) -> Any:
    return pytest.param(name, backend, changes, message, id=message[:50])


@pytest.mark.parametrize(
    ("name", "backend_name", "changes", "message"),
    [
        refused("unknown backend 'torsh'", backend="torsh"),
        refused("backend 'numpyro' is a library without estimators", backend="numpyro"),
        refused("backend is 3; allowed: a name", backend=3),
        refused("unknown distribution 'categorial'; the nearest: categorical", distribution="categorial"),
        refused("unknown estimator 'scor'", name="scor"),
        refused("estimator 'pathwise' needs a reparameterizable distribution; estimators that fit: score_function,",
                name="pathwise"),
        refused("use score_function_estimated_constant", name="score_function_constant"),
        refused("needs an objective that is a log weight; give log_weight=True", name="vimco"),
        refused("parameters is a list; allowed: a dict of 'logits'", parameters=[LOGITS]),
        refused("parameters are 'probs'; allowed for distribution 'categorical': 'logits'",
                parameters={"probs": LOGITS}),
        refused("parameter 'logits' has dtype int64", parameters={"logits": np.arange(4)}),
        refused("parameter 'logits' is nan", parameters={"logits": np.array([0.0, math.nan])}),
        refused("parameter 'logits' has shape (); allowed for distribution 'categorical': at least one number on at",
                parameters={"logits": np.float64(1.0)}),
        refused("parameter 'logits' has shape (0,)", parameters={"logits": np.zeros(0)}),
        refused("parameter 'scale' is -1.0; allowed: above 0", distribution="normal",
                parameters={"loc": np.zeros(2), "scale": -np.ones(2)}),
        refused("parameter 'scale' has shape (), and 'loc' has (2,); allowed: one shape", distribution="normal",
                parameters={"loc": np.zeros(2), "scale": np.float64(1.0)}),
        refused("parameter 'scale' has dtype float32, and 'loc' has float64", distribution="normal",
                parameters={"loc": np.zeros(2), "scale": np.ones(2, np.float32)}),
        refused("concentration1' is 0.5; allowed: 2.3 or above in float32", distribution="beta",
                parameters={"concentration1": np.full(2, 0.5), "concentration0": np.ones(2)}),
        refused("objective is 3, which is not callable", objective=3),
        refused("objective needs 3 arguments; allowed: objective(x)", objective=lambda x, y, z: (x, y, z)),
        refused("objective needs 0 arguments", objective=lambda: 1),
        refused("the objective has shape (12, 5, 4) at x of shape (12, 5, 4); allowed: (12, 5)", objective=lambda x: x),
        refused("the objective has shape () at x", objective=lambda x: x[0, 0, 0]),
        refused("the objective has dtype bool", objective=lambda x: x[..., 0] > 0),
        refused("the objective is not finite at 60 of 60 samples", objective=lambda x: x[..., 0] * math.inf * 0),
        refused("the objective raised KeyError: 3 at samples x of shape (12, 5, 4) in float64", objective=_raises),
        refused("samples is 1; allowed: 2 or more", name="rloo", samples=1),
        refused("samples is 1.5; allowed: a whole number", samples=1.5),
        refused("block is 0; allowed: 1 or more", block=0),
        refused("mode is 'fast'; allowed: eager, compiled", mode="fast"),
        refused("unknown setting of estimator 'score_function' 'temperature'", temperature=0.5),
        refused("temperature is -1.0; allowed: above 0", name="concrete", temperature=-1),
        refused("setting 'temperature' is 'hot'; allowed: a number", name="concrete", temperature="hot"),
        refused("baseline_samples is 0.0; allowed: whole numbers from 1", name="score_function_estimated_optimal",
                baseline_samples=0),
    ],
)  # fmt: skip
def test_refused(first, name, backend_name, changes, message):
    backend, package = first
    with pytest.raises(BadInputError) as caught:
        from_estimator(name, backend if backend_name is None else backend_name, **categorical(package, **changes))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_library_that_is_not_installed(monkeypatch):
    monkeypatch.setattr(registry, "installed", lambda _: False)
    with pytest.raises(BadInputError, match="needs torch, which is not installed"):
        expectation.reference("torch")


def test_no_gradients(first):
    backend, package = first
    with pytest.raises(BadInputError, match="n is 0; allowed: 1 or more"):
        from_estimator("score_function", backend, **categorical(package))(0, 0)


def test_an_objective_that_cannot_be_compiled(installed_backends):
    """It is not run eagerly in silence; the message says how it can be."""
    if "jax" not in installed_backends:
        pytest.skip("jax is not installed")
    with sixty_four_bits("jax") as package:

        def branches(x):
            return rewarded(package)(x) * (1.0 if float(x[0, 0, 0]) >= 0 else 2.0)

        given = categorical(package, objective=branches)
        with pytest.raises(BadInputError, match=r"compiled, raised .*give mode='eager'"):
            from_estimator("arm", "jax", **(given | {"distribution": "bernoulli"}))(0, 2)
        assert from_estimator("arm", "jax", **(given | {"distribution": "bernoulli"}), mode="eager")(0, 2)


def test_an_objective_of_another_library(first):
    """NumPy sees no derivative: PyTorch and JAX raise where they differentiate, and the message says what to do."""
    backend, package = first
    if backend == "tensorflow":
        pytest.skip("TensorFlow calls NumPy outside of the tape")

    def numpy_only(x):
        return package.runtime.asarray(np.asarray(x) @ REWARD, "float64")

    with pytest.raises(BadInputError, match=r"eager, raised .*own operations"):
        from_estimator("score_function", backend, **categorical(package, objective=numpy_only), mode="eager")(0, 2)


# mistakes in the code that the tests above see


def mutated(monkeypatch: pytest.MonkeyPatch, code: ModuleType, before: str, after: str) -> ModuleType:
    text = Path(code.__file__).read_text()
    assert text.count(before) == 1, before
    copy = ModuleType(f"{code.__name__}_mutated")
    monkeypatch.setitem(sys.modules, copy.__name__, copy)  # where dataclasses look
    exec(compile(text.replace(before, after), copy.__name__, "exec"), vars(copy))
    return copy


def gamma_like_the_zoo(backend: str, package: ModuleType) -> None:
    del backend
    check_like_the_zoo(package, "gamma_quadratic", "score_function")


def eager_blocks(backend: str, package: ModuleType) -> None:
    check_blocks(backend, package, "eager")


def check_exact_limit(backend: str, package: ModuleType) -> None:
    test_an_enumeration_that_does_not_fit((backend, package))


MUTATIONS = {
    "one noise for all blocks": (estimator_subject, "self.estimator, number)", "self.estimator, 0)", eager_blocks),
    "one noise for all seeds": (estimator_subject, "generator(seed, ", "generator(0, ", eager_blocks),
    "the tail is not dropped": (estimator_subject, "value[:remaining]", "value", "compiled"),
    "noise of another estimator": (estimator_subject, "self.estimator, number)", '"a", number)', gamma_like_the_zoo),
    "settings are lost": (
        estimator_subject, "for key, value in constants.items()}", "for key, value in {}.items()}",
        lambda _, package: check_like_the_zoo(package, "categorical_quadratic", "rebar"),
    ),
    "score in place of its square": (
        estimated_baselines, "np.tensordot(cost, np.square(score), 1)", "np.tensordot(cost, score, 1)", check_baselines,
    ),
    "mean over chunks": (estimated_baselines, "mean = total / samples", "mean = total / chunk / 2", check_baselines),
    "a derivative of 0 passes": (
        user_objective, "if not slopes.any() and np.ptp(self.host(value)) > 0:", "if False:", check_piecewise_constant,
    ),
    "samples are not called apart": (user_objective, "points.require_separate(x, value)", "pass", check_separate),
    "no limit of the enumeration": (
        fitting, "if row.enumerates else", "if False else", check_exact_limit,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("code", "before", "after", "check"), MUTATIONS.values(), ids=MUTATIONS)
def test_mutations_are_seen(first, monkeypatch, code, before, after, check):
    backend, package = first
    copy = mutated(monkeypatch, code, before, after)
    if code is estimator_subject:
        monkeypatch.setattr(module, "subject", copy.subject)
    elif code is estimated_baselines:
        monkeypatch.setattr(estimator_subject, "estimated_baselines", copy)
    elif code is user_objective:
        monkeypatch.setattr(expectation, "try_out", copy.try_out)
    else:
        monkeypatch.setattr(module, "why_not", copy.why_not)
    if check == "compiled":
        compiled = "jax" if registry.installed("jax") else backend
        with sixty_four_bits(compiled) as other, pytest.raises(AssertionError):
            check_blocks(compiled, other, "compiled")
        return
    with pytest.raises((AssertionError, BadInputError, pytest.fail.Exception, KeyError)):
        check(backend, package)
