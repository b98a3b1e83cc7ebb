"""Finite differences as a truth: accuracy in every framework, their own error, and what they refuse."""

from __future__ import annotations

import contextlib
import importlib
import math
import operator
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from harness.errors import BadInputError
from harness.subjects import finite_differences as module
from harness.subjects.finite_differences import differences, finite_differences
from implementations import registry


def smooth(parameters):
    """Return sum exp(a) + sin(b) log(c), whose derivatives are known."""
    (b,) = parameters["b"]
    return np.exp(parameters["a"]).sum() + np.sin(b) * np.log(parameters["c"])


POINT = {"a": np.array([[-1.0, 0.0], [0.5, 2.0]]), "b": (0.3,), "c": 1e-3}


def exact_gradient():
    return {
        "a": np.exp(POINT["a"]),
        "b": (math.cos(0.3) * math.log(1e-3),),
        "c": math.sin(0.3) / 1e-3,
    }


def check_accuracy(code=module):
    found = code.differences(smooth, POINT)
    want = exact_gradient()
    assert isinstance(found.gradient["b"], tuple)
    assert set(found.gradient) == set(want)
    for name in want:
        rows = (found.gradient[name], found.error[name], want[name])
        got, error, value = (row[0] if name == "b" else row for row in rows)
        np.testing.assert_allclose(got, value, rtol=1e-8)
        assert got.dtype == np.float64
        assert got.shape == np.shape(value)
        assert (np.abs(got - value) <= error).all()


def check_order(code=module):
    """Check that the error falls with the fourth power of the step: 16 times from a step to its half."""
    errors = [abs(code.finite_differences(np.exp, 1.0, step) - math.e) for step in (2.0**-4, 2.0**-5)]
    assert 14 < errors[0] / errors[1] < 18


def check_not_smooth(code=module):
    with pytest.raises(BadInputError, match="smooth"):
        code.finite_differences(lambda x: np.sin(1e6 * x), 1.0)


def test_accuracy_structure_and_error():
    check_accuracy()


def test_fourth_order():
    check_order()


def test_a_step_that_does_not_resolve_the_objective():
    check_not_smooth()


def test_four_evaluations_for_each_coordinate():
    calls = []

    def counted(parameters):
        calls.append(1)
        return smooth(parameters)

    finite_differences(counted, POINT)
    assert len(calls) == 4 * 6 + 2


def test_bare_array_and_number():
    np.testing.assert_allclose(
        finite_differences(lambda x: (x**3).sum(), np.array([1.0, -2.0])), [3.0, 12.0], rtol=1e-9
    )
    assert finite_differences(lambda x: 5.0 * x, 2).shape == ()


def test_zero_gradients_are_no_error():
    """A constant, one up to rounding, and a minimum: slopes near 0 must not count as errors."""

    def normalized(x):
        return (np.exp(x) / np.exp(x).sum()).sum()

    for function, size in ((lambda _: 3.0, 1e-12), (normalized, 1e-10), (lambda x: ((x - 1.0) ** 4).sum(), 1e-8)):
        assert np.abs(finite_differences(function, np.ones(3))).max() <= size


def test_objective_that_changes_its_input():
    def spoils(x):
        value = float((x**2).sum())
        x[:] = 0.0
        return value

    np.testing.assert_allclose(finite_differences(spoils, np.array([1.0, 2.0])), [2.0, 4.0], rtol=1e-9)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_arrays_of_frameworks(backend, dtype):
    """The objective is given the framework's arrays in their dtype; the gradient of logsumexp is the softmax."""
    with sixty_four_bits(backend) as framework:
        check_logsumexp(backend, framework, dtype)


@contextlib.contextmanager
def sixty_four_bits(backend: str) -> Iterator[ModuleType]:
    """Load a framework, with 64-bit types in jax."""
    framework = importlib.import_module(registry.find(backend).framework)
    with framework.enable_x64(True) if backend == "jax" else contextlib.nullcontext():
        yield framework


