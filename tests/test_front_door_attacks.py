"""Input that broke the front door once: shared buffers, numbers at the ends of float64, too few replicates."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import BadInputError, UndecidedError
from harness.measuring.bias import bias
from harness.measuring.compare import compare
from harness.measuring.measure import measure
from harness.statistics import sizes
from harness.statistics.bias import BiasTest, phases
from harness.testing.assertions import assert_quieter, assert_unbiased

ONE = np.ones(3)


def gauss(seed: int, n: int) -> Any:
    """Return n normal gradients of mean 1."""
    return np.random.default_rng(seed).normal(size=(n, 3)) + 1


def into(buffer: Any, draw: Callable[[int, int], Any]) -> Callable[[int, int], Any]:
    """Return a subject that writes all its calls into one buffer."""

    def gradients(seed: int, n: int) -> Any:
        buffer[:n] = draw(seed, n)
        return buffer[:n]

    return gradients


def test_a_buffer_hides_no_random_state() -> None:
    """The second call overwrites the first one's numbers, which must not make them equal."""
    generator = np.random.default_rng(0)
    with pytest.raises(BadInputError, match="same seed"):
        measure(into(np.empty((4096, 3)), lambda _, n: generator.normal(size=(n, 3))), replicates=100)


def test_subjects_that_share_a_buffer_are_told_apart() -> None:
    """A truth that writes into the gradient's buffer is another gradient nevertheless."""
    buffer = np.empty((4096, 3))
    one, double = into(buffer, gauss), into(buffer, lambda seed, n: 2 * gauss(seed, n))
    assert bias(double, one, replicates=4000).biased
    ratio = compare({"one": one, "double": double}, replicates=1000).ratio("double", "one")
    assert ratio.value == pytest.approx(4)
    with pytest.raises(AssertionError):
        assert_quieter(double, than=one)


def test_blocks_of_a_buffer_are_read_before_the_next_call() -> None:
    """A pilot of several blocks in one buffer has their numbers, not the last one's."""
    from harness.subjects.subject import Subject

    small = Subject(into(np.empty((64, 3)), gauss), block=64)
    fresh = Subject(gauss, block=64)
    assert measure(small, precision=0.2).total_variance == measure(fresh, precision=0.2).total_variance


def test_a_constant_view_is_a_gradient() -> None:
    """An exact gradient may return one array in every call."""
    exact = np.broadcast_to(ONE, (4096, 3))
    assert measure(lambda _, n: exact[:n], replicates=100).total_variance.value == 0


def test_one_draw_for_a_call_is_bad_input() -> None:
    """Rows that are equal within each call and differ between calls are not independent; a rare event is."""
    with pytest.raises(BadInputError, match="share one draw"):
        bias(lambda seed, n: np.repeat(gauss(seed, 1), n, axis=0), ONE)
    rare = measure(lambda seed, n: np.random.default_rng(seed).random((n, 1)) < 0.01, replicates=2000)
    assert rare.total_variance.value > 0


def test_a_rare_event_at_the_same_place_twice_is_no_forgotten_seed() -> None:
    """One event among 64 gradients is at the same place in two calls with a chance of 1/64."""

    def once(seed: int, n: int) -> Any:
        found = np.zeros((n, 1))
        found[min(5, n - 1)] = float(n == 64)
        return found if n == 64 else np.random.default_rng(seed).normal(size=(n, 1))

    assert measure(once, replicates=100).total_variance.value > 0
    fixed = np.random.default_rng(0).normal(size=(4096, 1))
    with pytest.raises(BadInputError, match="same seed"):
        measure(lambda _, n: fixed[:n], replicates=100)


@pytest.mark.parametrize(
    "tree",
    [
        lambda rows: {"a.b": rows, "a": {"b": 2 * rows}},
        lambda rows: {1: rows, "[1]": 2 * rows},
    ],
)
def test_two_leaves_of_one_name_are_bad_input(tree: Callable[[Any], Any]) -> None:
    """One of them would be measured twice."""
    with pytest.raises(BadInputError, match="two leaves are named"):
        measure(lambda seed, n: tree(gauss(seed, n)), replicates=100)


def test_masked_numbers_are_bad_input() -> None:
    """What is under a mask is no number; a mask without effect is none."""
    with pytest.raises(BadInputError, match="masked"):
        measure(lambda seed, n: np.ma.masked_greater(gauss(seed, n), 0), replicates=100)
    with pytest.raises(BadInputError, match="truth"):
        bias(gauss, np.ma.array(ONE, mask=[True, False, False]), replicates=100)
    assert measure(lambda seed, n: np.ma.array(gauss(seed, n)), replicates=100).total_variance.value > 0


@pytest.mark.parametrize("truth", [ONE + 1j, [10**400] * 3, np.array(["1", "1", "1"]), np.zeros(3, "M8[s]")])
def test_a_truth_that_is_no_real_numbers_is_bad_input(truth: Any) -> None:
    """An imaginary part is not dropped."""
    with pytest.raises(BadInputError, match="truth"):
        bias(gauss, truth, replicates=100)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("exponent", [50, 40, -41, -80, -120])
def test_the_scale_of_a_gradient_does_not_matter(exponent: int) -> None:
    """Estimates are those of the gradient at scale 1, without a warning."""
    scale = 2.0 ** round(exponent * math.log2(10))
    found, usual = measure(lambda s, n: scale * gauss(s, n), replicates=2000), measure(gauss, replicates=2000)
    assert found.total_variance[:3] == pytest.approx([part * scale**2 for part in usual.total_variance[:3]])
    assert found.signal_to_noise[:3] == pytest.approx(usual.signal_to_noise[:3])
    assert not bias(lambda s, n: scale * gauss(s, n), scale * ONE, detect=0.3).biased
    assert bias(lambda s, n: 2 * scale * gauss(s, n), scale * ONE, detect=0.3).biased


