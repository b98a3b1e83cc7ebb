"""The commands measure and compare on a user's file: exit status, records, one line for what is wrong."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner, Result

from harness.cli import main

SUBJECTS = """
import sys
import numpy as np

def draw(seed, n):
    return np.random.default_rng(seed).normal(size=(n, 4))

def good(seed, n):
    return 1.0 + draw(seed, n)

def loud(seed, n):
    return {"w": 1.0 + 2 * draw(seed, n)}

def quiet(seed, n):
    return {"w": 1.0 + draw(seed, n)}

def bad(seed, n):
    return 1.2 + draw(seed, n)

def nan(seed, n):
    x = good(seed, n)
    x[0, 1] = np.nan
    return x

def stuck(seed, n):
    return np.ones((n, 4))

def unseeded(seed, n):
    return np.random.normal(size=(n, 4))

def short(seed, n):
    return good(seed, n)[1:]

def factory():
    return good

def helper(x):
    return x.reshape(7)

def raising(seed, n):
    return helper(good(seed, n))

def inside(seed, n):
    return np.linalg.solve(np.zeros((2, 2)), np.ones(2))

def far(seed, n):
    return 1.0 + 1e3 * draw(seed, n)

def heavy(seed, n):
    return np.random.default_rng(seed).standard_t(1.2, size=(n, 4))

def talking(seed, n):
    print("a line of mine")
    return good(seed, n)

def slow(seed, n):
    import time
    print("started", file=sys.stderr, flush=True)
    time.sleep(0.1)
    return good(seed, n)

truth = np.ones(4)
other = np.ones(5)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "subject.py").write_text(dedent(SUBJECTS))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def reparam(*arguments: str) -> Result:
    """Run a command; "f:good" is short for "subject.py:good"."""
    return CliRunner().invoke(main, [word.replace("f:", "subject.py:") for word in arguments], prog_name="reparam")


def refused(*arguments: str) -> str:
    """Run a command that has to refuse its input, and return its one line."""
    done = reparam(*arguments)
    assert done.exit_code == 2, (done.stdout, done.stderr, done.exception)
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_measure_prints_a_table() -> None:
    done = reparam("measure", "f:good")
    assert done.exit_code == 0
    assert "95 %" in done.stdout
    assert "bias" not in done.stdout
    assert done.stderr == ""


def test_measure_takes_what_a_function_returns() -> None:
    assert reparam("measure", "f:factory").exit_code == 0


def test_the_exit_status_is_that_of_the_verdict() -> None:
    good, bad = (reparam("measure", f"f:{name}", "--truth", "f:truth") for name in ("good", "bad"))
    assert (good.exit_code, bad.exit_code) == (0, 1)
    assert "no bias found; a bias of 5.0 % of |truth| would have been found" in good.stdout
    assert "bad: BIASED" in bad.stdout
    assert "a constant factor 1." in bad.stdout


def test_a_truth_can_be_a_subject() -> None:
    assert reparam("measure", "f:bad", "--truth", "f:good").exit_code == 1


def test_json_is_an_array_of_flat_records() -> None:
    done = reparam("measure", "f:bad", "--truth", "f:truth", "--format", "json")
    (row,) = json.loads(done.stdout)
    assert done.exit_code == 1
    assert row["name"] == "bad"
    assert row["parameter"] == ""
    assert row["shape"] == "4"
    assert row["variance_low"] < row["variance"] < row["variance_high"]
    assert row["total_variance"] == row["variance"]
    assert row["biased"] is True
    assert row["bias_replicates"] > row["replicates"]
    assert not any(isinstance(value, dict | list) for value in row.values())


def test_csv_and_json_have_the_same_records() -> None:
    arguments = ("measure", "f:quiet", "--replicates", "50", "--format")
    (row,) = csv.DictReader(io.StringIO(reparam(*arguments, "csv").stdout))
    (same,) = json.loads(reparam(*arguments, "json").stdout)
    assert list(row) == list(same)
    assert float(row["variance"]) == same["variance"]
    assert row["parameter"] == "w"


