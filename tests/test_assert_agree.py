"""`assert_agree`: right ports agree, wrong ones do not, and the message says what is wrong."""

from __future__ import annotations

import contextlib
import functools
import math
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402 (after the check that it is installed)
from ports_for_tests import PORTS, Port  # noqa: E402

from harness.errors import BadInputError, UndecidedError  # noqa: E402
from harness.testing.agree import assert_agree  # noqa: E402
from harness.testing.ports import comparison, condition  # noqa: E402
from harness.testing.ports.condition import explain, moved, rounded  # noqa: E402
from harness.testing.ports.evaluation import Side  # noqa: E402
from harness.testing.ports.mentions import mentioned  # noqa: E402

X = {"mu": np.linspace(-2, 2, 5), "sigma": np.linspace(0.5, 2, 5)}
NAMED = {port.name: port for port in PORTS}


def kl_torch(mu: Any, sigma: Any) -> Any:
    one = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    return torch.distributions.kl_divergence(torch.distributions.Normal(mu, sigma), one).sum()


def kl_jax(mu: Any, sigma: Any) -> Any:
    return (0.5 * (mu**2 + sigma**2 - 1) - jnp.log(sigma)).sum()


def failure(first: Any, second: Any, inputs: Any = X, **settings: Any) -> str:
    with pytest.raises(AssertionError) as caught:
        assert_agree(first, second, inputs, **settings)
    return str(caught.value)


