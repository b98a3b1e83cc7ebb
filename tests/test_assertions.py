"""Assertions on gradients: pass, fail with a message that helps, never guess; and the pytest plugin."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import BadInputError, UndecidedError
from harness.testing import measured
from harness.testing.assertions import assert_quieter, assert_unbiased

Array = np.ndarray
TRUTH = np.array([1.0, 2.0, -3.0])


def subject(scale: float = 0.5, change: Any = lambda x: x) -> Any:
    """Return a subject whose gradients have the mean `TRUTH` before a change."""

    def gradients(seed: int, n: int) -> Array:
        return change(TRUTH + scale * np.random.default_rng(seed).normal(size=(n, 3)))

    return gradients


def test_unbiased_passes_and_says_what_it_would_have_seen() -> None:
    with measured.collected() as lines:
        found = assert_unbiased(subject(), TRUTH)
    assert found.detectable <= 0.05
    assert "no bias" in lines[0]
    assert "seed=0" in lines[0]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda x: -x, "sign"),
        (lambda x: x / 2, "factor"),
        (lambda x: x[:, [1, 2, 0]], "permut"),
        (lambda x: x + np.array([0.2, -0.2, 0.0]), "[1]"),
    ],
)
def test_a_failure_names_what_helps(change: Any, word: str) -> None:
    with pytest.raises(AssertionError) as raised:
        assert_unbiased(subject(change=change), TRUTH, seed=3)
    text = str(raised.value)
    assert word in text
    for part in ("worst coordinate", "z = ", "truth", "seed=3"):
        assert part in text


def test_what_noise_hides_is_undecided() -> None:
    with pytest.raises(UndecidedError) as raised:
        assert_unbiased(subject(1e4), TRUTH, detect=1e-4, at_most=10_000)
    assert raised.value.replicates > 1e12
    with pytest.raises(UndecidedError, match="tail"):
        assert_unbiased(
            lambda seed, n: np.random.default_rng(seed).standard_t(1.2, size=(n, 2)), np.zeros(2), scale=1.0,
            at_most=50_000,
        )  # fmt: skip


def test_quieter() -> None:
    quiet, loud = subject(0.5), subject(1.0)
    assert assert_quieter(quiet, than=loud, ratio=0.5).value == pytest.approx(0.25)
    with pytest.raises(AssertionError, match="not quieter"):
        assert_quieter(loud, than=quiet, ratio=0.5)
    other = subject(0.5, lambda x: x[:, ::-1])
    with pytest.raises(UndecidedError, match="the interval holds the ratio"):
        assert_quieter(lambda seed, n: other(seed + 1, n), than=quiet, ratio=1.0, at_most=20_000)
    constant = subject(0.0)
    assert assert_quieter(constant, than=quiet, ratio=0.01).value == 0
    assert assert_quieter(constant, than=constant).value == 1
    for arguments in ({"ratio": 0.0}, {"confidence": 1.0}, {"at_most": 1}):
        with pytest.raises(BadInputError):
            assert_quieter(quiet, than=loud, **arguments)
    with pytest.raises(BadInputError, match="structure"):
        assert_quieter(quiet, than=lambda seed, n: quiet(seed, n)[:, :2])


def test_the_rates_of_quieter(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a true ratio of 0.5 and confidence 0.99, few of 200 pass or fail at `ratio=0.5`: 9 or more by 2e-4 each."""
    passed = failed = 0
    monkeypatch.setattr(measured, "add", lambda _line: None)  # 200 lines would hide the others
    for seed in range(200):
        one, other = subject(0.5**0.5), subject(1.0)
        try:
            assert_quieter(lambda s, n, one=one: one(s + 10**6, n), than=other, ratio=0.5, seed=seed, at_most=1024)
            passed += 1
        except UndecidedError:
            pass
        except AssertionError:
            failed += 1
    assert passed < 9
    assert failed < 9


PROGRAM = """
import numpy as np
from harness.testing.assertions import assert_unbiased
def g(seed, n): return 1.0 + np.random.default_rng(seed).normal(size=(n, 4))
def test_right(): assert_unbiased(g, np.ones(4))
def test_wrong(): assert_unbiased(lambda s, n: -g(s, n), np.ones(4))
def test_other(): pass
"""


@pytest.mark.parametrize("workers", [0, 2])
def test_the_plugin_lists_what_was_measured(tmp_path: Path, workers: int) -> None:
    (tmp_path / "test_it.py").write_text(PROGRAM, "utf-8")
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", str(workers), "test_it.py")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    section = done.stdout.partition("= reparam")[2]
    assert "test_right: g shows no bias" in section
    assert "test_wrong: <lambda> is biased" in section
    assert "test_other" not in section
    assert "sign" in done.stdout
    assert "assertions.py" not in done.stdout  # our own frames are hidden


def test_the_plugin_loads_nothing_heavy() -> None:
    program = "import sys; import harness.testing.plugin; print({'numpy', 'torch', 'jax', 'scipy'} & set(sys.modules))"
    done = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