def check_logsumexp(backend: str, framework: ModuleType, dtype: str) -> None:
    package = registry.load(backend)
    values = np.array([0.3, -0.5, 1.0, 0.0])
    logits = package.runtime.asarray(values, dtype)
    names = {"torch": "logsumexp", "jax": "nn.logsumexp", "tensorflow": "reduce_logsumexp"}
    function = operator.attrgetter(names[backend])(framework)
    axis = (0,) if backend == "torch" else ()
    seen = set()

    def logsumexp(parameters):
        seen.add(type(parameters["logits"]).__name__ + str(parameters["logits"].dtype))
        return function(parameters["logits"], *axis)

    found = finite_differences(logsumexp, {"logits": logits})["logits"]
    assert seen == {type(logits).__name__ + str(logits.dtype)}
    want = np.exp(values) / np.exp(values).sum()
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, want, atol=1e-9 if dtype == "float64" else 1e-3)


def test_variables_with_gradients(installed_backends):
    if "torch" not in installed_backends:
        pytest.skip("torch is not installed")
    import torch

    weight = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    found = finite_differences(lambda p: (p[0] ** 2 * weight).sum(), [torch.nn.Parameter(weight.detach().clone())])
    np.testing.assert_allclose(found[0], [2.0, 8.0], rtol=1e-9)


def test_lower_precision_of_the_values_widens_the_step():
    """Values in float32 of parameters in float64: the step is that of float32, and the error says so."""
    found = differences(lambda x: np.float32(np.exp(x)), 1.0)
    assert abs(found.gradient - math.e) < found.error < 1e-2


REFUSED = {
    "not callable": (3.0, 1.0, None, "not callable"),
    "random": (lambda _: np.random.default_rng().normal(), 1.0, None, "same parameters"),
    "nan": (lambda _: math.nan, 1.0, None, "not finite: nan at the parameters"),
    "outside of the domain": (lambda p: math.log(p["s"]) if p["s"] > 0 else math.nan, {"s": 1e-9}, None, "s = -"),
    "vector": (lambda p: p, np.ones(3), None, "not scalar: it has shape (3,)"),
    "no number": (lambda _: "a", 1.0, None, "'a'"),
    "complex": (lambda _: 1j, 1.0, None, "one real number"),
    "text": (lambda _: 1.0, {"a": "x"}, None, "'a' is of type str"),
    "complex parameter": (lambda _: 1.0, {"a": np.ones(2) * 1j}, None, "'a' is of type complex128"),
    "infinite parameter": (lambda _: 1.0, {"a": np.array([1.0, math.inf])}, None, "'a' is not finite in 1 of 2"),
    "empty": (lambda _: 1.0, {}, None, "empty"),
    "step": (lambda x: x, 1.0, -1.0, "step is -1.0"),
    "step is no number": (lambda x: x, 1.0, "1", "step is '1'"),
    "kink": (lambda x: abs(x - 1.0005), 1.0, None, "smooth"),
}


@pytest.mark.parametrize(("objective", "parameters", "step", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(objective, parameters, step, message):
    with pytest.raises(BadInputError) as caught:
        finite_differences(objective, parameters, step)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_integers_of_a_framework(one):
    package = registry.load(one)
    with pytest.raises(BadInputError, match="is of type int"):
        finite_differences(lambda p: p.sum(), package.runtime.asarray(np.arange(3), "int32"))


MUTATIONS = {
    "second order": ("fourth = (8 *", "fourth = second + 0 * (8 *", check_order),
    "h in place of 2 h": ("moved[index] += multiple * h", "moved[index] += np.sign(multiple) * h", check_accuracy),
    "sign": ("(values[2] - values[-2])) / (12", "(values[-2] - values[2])) / (12", check_accuracy),
    "step without scale": ("max(abs(float(leaf.values[index])), _NEAR_ZERO)", "1.0", check_accuracy),
    "no error": ("found.error[index] = abs(fourth - second) + rounding", "pass", check_accuracy),
    "smoothness is not judged": ("_require_smooth(found, first)", "pass", check_not_smooth),
}


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize(("before", "after", "check"), MUTATIONS.values(), ids=MUTATIONS)
def test_mutations_are_seen(before, after, check):
    text = Path(module.__file__).read_text()
    assert text.count(before) == 1
    mutated = ModuleType("mutated")
    exec(compile(text.replace(before, after), "mutated", "exec"), vars(mutated))
    with pytest.raises((AssertionError, BadInputError, pytest.fail.Exception)):
        check(mutated)
