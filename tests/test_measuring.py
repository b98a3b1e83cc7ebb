"""measure, bias and compare: numbers of known laws, pairs, sizes, and input that is refused in one line."""

from __future__ import annotations

import math
from collections import namedtuple
from typing import Any

import numpy as np
import pytest

from harness.errors import BadInputError, UndecidedError
from harness.measuring.bias import bias
from harness.measuring.compare import compare
from harness.measuring.measure import measure
from harness.measuring.reader import MAIN, PILOT, Reader, calls, seeds
from harness.measuring.tree import layout_of, matrix, vector

Array = np.ndarray


def gauss(seed: int, n: int, shift: float = 0.0, scale: float = 1.0) -> dict[str, Any]:
    """Return gradients of mean (1, 1, 1) and -2, each coordinate of variance scale^2."""
    random = np.random.default_rng([seed, 7])
    return {
        "a": 1.0 + shift + scale * random.normal(size=(n, 3)),
        "b": [-2.0 + scale * random.normal(size=(n,))],
    }


TRUTH = {"a": np.ones(3), "b": [-2.0]}


def test_a_known_law() -> None:
    """Trace 4, |E g|^2 / trace = 7 / 4; intervals of 95 %, at a fixed seed."""
    found = measure(gauss, replicates=50_000, seed=1)
    assert found.replicates == 50_000
    assert found.variance["a"].shape == (3,)
    assert found.variance["b"][0].shape == ()
    assert found.total_variance.low < 4 < found.total_variance.high < found.total_variance.low + 0.2
    assert found.signal_to_noise.low < 7 / 4 < found.signal_to_noise.high
    assert np.abs(found.mean["a"] - 1).max() < 5 * found.standard_error["a"].max()
    frame = found.frame()
    assert list(frame["parameter"]) == ["a", "b[0]"]
    assert frame["variance"].sum() == pytest.approx(found.total_variance.value)


def test_coverage_of_total_variance_and_signal_to_noise() -> None:
    """Of 200 intervals 95 % should hold the value: 172 or fewer have a chance of 1e-6."""
    hits = [0, 0]
    for seed in range(200):
        found = measure(gauss, replicates=400, seed=seed)
        hits[0] += found.total_variance.low <= 4 <= found.total_variance.high
        hits[1] += found.signal_to_noise.low <= 7 / 4 <= found.signal_to_noise.high
    assert min(hits) > 172


def test_precision_computes_the_size() -> None:
    variance = measure(gauss, precision="2%").total_variance
    assert (variance.high - variance.low) / 2 / variance.value < 0.022
    with pytest.raises(UndecidedError, match="at_most"):
        measure(gauss, precision="0.1%", at_most=10_000)


