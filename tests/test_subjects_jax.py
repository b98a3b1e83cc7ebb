"""Subjects of losses in JAX: keys, blocks, structure, statistics, errors.

A test of a mean draws once, with a fixed seed, and allows 5 standard errors: a right subject would fail it with
probability 6e-7 per coordinate if the seed were drawn anew.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

from harness.errors import BadInputError
from harness.subjects import losses
from harness.subjects.from_jax import from_jax

jax = pytest.importorskip("jax")
jnp = jax.numpy

LOC = (0.5, -1.0)


def square(parameters: Any, key: Any) -> Any:
    """Return one draw of E x^2 of a normal x by reparametrisation."""
    return ((parameters["loc"] + jnp.exp(parameters["log_scale"]) * jax.random.normal(key, (2,))) ** 2).sum()


def normal() -> dict[str, Any]:
    return {"loc": jnp.array(LOC), "log_scale": jnp.zeros(2)}


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make blocks of 8 replicates, so that a few of them and a padded tail take no time."""
    monkeypatch.setattr(losses, "BLOCK_REPLICATES", 8)


@dataclass
class Layer:
    weight: Any
    bias: Any


class Pair(NamedTuple):
    first: Any
    second: Any


jax.tree_util.register_dataclass(Layer, data_fields=["weight", "bias"], meta_fields=[])


def test_the_same_seed_gives_the_same_numbers() -> None:
    first, again = (from_jax(square, normal())(3, 50) for _ in range(2))
    assert all(np.array_equal(first[key], again[key]) for key in first)


def test_seeds_and_replicates_differ() -> None:
    subject = from_jax(square, normal())
    drawn = np.concatenate([subject(seed, 500)["loc"][:, 0] for seed in (0, 1, 2**32 - 1, 2**32, 2**63)])
    assert len(np.unique(drawn)) > 0.999 * drawn.size  # a float32 of this size repeats by chance, a key would not


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 16, 21])
def test_any_size_begins_as_a_larger_one(n: int) -> None:
    subject = from_jax(square, normal())
    assert subject.block == 8
    found, larger = subject(3, n)["loc"], subject(3, 40)["loc"]
    assert found.shape == (n, 2)
    assert found.dtype == np.float32
    assert len(np.unique(larger, axis=0)) == 40
    np.testing.assert_allclose(found, larger[:n], rtol=1e-6)  # two programs may round differently


@pytest.mark.usefixtures("small_blocks")
def test_two_programs_serve_all_sizes() -> None:
    traced = []

    def loss(parameters: Any, key: Any) -> Any:
        traced.append(1)
        return square(parameters, key)

    subject = from_jax(loss, normal())
    at_first = len(traced)
    for n in (1, 1, 3, 8, 20):
        subject(0, n)
    assert len(traced) == at_first + 2


def test_mean_and_variance_of_a_known_law() -> None:
    # d/dloc = 2 x: mean 2 loc, variance 4; d/dlog_scale = 2 x e: mean 2, with x = loc + e
    n = 10_000
    found = from_jax(square, normal())(7, n)
    for key, mean in (("loc", 2 * np.array(LOC)), ("log_scale", np.full(2, 2.0))):
        values = found[key].astype(float)
        assert np.abs((values.mean(0) - mean) / (values.std(0) / n**0.5)).max() < 5, key
    # 4 chi^2_n / n has the standard deviation 4 sqrt(2 / n) = 0.057
    assert np.abs(found["loc"].var(0) - 4).max() < 0.28


@pytest.mark.parametrize(
    ("coordinates", "block"), [(1, 4096), (50, 4096), (1024, 1024), (1025, 512), (2**20, 1), (2**21, 1)]
)
def test_a_block_holds_about_a_million_numbers(coordinates: int, block: int) -> None:
    assert from_jax(lambda p, key: (p * jax.random.normal(key)).sum(), jnp.zeros(coordinates)).block == block


def test_a_block_counts_the_arrays_within_the_loss() -> None:
    data = jnp.ones(2**17)

    @jax.jit
    def loss(scale: Any, key: Any) -> Any:
        return jnp.mean((data * scale + jax.random.normal(key, data.shape)) ** 2)

    assert from_jax(loss, jnp.ones(())).block == 8


def test_structures() -> None:
    def loss(parameters: Any, key: Any) -> Any:
        return sum(leaf.sum() for leaf in jax.tree.leaves(parameters)) * jax.random.normal(key)

    found = from_jax(loss, {"a": [jnp.ones(2), (np.ones((2, 3)), 1.5)]})(0, 4)
    assert found["a"][0].shape == (4, 2)
    assert isinstance(found["a"][1], tuple)
    assert [part.shape for part in found["a"][1]] == [(4, 2, 3), (4,)]
    assert from_jax(loss, jnp.ones(2))(0, 4).shape == (4, 2)


def test_nodes_of_another_kind_give_a_dict_by_path() -> None:
    def loss(parameters: Any, key: Any) -> Any:
        return sum(leaf.sum() for leaf in jax.tree.leaves(parameters)) * jax.random.normal(key)

    layers = {"layers": [Layer(jnp.ones((2, 3)), jnp.ones(3))], "pair": Pair(jnp.ones(()), jnp.ones(1))}
    found = from_jax(loss, layers)(0, 4)
    assert {path: leaf.shape for path, leaf in found.items()} == {
        "layers.0.weight": (4, 2, 3),
        "layers.0.bias": (4, 3),
        "pair.first": (4,),
        "pair.second": (4, 1),
    }


