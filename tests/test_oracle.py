"""The oracle of kernels, held to published digits, to quadrature, to derivatives of one another, and to itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpmath import mp

from harness.agreement import inputs
from harness.agreement.cases import Case, load
from harness.oracle import cache, kernels, terms, truth
from implementations.interface import contract

KERNELS = contract.kernels()
PUBLISHED = [
    (case, dtype)
    for case in load()
    for dtype in case.row.get("expected", {})
    if case.kernel not in kernels.STRAIGHT_THROUGH
]
#: Cases with inputs written out: the hard ones. Drawn ones are of the same functions at tamer points.
WRITTEN = [case for case in load() if "inputs" in case.row]


def _name(value: object) -> str:
    return f"{value.kernel}, {value.name}" if isinstance(value, Case) else str(value)


def _tolerance(published: float) -> float:
    """One unit in the last published digit; numbers of up to three digits are meant exactly."""
    digits = len(repr(published).split("e")[0].replace(".", "").strip("-0"))
    return 10.0 ** (1 - digits) if digits > 3 else 1e-12


@pytest.mark.parametrize(("case", "dtype"), PUBLISHED, ids=_name)
def test_published_digits(case: Case, dtype: str) -> None:
    built = inputs.build(case, KERNELS[case.kernel], dtype)
    found = truth.of_kernel(KERNELS[case.kernel], *built, dtype)["value"]
    for got, published in zip(found.high.flat, np.ravel(case.row["expected"][dtype]), strict=True):
        assert got == pytest.approx(published, rel=_tolerance(float(published)), abs=0)


@pytest.mark.parametrize("case", WRITTEN, ids=_name)
def test_more_digits_change_nothing(case: Case) -> None:
    """The working precision doubles; the pair of float64, 32 digits, stays: 16 + 16 beyond float64, floor 2^-1074."""
    dtype = case.dtypes[-1]
    built = inputs.build(case, KERNELS[case.kernel], dtype)
    once = truth.of_kernel(KERNELS[case.kernel], *built, dtype)
    twice = truth.of_kernel(KERNELS[case.kernel], *built, dtype, extra_bits=600)
    for name, found in once.items():
        finite = np.isfinite(found.high)
        np.testing.assert_array_equal(found.high, twice[name].high)
        off = np.abs(found.low - twice[name].low)[finite]
        assert np.all(off <= 1e-36 * found.condition[finite] + 1e-30 * np.abs(found.high[finite]) + 2.0**-1074)


def _derivative(function: Callable[..., Any], at: tuple[float, ...]) -> Any:
    return mp.diff(function, tuple(map(mp.mpf, at)), (1,) + (0,) * (len(at) - 1))


@pytest.mark.parametrize("module", ["gaussian", "gumbel"])
@pytest.mark.parametrize("at", [(0.3, -0.5, 0.7), (-4.0, 0.0, 1.5), (6.0, 1.0, 2.0)])
def test_density_is_the_derivative_of_the_cdf(module: str, at: tuple[float, ...]) -> None:
    with mp.workdps(60):
        slope = _derivative(kernels.find(f"{module}.cdf"), at)
        density = kernels.find(f"{module}.prob")(*map(mp.mpf, at))
        log_density = kernels.find(f"{module}.log_prob")(*map(mp.mpf, at))
        # mp.diff takes its step from the precision: half the digits are left
        assert mp.almosteq(slope, density, rel_eps=mp.mpf("1e-25"))
        assert mp.almosteq(mp.log(density), log_density, rel_eps=mp.mpf("1e-50"))


def _expectation(f: Callable[[Any], Any], loc: Any, scale: Any) -> Any:
    density = kernels.find("gaussian.prob")
    breaks = [loc + k * scale for k in (-14, -7, -3, -1, 0, 1, 3, 7, 14)]
    return mp.quad(lambda x: density(x, loc, scale) * f(x), breaks)


@pytest.mark.parametrize("at", [(0.3, 0.7, -0.5, 1.5), (0.0, 2.0, 0.0, 1.0), (1.0, 1.0, 1.001, 1.0)])
def test_kl_normal_by_quadrature(at: tuple[float, ...]) -> None:
    """The tails beyond 14 standard deviations hold less than 1e-40."""
    with mp.workdps(40):
        loc_q, scale_q, loc_p, scale_p = map(mp.mpf, at)
        log_prob = kernels.find("gaussian.log_prob")
        integral = _expectation(lambda x: log_prob(x, loc_q, scale_q) - log_prob(x, loc_p, scale_p), loc_q, scale_q)
        closed = kernels.find("divergences.kl_normal")(loc_q, scale_q, loc_p, scale_p)
        assert mp.almosteq(integral, closed, rel_eps=mp.mpf("1e-25"), abs_eps=mp.mpf("1e-30"))


def test_entropy_by_quadrature() -> None:
    with mp.workdps(40):
        loc, scale = mp.mpf(0.3), mp.mpf(0.7)
        integral = _expectation(lambda x: -kernels.find("gaussian.log_prob")(x, loc, scale), loc, scale)
        assert mp.almosteq(integral, kernels.find("gaussian.entropy")(loc, scale), rel_eps=mp.mpf("1e-25"))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_relaxed_density_integrates_to_one(temperature: float) -> None:
    """Two classes: x in (0, 1), y = (log x, log(1 - x)); over x the density is the simplex one."""
    log_prob = kernels.find("relaxed_categorical.simplex_log_prob")
    with mp.workdps(30):
        logits = [mp.mpf(0.4), mp.mpf(-0.3)]

        def density(odds: Any) -> Any:
            # x = sigmoid(odds), dx = x (1 - x) d odds
            y = [-mp.log1p(mp.exp(-odds)), -mp.log1p(mp.exp(odds))]
            return mp.exp(log_prob(y, logits, mp.mpf(temperature)) + y[0] + y[1])

        total = mp.quad(density, [-150, -50, -20, -5, 0, 5, 20, 50, 150])
        assert mp.almosteq(total, 1, abs_eps=mp.mpf("1e-15"))


def test_inverses() -> None:
    with mp.workdps(60):
        for x in map(mp.mpf, ("1e-8", "0.7", "30")):
            unconstrained = kernels.find("gaussian.softplus_inverse")(x)
            assert mp.almosteq(kernels.find("gaussian.scale_from_softplus")(unconstrained), x)
        for u in map(mp.mpf, ("1e-8", "0.5", "0.999999")):
            noise = kernels.find("gumbel.noise_from_uniform")(u)
            assert mp.almosteq(kernels.find("gumbel.cdf")(noise, mp.zero, mp.one), u)


def _directions(name: str, cotangent: Any, arrays: dict[str, Any], tangents: dict[str, Any]) -> truth.Directions:
    """The given vectors; tangents of 1 where none are given."""
    along = {key: np.ones(arrays[key].shape) for key in KERNELS[name].differentiable}
    return truth.Directions(
        np.asarray(cotangent, np.float64), along | {key: np.asarray(part, np.float64) for key, part in tangents.items()}
    )


def _truth(
    name: str, cotangent: Any, tangents: dict[str, Any] | None = None, **arguments: Any
) -> dict[str, truth.Truth]:
    arrays = {key: np.asarray(value, np.float64) for key, value in arguments.items()}
    return truth.of_kernel(KERNELS[name], arrays, _directions(name, cotangent, arrays, tangents or {}), "float64")


def test_products_by_hand() -> None:
    """Partial derivatives worked out on paper; float64 formulas, so 1e-14."""
    logits, cotangent, temperature = np.array([0.5, -1.0, 2.0]), np.array([1.0, -0.5, 2.0]), 0.7
    scores = logits / temperature
    y = np.exp(scores) / np.exp(scores).sum()
    by_logits = y * (cotangent - cotangent @ y) / temperature
    found = _truth("gumbel.gumbel_softmax", cotangent, logits=logits, noise=np.zeros(3), temperature=temperature)
    np.testing.assert_allclose(found["vjp:logits"].high, by_logits, rtol=1e-14)
    np.testing.assert_allclose(found["vjp:temperature"].high, -(scores @ by_logits), rtol=1e-14)

    found = _truth("divergences.kl_normal", 3.0, loc_q=0.5, scale_q=0.8, loc_p=-0.25, scale_p=2.0)
    assert found["vjp:loc_q"].high == pytest.approx(3 * 0.75 / 4, rel=1e-15)
    assert found["vjp:scale_q"].high == pytest.approx(3 * (0.8 / 4 - 1 / 0.8), rel=1e-15)
    assert found["vjp:scale_p"].high == pytest.approx(3 * (1 / 2 - (0.64 + 0.5625) / 8), rel=1e-15)


def test_second_order_by_hand() -> None:
    """KL of normals: d = 0.75, H is worked out on paper."""
    point = {"loc_q": 0.5, "scale_q": 0.8, "loc_p": -0.25, "scale_p": 2.0}
    tangents = {"loc_q": 1.0, "scale_q": -2.0, "loc_p": 0.5, "scale_p": 3.0}
    found = _truth("divergences.kl_normal", 3.0, tangents, **point)
    by_loc, by_q, by_p = 0.75 / 4, 0.8 / 4 - 1 / 0.8, 1 / 2 - (0.64 + 0.5625) / 8
    assert found["jvp"].high == pytest.approx(by_loc * (1.0 - 0.5) + by_q * -2.0 + by_p * 3.0, rel=1e-14)
    # d/d loc_q: 1/4 by loc_q, -1/4 by loc_p, -2 d / s^3 by scale_p
    assert found["hvp:loc_q"].high == pytest.approx(3 * (0.25 * 0.5 - 2 * 0.75 / 8 * 3.0), rel=1e-14)
    assert found["hvp:loc_p"].high == pytest.approx(-3 * (0.25 * 0.5 - 2 * 0.75 / 8 * 3.0), rel=1e-14)
    # d/d scale_q: 1/s_p^2 + 1/s_q^2 by scale_q, -2 s_q / s_p^3 by scale_p
    assert found["hvp:scale_q"].high == pytest.approx(3 * ((0.25 + 1 / 0.64) * -2.0 - 2 * 0.8 / 8 * 3.0), rel=1e-14)
    # d/d scale_p: -1/s_p^2 + 3 (s_q^2 + d^2) / s_p^4 by scale_p, -2 s_q / s_p^3 by scale_q, -+2 d / s_p^3 by the locs
    by_scale_p = (-0.25 + 3 * 1.2025 / 16) * 3.0 - 2 * 0.8 / 8 * -2.0 - 2 * 0.75 / 8 * (1.0 - 0.5)
    assert found["hvp:scale_p"].high == pytest.approx(3 * by_scale_p, rel=1e-14)


def test_hessian_of_softmax_by_hand() -> None:
    """H t = p (c - p.c) (t - p.t) - p ((p t - p (p.t)).c) with the Jacobian diag(p) - p p^T."""
    logits, c, t = np.array([0.5, -1.0, 2.0]), np.array([1.0, -0.5, 2.0]), np.array([0.3, 1.0, -0.7])
    p = np.exp(logits) / np.exp(logits).sum()
    change = p * (t - p @ t)
    by_hand = change * (c - p @ c) - p * (change @ c)
    tangents = {"logits": t, "noise": np.zeros(3), "temperature": 0.0}
    found = _truth("gumbel.gumbel_softmax", c, tangents, logits=logits, noise=np.zeros(3), temperature=1.0)
    np.testing.assert_allclose(found["jvp"].high, change, rtol=1e-14)
    np.testing.assert_allclose(found["hvp:logits"].high, by_hand, rtol=1e-13)


def test_product_sums_over_broadcast_axes() -> None:
    noise, cotangent = np.array([[0.5], [-2.0]]), np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    found = _truth("gaussian.reparameterize", cotangent, loc=0.0, scale=[1.0, 2.0, 3.0], noise=noise)
    assert found["value"].high.shape == (2, 3)
    assert found["vjp:loc"].high == cotangent.sum()
    np.testing.assert_array_equal(found["vjp:scale"].high, (cotangent * noise).sum(0))
    np.testing.assert_array_equal(found["vjp:noise"].high, (cotangent * [1.0, 2.0, 3.0]).sum(1, keepdims=True))


def test_pair_holds_what_float64_drops() -> None:
    found = _truth("gaussian.reparameterize", 1.0, loc=1.0, scale=2.0**-80, noise=1.0)["value"]
    assert (found.high, found.low) == (1.0, 2.0**-80)


def test_infinite_logits_have_no_gradient_and_leave_the_condition_finite() -> None:
    found = _truth("gumbel.gumbel_softmax", [1.0, 2.0, 3.0], logits=[-np.inf, 0.0, 1.0], noise=[0, 0, 0], temperature=1)
    assert found["vjp:logits"].high[0] == 0
    assert all(np.all(np.isfinite(part)) for one in found.values() for part in one)


def test_deep_tail_is_resolved() -> None:
    """The derivative of sigmoid at 600 is exp(-600), while the value is 1: 866 bits are lost by subtraction."""
    found = _truth("bernoulli.relaxed_sample", 1.0, logits=600.0, noise=0.0, temperature=1.0)["vjp:logits"]
    assert found.high == pytest.approx(np.exp(-600.0), rel=1e-12, abs=0)


def test_every_kernel_has_an_oracle_and_terms_name_kernels() -> None:
    for name in KERNELS:
        assert callable(kernels.find(name))
        assert callable(kernels.differentiated(name))
    assert set(terms.TERMS) <= set(KERNELS)
    assert set(truth.CONDITION_ARGUMENTS) <= set(KERNELS)
    assert set(kernels.STRAIGHT_THROUGH) <= set(KERNELS)


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, ...]:
    monkeypatch.setenv("REPARAM_CACHE", str(tmp_path))
    arguments = {"value": np.array([-9.0, 0.5]), "loc": np.zeros(2), "scale": np.ones(2)}
    return KERNELS["gaussian.cdf"], arguments, _directions("gaussian.cdf", np.ones(2), arguments, {}), "float64"


def _same(a: dict[str, truth.Truth], b: dict[str, truth.Truth]) -> bool:
    return a.keys() == b.keys() and all(
        np.array_equal(x, y) for name in a for x, y in zip(a[name], b[name], strict=True)
    )


def test_cache_returns_what_was_computed(example: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    first = cache.of_kernel(*example)
    monkeypatch.setattr(truth, "of_kernel", lambda *_: pytest.fail("it was not read from disk"))
    assert _same(cache.of_kernel(*example), first)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"not an archive"])
def test_cache_computes_a_torn_file_anew(example: tuple[Any, ...], tmp_path: Path, content: bytes) -> None:
    first = cache.of_kernel(*example)
    (file,) = (tmp_path / "truth").iterdir()
    file.write_bytes(content)
    assert _same(cache.of_kernel(*example), first)
    assert _same(cache.of_kernel(*example), first)


def test_cache_key_covers_inputs_directions_and_dtype(example: tuple[Any, ...]) -> None:
    kernel, arguments, along, dtype = example
    keys = {
        cache.key(*example),
        cache.key(kernel, arguments | {"loc": np.array([0.0, 1e-300])}, along, dtype),
        cache.key(kernel, arguments | {"loc": np.zeros((1, 2))}, along, dtype),
        cache.key(kernel, arguments, along._replace(cotangent=2 * along.cotangent), dtype),
        cache.key(kernel, arguments, along._replace(tangents=along.tangents | {"loc": np.zeros(2)}), dtype),
        cache.key(kernel, arguments, along, "float32"),
        cache.key(KERNELS["gaussian.prob"], arguments, along, dtype),
    }
    assert len(keys) == 7


def test_cache_stands_two_writers(example: tuple[Any, ...], tmp_path: Path) -> None:
    found = truth.of_kernel(*example)
    path = tmp_path / "truth" / "both.npz"
    writers = [threading.Thread(target=lambda: [cache._write(path, found) for _ in range(20)]) for _ in range(2)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        read = cache._read(path, time.monotonic_ns())
        assert read is None or _same(read, found)
    for writer in writers:
        writer.join()
    assert [file.name for file in path.parent.iterdir()] == ["both.npz"]


def test_cache_that_cannot_be_written_costs_time_only(
    example: tuple[Any, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setenv("REPARAM_CACHE", str(blocked))
    assert cache.of_kernel(*example)["value"].high[1] == pytest.approx(0.6914624612740131, rel=1e-15)