def test_what_is_not_known_is_null() -> None:
    (row,) = json.loads(reparam("measure", "f:good", "--replicates", "2", "--format", "json").stdout)
    assert row["variance_low"] is None
    (row,) = csv.DictReader(io.StringIO(reparam("measure", "f:good", "--replicates", "2", "--format", "csv").stdout))
    assert row["variance_low"] == ""


def test_the_seed_repeats_a_measurement() -> None:
    def variance(seed: int) -> float:
        done = reparam("measure", "f:good", "--replicates", "50", "--seed", str(seed), "--format", "json")
        return float(json.loads(done.stdout)[0]["variance"])

    assert variance(3) == variance(3) != variance(4)


def test_what_a_subject_prints_is_no_record() -> None:
    done = reparam("measure", "f:talking", "--format", "json")
    assert json.loads(done.stdout)
    assert "a line of mine" in done.stderr


def test_compare_has_ratios_and_marks_the_best() -> None:
    done = reparam("compare", "f:loud", "f:quiet", "--format", "csv")
    loud, quiet = csv.DictReader(io.StringIO(done.stdout))
    assert done.exit_code == 0
    assert [loud["name"], quiet["name"]] == ["loud", "quiet"]
    assert float(quiet["ratio"]) == pytest.approx(0.25)
    assert (loud["best"], quiet["best"]) == ("False", "True")


def test_compare_judges_biases() -> None:
    done = reparam("compare", "f:good", "f:bad", "--truth", "f:truth", "--seconds", "10ms")
    assert done.exit_code == 1
    assert "Compared by the mean squared error that 10 ms of gradients buys" in done.stdout
    assert "bad: BIASED" in done.stdout
    assert reparam("compare", "f:good", "f:stuck", "--truth", "f:truth").exit_code == 0


def test_names_of_two_files_are_told_apart(folder: Path) -> None:
    (folder / "second.py").write_text((folder / "subject.py").read_text())
    done = reparam("compare", "f:good", "second.py:good", "f:stuck", "--format", "json")
    assert [row["name"] for row in json.loads(done.stdout)] == ["subject.py:good", "second.py:good", "stuck"]