def test_paths_that_would_be_equal() -> None:
    parameters = {"a": {"b": Pair(jnp.ones(()), jnp.ones(()))}, "a.b": Pair(jnp.ones(()), jnp.ones(()))}
    found = from_jax(lambda p, key: jax.random.normal(key) * sum(jax.tree.leaves(p)), parameters)(0, 2)
    assert len(found) == 4


def test_x64_is_as_the_caller_has_it() -> None:
    with jax.enable_x64(True):
        assert from_jax(square, {"loc": jnp.zeros(2), "log_scale": np.zeros(2)})(0, 3)["loc"].dtype == np.float64


def test_bfloat16() -> None:
    found = from_jax(lambda p, key: (p * jax.random.normal(key, (2,), p.dtype)).sum(), jnp.ones(2, jnp.bfloat16))
    assert np.isfinite(np.asarray(found(0, 3), dtype=float)).all()


def test_state_is_as_it_was_and_a_loss_that_raises_passes_through() -> None:
    def broken(_: Any, key: Any) -> Any:
        random.random(), np.random.random(), key
        raise KeyError("the loss's own")

    before = losses.host_positions()
    with pytest.raises(KeyError, match="own"):
        from_jax(broken, normal())
    from_jax(square, normal())(0, 3)
    assert losses.host_positions() == before


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (lambda p, _: p["loc"], "not scalar"),
        (lambda p, _: p["loc"].sum() > 0, "dtype bool"),
        (lambda p, _: p["loc"].sum() * 1j, "complex64"),
        (lambda p, key: (square(p, key), p), "returns a tuple"),
        (lambda p, key: (p["loc"] * jax.random.normal(key, (2,))).sum(), "no gradient reaches parameter 'log_scale'"),
        (lambda p, key: square(jax.lax.stop_gradient(p), key), r"parameter 'loc' \(and 1 more\)"),
        (lambda _, key: jax.random.normal(key), r"parameter 'loc' \(and 1 more\)"),
        (lambda p, key: square(p, key) * np.random.random(), "every gradient would have the same draws"),
        (lambda p, key: square(p, key) * random.random(), "every gradient would have the same draws"),
    ],
)
def test_bad_losses(loss: Callable[[Any, Any], Any], words: str) -> None:
    with pytest.raises(BadInputError, match=words) as caught:
        from_jax(loss, normal())
    assert "\n" not in str(caught.value)


def test_no_gradient_reaches_a_bare_number() -> None:
    with pytest.raises(BadInputError, match="no gradient reaches the parameter;"):
        from_jax(lambda _, key: jax.random.normal(key), 1.0)


def test_a_gradient_that_does_not_depend_on_anything_is_no_error() -> None:
    assert np.array_equal(from_jax(lambda p, _: p * 1.0, 1.0)(0, 3), np.ones(3))
    assert np.array_equal(from_jax(lambda p, _: p, 1.0)(0, 3), np.ones(3))


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, "parameters are empty"),
        ({"a": {"b": 3}}, "'a.b' is of dtype int"),
        ([jnp.ones(2), jnp.ones(2, jnp.complex64)], "'1' is of dtype complex64"),
        ({"a": "text"}, "'a' is 'text'"),
        ({"a": jnp.ones(1), "key": jax.random.key(0)}, "'key' is of dtype key"),
    ],
)
def test_bad_parameters(parameters: Any, words: str) -> None:
    with pytest.raises(BadInputError, match=words) as caught:
        from_jax(square, parameters)
    assert "\n" not in str(caught.value)


def test_a_loss_that_is_not_callable() -> None:
    with pytest.raises(BadInputError, match=r"not callable.*loss\(parameters, key\)"):
        from_jax(3.0, normal())  # type: ignore[arg-type]


def test_jax_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(BadInputError, match=r"jax is not installed; install it: pip install 'reparam\[jax\]'"):
        from_jax(square, normal())


def test_names() -> None:
    assert from_jax(square, normal()).name == "square"
    assert from_jax(lambda p, key: square(p, key) * 2, normal(), name="mine").name == "mine"


class TestMutations:
    """Defects of keys and blocks, each of which a test above must catch."""

    def test_every_replicate_has_the_same_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fold_in = jax.random.fold_in
        monkeypatch.setattr(jax.random, "fold_in", lambda key, index: fold_in(key, index * 0))
        with pytest.raises(AssertionError):
            test_seeds_and_replicates_differ()

    def test_every_seed_has_the_same_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sequence = np.random.SeedSequence
        monkeypatch.setattr(np.random, "SeedSequence", lambda _, **keys: sequence(0, **keys))
        with pytest.raises(AssertionError):
            test_seeds_and_replicates_differ()

    @pytest.mark.usefixtures("small_blocks")
    def test_every_block_has_the_same_keys(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from harness.subjects import from_jax as module

        program = module._program

        def stuck(*arguments: Any) -> Any:
            compiled = program(*arguments)
            return lambda values, words: compiled(values, words * np.array([1, 1, 0], np.uint32))

        monkeypatch.setattr(module, "_program", stuck)
        with pytest.raises(AssertionError):
            test_any_size_begins_as_a_larger_one(21)

    @pytest.mark.usefixtures("small_blocks")
    def test_blocks_are_gathered_in_another_order(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from harness.subjects import from_jax as module

        gathered = module._gathered
        monkeypatch.setattr(module, "_gathered", lambda *arguments: [a[::-1] for a in gathered(*arguments)])
        with pytest.raises(AssertionError):
            test_any_size_begins_as_a_larger_one(9)