def test_the_same_seed_gives_the_same_numbers() -> None:
    one, again, other = (measure(gauss, replicates=3000, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(one.flat_mean, again.flat_mean)
    assert one.total_variance == again.total_variance
    assert not np.array_equal(one.flat_mean, other.flat_mean)


def test_a_constant_gradient_is_noted() -> None:
    found = measure(lambda _seed, n: np.ones((n, 2)))
    assert found.total_variance.value == 0
    assert "seed" in found.notes[0]
    assert str(found)


def test_heavy_tails_are_marked() -> None:
    def heavy(seed: int, n: int) -> Array:
        return np.random.default_rng(seed).standard_t(1.5, size=(n, 2))

    assert measure(heavy, replicates=100_000).trusted is False
    with pytest.raises(UndecidedError, match="tail"):
        measure(heavy, precision="1%")


def test_bias_none_and_some() -> None:
    none = bias(gauss, TRUTH, detect=0.05)
    assert not none.biased
    assert none.p_value > 1e-6
    assert none.decided
    assert none.detectable <= 0.05
    some = bias(lambda seed, n: gauss(seed, n, shift=0.1), TRUTH, detect=0.05)
    assert some.biased
    assert some.worst.startswith("a[")
    assert some.distance.low < 0.1 * math.sqrt(3 / 7) < some.distance.high


def test_a_subject_as_truth_is_compared_in_pairs() -> None:
    """The same noise on both sides cancels: a shift of 1e-6 is found, and of 0 is not."""
    same = bias(gauss, gauss)
    shifted = bias(lambda seed, n: gauss(seed, n, shift=1e-6), gauss, detect=1e-6)
    assert not same.biased
    assert shifted.biased
    independent = bias(lambda seed, n: gauss(seed + 1, n), gauss, detect=0.05)
    assert not independent.biased
    assert independent.decided


def test_compare() -> None:
    found = compare(
        {
            "quiet": gauss,
            "loud": lambda seed, n: gauss(seed, n, scale=2.0),
            "other": lambda seed, n: gauss(seed + 10, n),
            "off": lambda seed, n: gauss(seed, n, shift=0.3),
        },
        truth=TRUTH,
    )
    frame = found.frame().set_index("name")
    assert found.ratio("loud", "quiet").value == pytest.approx(4)
    assert found.ratio("loud", "quiet").high - found.ratio("loud", "quiet").low < 1e-6  # the noise is the same
    unpaired = found.ratio("loud", "other")
    assert unpaired.low < 4 < unpaired.high < unpaired.low + 0.5
    assert list(frame["biased"]) == [False, False, False, True]
    assert list(frame["best"]) == [True, False, True, False]


def test_best_by_seconds() -> None:
    """At a budget, a gradient of 4 times the variance and a hundredth of the seconds is the better one."""
    found = compare({"quiet": gauss, "loud": lambda s, n: gauss(s, n, scale=2.0)}, replicates=2000)
    slow = {
        name: type(one)(**{**one.__dict__, "seconds_per_gradient": seconds})
        for (name, one), seconds in zip(found.measurements.items(), (1e-4, 1e-6), strict=True)
    }
    from harness.measuring.compare import conclude

    chosen = conclude(slow, found.squares, {}, 0.01)
    assert chosen.best == {"loud"}
    assert chosen.errors["quiet"].value == pytest.approx(found.measurements["quiet"].total_variance.value / 100)


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        (3, "not callable"),
        (lambda: 3, "(seed, n)"),
        (lambda _seed, _n: np.ones((5, 2)), "axis"),
        (lambda _seed, _n: 1.0, "axis"),
        (lambda seed, n: np.random.default_rng(seed).normal(size=(n, 2))[1:], "axis"),
        (lambda _seed, n: {"x": ["a"] * n}, "x[0]"),
        (lambda _seed, n: np.ones((n, 2)) * 1j, "real numbers"),
        (lambda _seed, _n: {}, "no numbers"),
        (lambda _seed, n: {"w": np.full((n, 2), np.nan)}, "not finite"),
        (lambda _seed, n: np.random.normal(size=(n, 2)), "same seed"),
    ],
)
def test_bad_subjects(subject: Any, words: str) -> None:
    with pytest.raises(BadInputError) as raised:
        measure(subject)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_what_goes_wrong_later_is_refused_too() -> None:
    def changes(seed: int, n: int) -> Array:
        return np.random.default_rng(seed).normal(size=(n, 2 if n == 2 else 3))

    def infinite(seed: int, n: int) -> dict[str, Array]:
        values = np.random.default_rng(seed).normal(size=(n, 2))
        if n > 2:
            values[1, 1] = np.inf
        return {"w": values}

    with pytest.raises(BadInputError, match="shape of one gradient"):
        measure(changes)
    with pytest.raises(BadInputError, match=r"not finite: at w\[1\] and 1 of"):
        measure(infinite)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"replicates": 1}, "replicates is 1"),
        ({"replicates": 2.5}, "replicates is 2.5"),
        ({"precision": "0%"}, "precision"),
        ({"precision": "many"}, "precision"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        measure(gauss, **arguments)


@pytest.mark.parametrize(
    ("truth", "words"),
    [
        ({"a": np.ones(3)}, "structure"),
        ({"a": np.ones(2), "b": [-2.0]}, "truth at a"),
        ({"a": np.ones(3), "b": -2.0}, "truth at b"),
        ({"a": np.ones(3), "b": [np.nan]}, "not finite"),
        ({"a": "x", "b": [1.0]}, "truth at a"),
        ({"a": np.zeros(3), "b": [0.0]}, "scale"),
        (lambda _seed, n: np.ones((n, 3)), "structure"),
    ],
)
def test_bad_truths(truth: Any, words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        bias(gauss, truth)


def test_an_error_inside_of_a_subject_is_the_users() -> None:
    def broken(_seed: int, _n: int) -> Array:
        raise TypeError("mine")

    with pytest.raises(TypeError, match="mine"):
        measure(broken)


def test_trees_of_every_nesting_and_framework() -> None:
    import torch

    Pair = namedtuple("Pair", "x y")
    tree = {
        "net": [torch.ones(4, 2, 3, dtype=torch.bfloat16), (np.zeros((4,)),)],
        "pair": Pair(np.arange(8).reshape(4, 2), torch.zeros(4, 1, dtype=torch.float64)),
    }
    layout = layout_of(tree, 4)
    assert [leaf.path for leaf in layout.leaves] == ["net[0]", "net[1][0]", "pair.x", "pair.y"]
    assert layout.leaves[0].dtype == "bfloat16"
    assert layout.name(5) == "net[0][1, 2]"
    assert layout.name(6) == "net[1][0]"
    rows = matrix(tree, layout, 4)
    assert rows.shape == (4, 10)
    back = layout.unflatten(np.asarray(rows[1], np.float64))
    assert isinstance(back["pair"], Pair)
    assert back["net"][0].shape == (2, 3)
    assert np.array_equal(vector(back, layout)[0], rows[1])


def test_the_order_of_a_dict_does_not_matter() -> None:
    layout = layout_of({"a": np.zeros((2, 1)), "b": np.ones((2, 1))}, 2)
    assert np.array_equal(matrix({"b": np.ones((2, 1)), "a": np.zeros((2, 1))}, layout, 2), [[0, 1], [0, 1]])
    assert np.array_equal(vector({"b": [1.0], "a": [0.0]}, layout)[0], [0, 1])


def test_seeds_and_calls() -> None:
    main, pilot = (list(zip(seeds(5, use), range(100), strict=False)) for use in (MAIN, PILOT))
    assert len({seed for seed, _ in main} | {seed for seed, _ in pilot}) == 200
    assert all(0 <= seed < 2**31 for seed, _ in main)
    assert calls(5000, 4096) == [2500, 2500]
    assert sum(calls(10_001, 4096)) >= 10_001


def test_a_large_gradient_is_read_in_pieces() -> None:
    """10^5 coordinates: blocks are small, and the moments are those of NumPy."""

    def large(seed: int, n: int) -> Array:
        return np.random.default_rng(seed).normal(size=(n, 100_000)).astype(np.float32)

    reader = Reader(large, 0)
    assert reader.block == 16
    found = measure(large, replicates=40)
    rows = np.concatenate([large(seed, n) for seed, n in zip(seeds(0, MAIN), calls(40, reader.block), strict=False)])[
        :40
    ].astype(np.float64)
    assert found.flat_mean == pytest.approx(rows.mean(axis=0))
    assert found.flat_variance == pytest.approx(rows.var(axis=0, ddof=1))


def test_a_seed_that_is_not_used_is_seen() -> None:
    """Draws that are the same for every seed, and a single draw for all gradients of a call."""

    def fixed(_seed: int, n: int) -> Array:
        return np.random.default_rng(0).normal(size=(n, 2))

    def one_draw(seed: int, n: int) -> Array:
        return np.random.default_rng(seed).normal(size=(1, 2)) * np.ones((n, 1))

    with pytest.raises(BadInputError, match="for the same seed and for others"):
        bias(fixed, np.zeros(2), scale=1.0)
    with pytest.raises(BadInputError, match="share one draw"):
        measure(one_draw)
    note = bias(lambda _seed, n: np.ones((n, 2)), np.ones(2)).notes
    assert "seed" in note[0]
