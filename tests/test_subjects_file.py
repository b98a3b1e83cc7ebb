"""Subjects and truths by the name of a file and of what is in it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness.errors import BadInputError
from harness.subjects.from_file import subject_from_file, truth_from_file
from harness.subjects.subject import Subject

PROGRAM = """
import dataclasses
import numpy as np
import beside
from harness.subjects.subject import Subject

beside.RUNS.append(__name__)

@dataclasses.dataclass
class Scaled:
    scale: float
    def __call__(self, seed, n):
        return self.scale * np.ones((n, 2))

def gradient(seed, n):
    return np.random.default_rng(seed).normal(size=(n, 3))

def with_settings(seed, n, scale=2.0):
    return scale * np.ones((n, 1))

def make():
    return gradient

def make_with_settings(scale=3.0, shift=0.0):
    return Scaled(scale)

def make_truth():
    return {"a": 2.0}

def one(seed):
    return None

def no_subject():
    return 3

def raising():
    raise ValueError("not\\nhere")

def importing():
    import beside_too
    return gradient

callable_object = Scaled(4.0)
named, unnamed = Subject(gradient, "its own"), Subject(gradient)
truth = np.ones(3)
"""

Reference = Callable[[str], str]


@pytest.fixture
def reference(tmp_path: Path) -> Reference:
    """Return what makes "FILE.py:NAME" of a name, for a file that holds PROGRAM."""
    (tmp_path / "mine.py").write_text(PROGRAM)
    (tmp_path / "beside.py").write_text("RUNS = []\n")
    (tmp_path / "beside_too.py").write_text("")
    sys.modules.pop("beside", None)  # of another test's folder
    return lambda name: f"{tmp_path / 'mine.py'}:{name}"


def bad(text: str) -> str:
    """Return the one line with which a reference is refused."""
    with pytest.raises(BadInputError) as caught:
        subject_from_file(text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"), [("with_settings", 2.0), ("make_with_settings", 3.0), ("callable_object", 4.0)]
)
def test_what_is_a_subject_and_what_makes_one(reference: Reference, name: str, value: float) -> None:
    assert subject_from_file(reference(name))(0, 5).ravel()[0] == value


@pytest.mark.parametrize("name", ["gradient", "make", "named", "unnamed", "importing"])
def test_subjects(reference: Reference, name: str) -> None:
    found = subject_from_file(reference(name))
    assert isinstance(found, Subject)
    assert np.array_equal(found(3, 4), np.random.default_rng(3).normal(size=(4, 3)))
    assert found.name == ("its own" if name == "named" else name)


def test_truths(reference: Reference) -> None:
    assert np.array_equal(truth_from_file(reference("truth")), np.ones(3))
    assert truth_from_file(reference("make_truth")) == {"a": 2.0}
    assert truth_from_file(reference("gradient"))(0, 2).shape == (2, 3)


def test_a_file_runs_once_and_again_when_it_has_changed(reference: Reference, tmp_path: Path) -> None:
    subject_from_file(reference("gradient"))
    subject_from_file(reference("make"))
    runs = sys.modules["beside"].RUNS
    assert len(runs) == 1
    assert runs[0] != "__main__"
    (tmp_path / "mine.py").write_text(PROGRAM + "\nlater = gradient\n")
    assert subject_from_file(reference("later")).name == "later"
    assert len(runs) == 2


def test_the_path_is_as_it_was(reference: Reference) -> None:
    before = list(sys.path)
    subject_from_file(reference("gradient"))
    bad(reference("raising"))
    assert sys.path == before


def test_a_relative_path(reference: Reference, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reference
    monkeypatch.chdir(tmp_path)
    assert subject_from_file("mine.py:gradient").name == "gradient"


def test_bad_references(reference: Reference, tmp_path: Path) -> None:
    assert "FILE.py:NAME" in bad(str(tmp_path / "mine.py"))
    assert "FILE.py:NAME" in bad("mine.py:")
    assert "FILE.py:NAME" in bad(":gradient")
    assert "there is no file" in bad("absent.py:gradient")
    assert "there is no file" in bad(f"{tmp_path}:gradient")
    assert "'gradeint'" in bad(reference("gradeint"))
    assert "the nearest: gradient" in bad(reference("gradeint"))
    assert "'missing'" in bad(reference("missing"))


def test_what_is_no_subject(reference: Reference) -> None:
    assert "'truth' is array([1., 1., 1.]); allowed: a function (seed, n)" in bad(reference("truth"))
    assert "'one' takes (seed)" in bad(reference("one"))
    assert "'Subject' is <class" in bad(reference("Subject"))
    assert "'no_subject' is 3" in bad(reference("no_subject"))


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("x = 1\ny = x / 0\n", "broken.py, line 2 raises ZeroDivisionError: division by zero"),
        ("x = 1\ndef f(:\n", "broken.py, line 2 raises SyntaxError: invalid syntax"),
        ("import absent_module\n", "broken.py, line 1 raises ModuleNotFoundError: No module named 'absent_module'"),
        ("import sys\n\nsys.exit(3)\n", "broken.py, line 3 raises SystemExit: 3"),
        (
            "def inner():\n    raise ValueError('of two\\nlines')\ninner()\n",
            "broken.py, line 2 raises ValueError: of two lines",
        ),
        ("import json\njson.loads('{')\n", "broken.py, line 2 raises JSONDecodeError"),
        (
            "from harness.errors import BadInputError\nraise BadInputError('the loss is 3')\n",
            "broken.py, line 2: the loss is 3",
        ),
    ],
)
def test_a_file_that_raises(tmp_path: Path, program: str, words: str) -> None:
    (tmp_path / "broken.py").write_text(program)
    assert bad(f"{tmp_path / 'broken.py'}:f").startswith(words)


def test_a_function_that_raises(reference: Reference) -> None:
    line = PROGRAM.splitlines().index('    raise ValueError("not\\nhere")') + 1
    assert bad(reference("raising")) == f"mine.py, line {line} raises ValueError: not here"


def test_a_file_without_names(tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text("")
    assert bad(f"{tmp_path / 'empty.py'}:f") == "empty.py has no 'f'; it defines no name"


def test_a_keyboard_interrupt_passes_through(tmp_path: Path) -> None:
    (tmp_path / "stopped.py").write_text("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        subject_from_file(f"{tmp_path / 'stopped.py'}:f")


class TestMutations:
    """Defects, each of which a test above must catch."""

    def test_the_folder_is_not_on_the_path(self, reference: Reference, monkeypatch: pytest.MonkeyPatch) -> None:
        import contextlib

        monkeypatch.setattr("harness.subjects.from_file._importable", lambda _: contextlib.nullcontext())
        with pytest.raises(BadInputError, match="No module named 'beside'"):
            test_subjects(reference, "gradient")

    def test_functions_without_arguments_are_not_called(
        self, reference: Reference, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("harness.subjects.from_file._made", lambda value: value)
        with pytest.raises(BadInputError, match="takes"):
            test_subjects(reference, "make")