def test_a_constant_gradient_is_noted() -> None:
    done = reparam("measure", "f:stuck")
    assert done.exit_code == 0
    assert "Note: stuck gives the same numbers in every replicate" in done.stdout
    assert "seed" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("measure", "f:nan"), "not finite"),
        (("measure", "f:unseeded"), "same seed"),
        (("measure", "f:short"), "axis"),
        (("measure", "f:missing"), "'missing'"),
        (("measure", "f:truth"), "'truth'"),
        (("measure", "none.py:good"), "'none.py'"),
        (("measure", "f:good", "--truth", "f:other"), "(5,)"),
        (("measure", "f:good", "--truth", "f:missing"), "'missing'"),
        (("measure", "f:good", "--replicates", "1"), "--replicates"),
        (("measure", "f:good", "--replicates", "7", "--truth", "f:truth"), "from 8 up"),
        (("measure", "f:good", "--replicates", "70", "--precision", "2%"), "give one of them"),
        (("measure", "f:good", "--precision", "0%"), "'0%'"),
        (("measure", "f:good", "--precision", "wide"), "'wide'"),
        (("measure", "f:good", "--truth", "f:truth", "--detect", "200%"), "'200%'"),
        (("measure", "f:good", "--truth", "f:truth", "--level", "nan"), "nan"),
        (("measure", "f:good", "--detect", "2%"), "--truth FILE.py:NAME"),
        (("measure", "f:good", "--level", "1e-3"), "--truth FILE.py:NAME"),
        (("measure", "f:good", "--at-most", "1000", "--precision", "1%"), "above at_most = 1,000"),
        (("measure", "f:heavy"), "heavy"),
        (("measure", "f:good", "--html", "none/report.html"), "No such file or directory"),
        (("measure", "f:good", "--html", "report.txt"), "does not end in .html"),
        (("measure", "f:good", "--html", "zero\0.html"), "null byte"),
        (("compare", "f:good"), "two or more"),
        (("compare", "f:good", "f:good"), "given twice"),
        (("compare", "none.py:good", "surplus"), "'surplus'"),
        (("compare", "f:good", "f:loud"), "structure"),
        (("compare", "f:good", "f:bad", "--replicates", "5"), "from 8 up"),
        (("compare", "f:good", "f:bad", "--seconds", "-1"), "-1"),
        (("compare", "f:good", "f:bad", "--seconds", "soon"), "soon"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_bad_input_is_one_line(arguments: tuple[str, ...], word: str) -> None:
    assert word in refused(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [("measure", "f:good", "--html", "none/r.html"), ("measure", "f:good", "--replicates", "0"),
     ("compare", "f:good", "f:bad", "--seconds", "0")],
)  # fmt: skip
def test_options_are_refused_before_a_file_runs(arguments: tuple[str, ...], folder: Path) -> None:
    (folder / "subject.py").write_text("raise AssertionError('the file ran')")
    assert "the file ran" not in refused(*arguments)


def test_an_undecided_bias_is_no_pass() -> None:
    done = reparam("measure", "f:far", "--truth", "f:truth", "--at-most", "2000", "--format", "json")
    assert done.exit_code == 2
    assert json.loads(done.stdout)[0]["biased"] is False
    assert done.stderr.startswith("Error: far is undecided: no bias is found, but one of 5 % of |truth| might have")
    assert "give a larger --at-most or --replicates, or --detect" in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_error_of_a_subject_has_the_frames_of_its_file() -> None:
    done = reparam("measure", "f:raising")
    assert done.exit_code == 2
    *frames, line = done.stderr.splitlines()
    assert line.startswith("Error: subject.py, line 38, raises ValueError: cannot reshape array")
    assert [frame.strip().split(", ")[1:] for frame in frames if "File" in frame] == [
        ["line 41", "in raising"],
        ["line 38", "in helper"],
    ]
    assert "harness" not in done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_inside_a_library_is_reported_at_the_line_of_the_file() -> None:
    done = reparam("measure", "f:inside")
    assert done.exit_code == 2
    assert "Error: subject.py, line 44, raises LinAlgError: Singular matrix" in done.stderr
    assert "numpy" not in done.stderr


def test_an_error_of_the_measuring_code_is_no_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is our own fault keeps its traceback."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("harness.measuring.measure.summary", broken)
    assert isinstance(reparam("measure", "f:good").exception, ZeroDivisionError)


@pytest.mark.parametrize("arguments", [("measure", "f:bad"), ("compare", "f:good", "f:bad")])
def test_a_page_is_written_whatever_the_verdict(arguments: tuple[str, ...], folder: Path) -> None:
    done = reparam(*arguments, "--truth", "f:truth", "--html", "report.html", "--format", "json")
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert done.exit_code == 1
    assert json.loads(done.stdout)
    assert done.stderr == "written: report.html\n"
    assert "<svg" in text
    assert str(folder) not in text
    assert "Is it right?" in text or "Are they right?" in text


def test_no_page_is_left_where_the_measurement_fails(folder: Path) -> None:
    refused("measure", "f:nan", "--html", "report.html")
    assert not (folder / "report.html").exists()


def test_a_page_that_exists_is_kept_where_the_measurement_fails(folder: Path) -> None:
    (folder / "report.html").write_text("an earlier one")
    refused("measure", "f:nan", "--html", "report.html")
    assert (folder / "report.html").read_text() == "an earlier one"


@pytest.mark.parametrize("command", ["measure", "compare"])
def test_help_has_an_example_and_the_exit_status(command: str) -> None:
    done = CliRunner().invoke(main, [command, "--help"])
    assert done.exit_code == 0
    assert f"Example: reparam {command} " in done.output
    assert "Exit status 0; 1 where a bias is found; 2 for bad input" in " ".join(done.output.split())


def test_help_loads_nothing_heavy() -> None:
    program = "import sys; import harness.cli.subjects; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"numpy", "scipy", "pandas", "rich", "torch", "jax", "tensorflow"}


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
def test_an_interrupt_is_one_line() -> None:
    command = [sys.executable, "-m", "harness.cli", "measure", "subject.py:slow", "--replicates", "1000000"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    assert process.stderr.readline() == "started\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert output == ""
    assert errors.replace("started\n", "") == "Interrupted.\n"