def refusal(first: Any, second: Any, inputs: Any = X, **settings: Any) -> str:
    with pytest.raises(BadInputError) as caught:
        assert_agree(first, second, inputs, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ---- right ports ----


@pytest.mark.parametrize("dtype", [None, "float32"])
@pytest.mark.parametrize(
    ("name", "second"),
    [
        ("normal KL, summed", "jax"),
        ("normal KL near equality", "jax"),
        ("normal KL near equality", "jax:factored"),
        ("logsumexp at 1e4", "jax"),
        ("softplus", "jax"),
        ("log gamma near its roots", "jax"),
        ("network, cross entropy", "jax"),
        ("ReLU network with zeros", "jax"),
        ("log determinant", "jax:cholesky"),
        ("variance with an offset", "jax:moments"),
        ("sine of 1e4 x", "jax"),
        ("exp(x) - 1", "jax:naive"),
        ("several outputs", "jax"),
        ("equal logits", "jax"),
    ],
)
def test_right_ports_agree(name: str, second: str, dtype: str | None) -> None:
    """Well- and ill-conditioned functions; `measure_assert_agree.py` runs more. One false alarm in 1e6 each."""
    port = NAMED[name]
    inputs = port.draw(np.random.default_rng(3))
    found = assert_agree(
        port.functions["torch"], port.functions[second], inputs, frameworks=("torch", "jax"), dtype=dtype
    )
    assert found.worst <= 1
    assert found.dtype == "float32"


@pytest.mark.parametrize("port", [port for port in PORTS if "torch:softplus" in port.functions], ids=lambda p: p.name)
def test_right_ports_agree_in_float64(port: Port) -> None:
    names = [name for name in port.functions if name.startswith("torch")]
    inputs = port.draw(np.random.default_rng(5))
    assert assert_agree(*(port.functions[name] for name in names), inputs).dtype == "float64"


def test_result_prints_on_one_line() -> None:
    found = assert_agree(kl_torch, kl_jax, X)
    assert str(found).startswith(
        "first (torch) and second (jax) agree in float32: 11 numbers of 1 value and 2 gradients"
    )
    assert "\n" not in str(found)
    assert found.numbers == 11
    assert found.undecided == 0


def test_tensorflow_and_numpy() -> None:
    tf = pytest.importorskip("tensorflow")

    def kl_tf(mu: Any, sigma: Any) -> Any:
        return tf.reduce_sum(0.5 * (mu**2 + sigma**2 - 1) - tf.math.log(sigma))

    def kl_numpy(mu: Any, sigma: Any) -> Any:
        return (0.5 * (mu**2 + sigma**2 - 1) - np.log(sigma)).sum()

    assert assert_agree(kl_torch, kl_tf, X).dtype == "float64"
    assert assert_agree(kl_tf, kl_jax, X).names == ("first (tensorflow)", "second (jax)")
    values = assert_agree(kl_numpy, kl_tf, X)
    assert values.numbers == 1
    assert "no gradients" in str(values)
    assert "factor" in failure(kl_tf, lambda mu, sigma: 2 * kl_torch(mu, sigma))


def test_kinds_of_inputs() -> None:
    """By position, nested, Python's floats and ints, integers of NumPy, tensors, lists of floats."""
    assert assert_agree(torch.special.log_ndtr, jax.scipy.special.log_ndtr, [X["mu"]]).numbers == 10
    assert assert_agree(torch.expm1, jnp.expm1, torch.tensor([0.5, 1.0])).numbers == 4

    def of_torch(params: Any, labels: Any, power: int, temperature: Any) -> Any:
        return torch.log_softmax(params["w"][0] / temperature, -1)[labels].pow(power).sum()

    def of_jax(params: Any, labels: Any, power: int, temperature: Any) -> Any:
        assert isinstance(power, int)
        return (jax.nn.log_softmax(params["w"][0] / temperature)[labels] ** power).sum()

    inputs = {"params": {"w": [np.ones(3) * [1, 2, 3]]}, "labels": np.array([0, 2]), "power": 2, "temperature": 0.5}
    found = assert_agree(of_torch, of_jax, inputs)
    assert {row.title for row in found.rows} == {"value", "gradient by params.w[0]", "gradient by temperature"}
    assert assert_agree(lambda x: (x**2).sum(), lambda x: jnp.sum(x**2), {"x": [0.5, 1.0]}).numbers == 3


def test_functions_that_take_float32_only() -> None:
    """Weights of float32: inputs of float64 are given as float32; compiled functions and modules are functions too."""
    layer = torch.nn.Linear(5, 2)
    weight, bias = (jnp.asarray(part.detach().numpy()) for part in (layer.weight, layer.bias))
    found = assert_agree(layer, jax.jit(lambda x: weight @ x + bias), [X["mu"]])
    assert found.dtype == "float32"
    assert "gradient" in failure(layer, jax.jit(lambda x: weight @ jax.lax.stop_gradient(x) + bias), [X["mu"]])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_sixteen_bits(dtype: str) -> None:
    assert assert_agree(lambda x: torch.softmax(x, -1), jax.nn.softmax, [X["mu"]], dtype=dtype).dtype == dtype
    assert dtype in failure(torch.tanh, lambda x: 2 * jnp.tanh(x), [X["sigma"]], dtype=dtype)


def test_functions_that_cannot_be_compiled() -> None:
    assert (
        assert_agree(
            lambda x: x.sum() if x[0] > 0 else -x.sum(), lambda x: jnp.sum(x) if x[0] > 0 else -jnp.sum(x), [X["sigma"]]
        ).numbers
        == 6
    )


def test_nothing_of_the_caller_changes() -> None:
    """JAX's x64 is on during a call only; the inputs keep their numbers."""
    inputs = {
        name: array.copy() for name, array in NAMED["normal KL near equality"].draw(np.random.default_rng(3)).items()
    }
    port = NAMED["normal KL near equality"]
    before = {name: array.copy() for name, array in inputs.items()}
    assert_agree(port.functions["torch"], port.functions["jax"], inputs)
    assert jnp.asarray(np.ones(2)).dtype == jnp.float32
    assert all(np.array_equal(before[name], inputs[name]) for name in inputs)


def test_functions_that_work_in_place() -> None:
    def squared(x: Any) -> Any:
        return x.mul_(2).sin_().sum()

    assert assert_agree(squared, lambda x: jnp.sum(jnp.sin(2 * x)), [X["mu"]]).numbers == 6


def test_infinities_in_both_agree() -> None:
    found = assert_agree(torch.log, jnp.log, [np.array([0.0, 1.0, -1.0])])
    assert found.worst <= 1
    assert "is not finite in 1 of 3" in failure(torch.log, lambda x: jnp.log(jnp.abs(x)), [np.array([0.0, 1.0, -1.0])])


# ---- wrong ports ----

TERM = 0.5 * math.log(2 * math.pi)
WRONG: dict[str, tuple[Callable[..., Any], str]] = {
    "factor 2": (lambda mu, sigma: 2 * kl_jax(mu, sigma), "constant factor: second (jax) is 2 times first (torch)"),
    "mean": (lambda mu, sigma: kl_jax(mu, sigma) / 5, "1 / the size of mu"),
    "sign": (lambda mu, sigma: -kl_jax(mu, sigma), "sign is opposite"),
    "constant": (lambda mu, sigma: kl_jax(mu, sigma) + 5 * TERM, "plus the constant 4.59469 (= 5 log(2 pi) / 2)"),
    "stopped": (lambda mu, sigma: kl_jax(jax.lax.stop_gradient(mu), sigma), "no gradient reaches mu in second (jax)"),
    "coordinate": (lambda mu, sigma: kl_jax(mu, sigma) + 1e-3 * mu[0], "only 1 of 5 numbers of the gradient by mu"),
    "half of it": (
        lambda mu, sigma: kl_jax(mu, sigma) + 0.5 * mu.sum() - jax.lax.stop_gradient(0.5 * mu.sum()),
        "these agree: value, gradient by sigma",
    ),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_wrong_ports_differ(name: str) -> None:
    wrong, diagnosis = WRONG[name]
    message = failure(kl_torch, wrong)
    assert diagnosis in message
    assert "seed 0" in message
    assert "float32" in message


def test_permutations_and_exchanges() -> None:
    a = np.random.default_rng(0).normal(size=(3, 3))
    assert "transposed" in failure(torch.sin, lambda a: jnp.sin(a).T, [a])
    assert "rolled by 1 along axis 1" in failure(torch.sin, lambda a: jnp.roll(jnp.sin(a), 1, 1), [a])
    assert "reversed along axis 0" in failure(torch.sin, lambda a: jnp.sin(a)[::-1], [a])
    swap = lambda mu, sigma: kl_jax(mu, sigma) + _carrier(mu, sigma)  # noqa: E731

    def _carrier(mu: Any, sigma: Any) -> Any:
        by_mu, by_sigma = jax.grad(kl_jax, (0, 1))(*map(jax.lax.stop_gradient, (mu, sigma)))
        wrong = (by_sigma - by_mu) @ mu + (by_mu - by_sigma) @ sigma
        return wrong - jax.lax.stop_gradient(wrong)

    assert "gradients by mu and sigma are exchanged" in failure(kl_torch, swap)


def test_kinks_are_called_kinks() -> None:
    x = np.array([-1.0, 0.0, 1.0, 2.0])
    assert assert_agree(torch.relu, jax.nn.relu, [x]).worst <= 1
    message = failure(torch.relu, lambda x: jnp.maximum(x, 0), [x])
    assert "kink" in message
    assert "gradient by inputs[0][1]" in message


@pytest.mark.parametrize("dtype", ["float32", None])
def test_lost_digits(dtype: str | None) -> None:
    """Softplus at -40: log(1 + exp(x)) is 0 in every dtype, and no rounding explains it."""
    naive = (lambda x: jnp.log(1 + jnp.exp(x))) if dtype else (lambda x: torch.log(1 + torch.exp(x)))
    softplus = torch.nn.functional.softplus
    message = failure(softplus, naive, [np.array([-40.0, 1.0, 2.0, 3.0])], dtype=dtype)
    assert "value[0]: 4.248354" in message
    assert "does not change when the inputs move" in message
    if dtype:
        found = assert_agree(softplus, naive, [np.array([-20.0, 1.0, 2.0, 3.0])], dtype=dtype)
        assert "second (jax) loses digits in float32: 1 number, such as value[0]: 2.061e-09 and 0" in str(found)
        assert found.undecided == 1


def test_float64_sees_what_float32_cannot() -> None:
    """PyTorch's softplus is x above 20: off by 1.3e-11 of the value at 22; a constant of float32 is seen too."""
    softplus = torch.nn.functional.softplus
    at = [np.array([22.0])]
    assert assert_agree(softplus, jax.nn.softplus, at).dtype == "float32"
    assert "in float64" in failure(softplus, lambda x: np.logaddexp(x, 0), at)
    message = failure(lambda x: x * 0.1, lambda x: x * float(np.float32(0.1)), at, frameworks=("torch", "torch"))
    assert 'dtype="float32"' in message


@pytest.mark.parametrize(("dtype", "size"), [("float32", 1e-3), (None, 1e-9)])
def test_small_terms_are_found(dtype: str | None, size: float) -> None:
    wrong = lambda mu, sigma: kl_torch(mu, sigma) + size * (mu * mu).sum()  # noqa: E731
    assert "value" in failure(kl_torch, wrong, dtype=dtype)
    assert assert_agree(kl_torch, kl_torch, X, dtype=dtype).worst == 0


def test_what_practitioners_add() -> None:
    """1e-6 inside of a logarithm, and probabilities bounded by 1e-8."""
    logits = {"x": np.array([5.0, -3.0, -8.0, -20.0])}
    right = lambda x: torch.log_softmax(x, -1)  # noqa: E731
    assert "value" in failure(right, lambda x: jnp.log(jax.nn.softmax(x) + 1e-6), logits)
    assert "value" in failure(right, lambda x: jnp.log(jnp.maximum(jax.nn.softmax(x), 1e-8)), logits)


def test_overflow_is_located() -> None:
    message = failure(lambda x: torch.logsumexp(x, 0), lambda x: jnp.log(jnp.exp(x).sum()), [np.array([1e4, 1e4 + 1])])
    assert "value: 10001.3133 and inf" in message
    assert "overflow" in message


def test_shapes_and_structures() -> None:
    assert "shape (5,) in first (torch), () in second (jax)" in failure(
        torch.sin, lambda x: jnp.sin(x).sum(), [X["mu"]]
    )
    assert "'b'" in failure(lambda x: {"a": torch.sin(x), "b": x}, lambda x: {"a": jnp.sin(x)}, [X["mu"]])


def test_nothing_checked_is_no_pass() -> None:
    """At equality every number is 0 up to rounding; near a root of order 7 the expanded polynomial has no digits."""
    with pytest.raises(UndecidedError, match="nothing is checked"):
        assert_agree(kl_torch, kl_jax, {"mu": np.zeros(3), "sigma": np.ones(3)})
    polynomial = NAMED["polynomial near a root of order 7"].functions
    with pytest.raises(UndecidedError, match="nothing is checked"):
        assert_agree(polynomial["torch"], polynomial["jax"], {"x": 1.01}, frameworks=("torch", "jax"))


def test_saturated_softmax_in_float64() -> None:
    """Gradients that are 0 but for terms that cancel: undecided, where a wrong factor of the others is found."""
    inputs = [np.array([[40.0, 0.0, 3.0], [0.3, 0.1, 0.2]])]
    cancelling = lambda x: torch.softmax(x, -1) @ torch.tensor([1.0, 2.0, 4.0], dtype=x.dtype)  # noqa: E731
    shifted = lambda x: 1 + torch.softmax(x, -1) @ torch.tensor([0.0, 1.0, 3.0], dtype=x.dtype)  # noqa: E731
    found = assert_agree(cancelling, shifted, inputs)
    assert found.rows[1].undecided.tolist() == [True, False, False, False, False, False]
    assert "factor" in failure(cancelling, lambda x: 1.5 * shifted(x), inputs)


# ---- bad input ----


def test_bad_input() -> None:
    assert "not callable" in refusal(kl_torch, 3)
    assert "'sigma'" in refusal(kl_torch, kl_jax, {"mu": X["mu"], "sgma": X["sigma"]})
    assert "input 'sigma' is not finite: 5 of 5" in refusal(kl_torch, kl_jax, {**X, "sigma": np.full(5, np.nan)})
    assert "not finite in float32" in refusal(kl_torch, kl_jax, {**X, "sigma": np.full(5, 1e300)})
    assert "no floating number" in refusal(kl_torch, kl_jax, {"mu": np.arange(3), "sigma": 2})
    assert "str, not numeric" in refusal(kl_torch, lambda **_: "a")
    assert "complex" in refusal(kl_torch, lambda mu, sigma: (mu + 1j * sigma).sum())
    assert "'theano'" in refusal(kl_torch, kl_jax, frameworks=("torch", "theano"))
    assert "two names" in refusal(kl_torch, kl_jax, frameworks=("torch",))
    assert "float31" in refusal(kl_torch, kl_jax, dtype="float31")
    assert "is random" in refusal(lambda mu, sigma: kl_torch(mu, sigma) + torch.randn(()), kl_jax)


def test_errors_of_a_function_are_reported_with_its_framework() -> None:
    message = refusal(kl_torch, lambda mu, sigma: jnp.stack([mu, sigma, mu[:3]]))
    assert "with jax: All input arrays must have the same shape" in message
    assert "with torch" not in message


def test_no_framework_is_imported() -> None:
    program = """
import sys, numpy as np
from harness.testing.agree import assert_agree
print(assert_agree(lambda x: np.log1p(np.expm1(x)), lambda x: x * 1.0, {"x": np.ones(3)}))
assert not {"torch", "jax", "tensorflow"} & set(sys.modules), "imported"
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "first (numpy) and second (numpy) agree in float64" in done.stdout


def test_hints() -> None:
    def inner(x: Any) -> Any:
        return jnp.sin(x)

    assert "jax" in mentioned(functools.partial(lambda a, x: inner(x) * a, 2.0))
    assert "torch" not in mentioned(functools.partial(lambda a, x: inner(x) * a, 2.0))
    assert "torch" in mentioned(torch.nn.Linear(1, 1))
    assert assert_agree(lambda x: (np.pi * x).sum(), lambda x: np.pi * x.sum(), [X["mu"]]).numbers == 6


# ---- each part of the rule is needed: without it a right port differs, or a wrong one agrees ----


def test_without_noise_cancellation_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = [lambda x: x.var(), lambda x: (x * x).sum() / 29 - x.sum() ** 2 / (30 * 29)]
    inputs = [1e4 + np.random.default_rng(3).normal(size=30)]
    assert assert_agree(*pair, inputs, frameworks=("torch", "torch")).dtype == "float64"
    monkeypatch.setattr(condition.Sums, "deviation", property(lambda sums: 0 * sums.mean))
    assert "value" in failure(*pair, inputs, frameworks=("torch", "torch"))


def test_without_condition_steep_functions_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    """exp(1e4 x - 1e4) against exp(1e4 (x - 1)): 1e4 x is rounded before it cancels."""
    pair = [
        lambda x: torch.exp(1e4 * x - 1e4 * x.detach().round()),
        lambda x: torch.exp(1e4 * (x - x.detach().round())),
    ]
    inputs = [1 + np.random.default_rng(3).normal(size=20) * 1e-5]
    monkeypatch.setattr(condition.Sums, "deviation", property(lambda sums: 0 * sums.mean))
    assert assert_agree(*pair, inputs).worst <= 1
    monkeypatch.setattr(condition, "MOVED", 0)
    assert "value" in failure(*pair, inputs)


def test_without_float64_lost_digits_are_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    """mu^2 is lost beside sigma^2 at all inputs nearby."""
    stable = NAMED["normal KL near equality"].functions["jax:factored"]
    cancelling = lambda mu, sigma: 0.5 * (mu**2 + sigma**2 - 1 - jnp.log(sigma**2))  # noqa: E731
    inputs = {"mu": np.array([1e-4, 0.1]), "sigma": np.array([1.00001, 1.5])}
    assert "second (jax) loses digits in float32: 1 number, such as value[0]" in str(
        assert_agree(stable, cancelling, inputs)
    )
    monkeypatch.setattr(Side, "in_float64", lambda _side, _points: None)
    found = assert_agree(stable, cancelling, inputs)
    assert found.rows[0].undecided.tolist() == [True, False]
    assert not found.notes
    monkeypatch.setitem(comparison.ROUNDINGS, "float32", 0)
    assert "value[0]" in failure(stable, cancelling, inputs)


def test_opposite_moves_would_hide_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where f(x) is half-way between two numbers, roundings of f(x + d) and f(x - d) are opposite: their mean is 0."""
    x = rounded(np.array([-0.0011123971780762076]), "float32")
    first, second = (lambda at: np.expm1(at[0])), (lambda at: np.float64(np.float32(np.exp(at[0])) - np.float32(1)))
    difference = np.abs(first([x]) - second([x]))
    assert np.all(difference < explain(first, second, [x], "float32", 0).budget)
    monkeypatch.setattr(condition, "RATIO", 1.0)
    assert np.all(difference > explain(first, second, [x], "float32", 0).budget)


def test_large_moves_would_hide_defects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large moves change sin(1e4 x) by as much as itself; a wrong factor is found nevertheless."""
    right = lambda x: torch.sin(1e4 * x)  # noqa: E731
    wrong = lambda x: 0.9 * torch.sin(1e4 * x)  # noqa: E731
    inputs = [np.linspace(2, 3, 5)]
    assert "factor" in failure(right, wrong, inputs, dtype="float32")
    assert "factor" in failure(right, wrong, inputs, dtype="float64")
    monkeypatch.setattr(condition, "SMALL", np.inf)
    with contextlib.suppress(UndecidedError):
        assert_agree(right, wrong, inputs, dtype="float32")


def test_moves_have_the_stated_size() -> None:
    point = rounded(np.random.default_rng(0).normal(size=1000), "float32")
    there, back = moved([point], "float32", 8, False, np.random.default_rng(1))
    roundings = np.abs((there[0] - point) / point) * 2**23
    assert roundings.min() >= 0.5
    assert roundings.max() <= 8.5
    assert np.all(np.sign(there[0] - point) == -np.sign(back[0] - point))
    zero = moved([np.array([0.0, 2.0])], "float32", 8, True, np.random.default_rng(1))[0][0]
    assert zero[0] != 0
    assert moved([np.zeros(2)], "float32", 8, False, np.random.default_rng(1))[0][0].tolist() == [0, 0]


@pytest.mark.parametrize(("dtype", "kind"), [("float32", np.float32), ("float16", np.float16)])
def test_rounding_is_numpys(dtype: str, kind: Any) -> None:
    values = np.random.default_rng(0).uniform(1, 2, 1000) * 10.0 ** np.random.default_rng(1).integers(-3, 5, 1000)
    with np.errstate(over="ignore"):
        assert np.array_equal(rounded(values, dtype), values.astype(kind).astype(np.float64))


def test_numbers_of_messages_are_the_functions() -> None:
    message = failure(kl_torch, WRONG["factor 2"][0])
    first, second = map(float, re.search(r"  value: (\S+) and (\S+):", message).groups())  # type: ignore[union-attr]
    expected = kl_torch(torch.tensor(X["mu"]), torch.tensor(X["sigma"])).item()
    assert first == pytest.approx(expected, rel=1e-6)
    assert second == pytest.approx(2 * expected, rel=1e-6)