def test_a_leaf_may_be_tiny_beside_another() -> None:
    """The gradient of a saturated layer has numbers of 1e-60."""
    found = measure(lambda s, n: {"a": gauss(s, n), "b": 1e-60 * gauss(s, n)}, replicates=1000)
    one, tiny = found.leaf_variances
    assert [part * 1e120 for part in tiny[:3]] == pytest.approx(list(one[:3]))


def test_what_float64_cannot_square_is_reported() -> None:
    """Too large numbers are bad input; too small ones are not called the same in every replicate."""
    with pytest.raises(BadInputError, match="divide the loss"):
        measure(lambda s, n: 1e200 * gauss(s, n), replicates=100)
    (note,) = measure(lambda s, n: 1e-200 * gauss(s, n), replicates=100).notes
    assert "squares" in note


@pytest.mark.parametrize("at_most", [3, -1, 0, None, "x", math.inf, math.nan, True, 9.5])
def test_at_most_is_checked(at_most: Any) -> None:
    """Wherever it is given."""
    for ask in (
        lambda: measure(gauss, at_most=-1 if at_most == 3 else at_most),
        lambda: bias(gauss, ONE, at_most=at_most),
        lambda: compare({"a": gauss}, at_most=at_most),
        lambda: assert_unbiased(gauss, ONE, at_most=at_most),
        lambda: assert_quieter(gauss, than=gauss, at_most=at_most),
    ):
        with pytest.raises(BadInputError, match="at_most"):
            ask()


@pytest.mark.parametrize("named", [{"level": 1e-320}, {"level": 0}, {"scale": 1e-300}, {"scale": 1e300}, {"name": 3}])
def test_arguments_out_of_range_are_bad_input(named: dict[str, Any]) -> None:
    """Each raised another error, or one when the result was printed."""
    with pytest.raises(BadInputError, match=next(iter(named))):
        str(bias(gauss, ONE, replicates=100, **named))


def test_a_name_is_one_line(tmp_path: Path) -> None:
    """Whatever characters it has."""
    found = measure(gauss, replicates=100, name="a\nb\ud800<script>")
    assert "\n" not in found.name
    assert "<script>" not in found.to_html(tmp_path / "a.html").read_text(encoding="utf-8").partition("<body")[2][:2000]


@pytest.mark.parametrize("replicates", [8, 24])
def test_few_replicates_do_not_alarm(replicates: int) -> None:
    """At a level of 1e-6, in 3000 runs of skewed gradients: 0.1 % of them alarmed, as few numbers may be close.

    The chance of an alarm here is 3e-3 if the level holds.
    """
    generator = np.random.default_rng(0)
    for _ in range(3000):
        test = BiasTest(np.full(3, math.exp(0.5)), 3, replicates)
        test.add(np.exp(generator.normal(size=(replicates, 3))))
        assert test.verdict().p_value > 1e-6


def test_two_equal_signs_are_no_bias() -> None:
    """Of +1 and -1, two of two are equal half of the time."""
    for seed in range(20):
        coins = bias(lambda s, n: np.random.default_rng(s).choice([-1.0, 1.0], (n, 1)), [0.0],
                     scale=1.0, replicates=8, seed=seed)  # fmt: skip
        assert not coins.biased
        assert not coins.decided


@pytest.mark.parametrize("level", [0.5, 1e-2, 1e-6, 1e-300])
def test_the_fewest_replicates_find_a_wrong_constant(level: float) -> None:
    """From `sizes.fewest` on a wrong constant is found; below, it is undecided and never passes."""

    def wrong(_: int, n: int) -> Any:
        return np.ones((n, 1))

    fewest = sizes.fewest(level)
    assert bias(wrong, [2.0], replicates=fewest, level=level).biased
    assert bias(wrong, [2.0], level=level).biased
    least = next(n for n in range(8, fewest + 1) if phases(n).test >= 2)
    if least < fewest // 2:
        with pytest.raises(UndecidedError, match="too few"):
            assert_unbiased(wrong, [2.0], level=level, at_most=fewest // 2)


def test_a_bias_below_what_a_pattern_takes_is_not_denied() -> None:
    """A constant coordinate that is off by 1e-6 is a bias, and its diagnosis does not say that there is none."""

    def mixed(seed: int, n: int) -> Any:
        return np.c_[gauss(seed, n), np.full(n, 7.0)]

    found = bias(mixed, [1.0, 1.0, 1.0, 7 + 1e-6])
    assert found.biased
    assert found.pattern == "unrecognized"
    assert "no coordinate differs" not in found.diagnosis


def test_a_subject_that_exits_does_not_end_the_command_well(tmp_path: Path) -> None:
    """Its status would be taken for that of a gradient without bias."""
    (tmp_path / "f.py").write_text("import sys\ndef g(seed, n): sys.exit(0)\n")
    command = [sys.executable, "-m", "harness.cli", "measure", f"{tmp_path}/f.py:g", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "SystemExit" in done.stderr


def test_assertions_of_fixtures_are_listed(tmp_path: Path) -> None:
    """Those before and after a test, each once."""
    (tmp_path / "test_it.py").write_text(
        "import pytest\nfrom harness.testing import measured\n"
        "@pytest.fixture\ndef around():\n    measured.add('before')\n    yield\n    measured.add('after')\n"
        "def test_it(around): measured.add('within')\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n0", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    lines = [line for line in done.stdout.splitlines() if line.startswith("test_it: ")]
    assert lines == ["test_it: before", "test_it: within", "test_it: after"], done.stdout
