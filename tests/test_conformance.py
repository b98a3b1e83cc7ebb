"""The check as the command line runs it: what the full check covers, what is said, what is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from test_ledger import record_of

from harness import dtypes, modes
from harness.agreement import conformance, ledger
from harness.agreement.verdict import Verdict
from harness.backends import is_library
from harness.cli import main
from implementations import registry

INSTALLED = [name for name in registry.backends() if registry.installed(name)]


def test_the_full_check_covers_every_backend_dtype_and_mode() -> None:
    keys = [cell.key.split() for cell in conformance.everything(["bernoulli"], ())]
    covered = {(words[1], *words[3:6:2]) for words in keys}  # check BACKEND module DTYPE device MODE
    references = [name for name in INSTALLED if not is_library(name)]
    offering = {name for name in INSTALLED if registry.offers(name, "bernoulli.log_prob")}
    assert {backend for backend, _, _ in covered} == offering
    products = {cell.work.backend for cell in conformance.everything(["fisher.gauss_newton"], ())}
    assert offering | products == set(INSTALLED)
    assert products == {name for name in INSTALLED if registry.offers(name, "fisher.gauss_newton")}
    for name in references:
        assert {dtype for backend, dtype, _ in covered if backend == name} == set(dtypes.DTYPES)
        assert {mode for backend, _, mode in covered if backend == name} == set(modes.MODES)


def test_a_library_is_judged_where_its_ledger_reaches() -> None:
    for name in INSTALLED:
        if is_library(name):
            places = {(row.dtype, row.mode) for row in ledger.load(ledger.path(name)).rows}
            keys = [cell.key.split() for cell in conformance.everything(["gaussian"], ()) if cell.work.backend == name]
            assert {(words[3], words[5]) for words in keys} <= places


def _vanished() -> Verdict:
    record = record_of("numpyro", "gaussian.cdf", "left tail", "value", "compiled", "float32")
    place = ledger.Place("gaussian.cdf", "bogus", "float32", "compiled", "value")
    return Verdict(ledger.judge([record], {}), [("numpyro", place)])


def test_the_summary_names_rows_that_were_not_met() -> None:
    lines = conformance.summary(_vanished())
    assert lines[0].startswith("1 comparisons of 1 numbers, 1 out of budget")
    assert lines[1] == "  numpyro float32: 1 value, 0 vjp, 0 jvp, 0 hvp"
    assert lines[-1].startswith("numpyro.toml lists gaussian.cdf | bogus | float32 | compiled | value")
    assert conformance.describe(_vanished().records[0]).startswith("Not listed in numpyro.toml: gaussian.cdf left tail")


def test_programs_are_written_one_for_each(tmp_path: Path) -> None:
    assert conformance.write_snippets(_vanished().records, tmp_path / "new") == 1
    (file,) = (tmp_path / "new").iterdir()
    assert file.name == "numpyro-gaussian_cdf-left_tail-value-float32-compiled.py"
    assert "numpyro" in file.read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--add"], "--search"),
        (["--search", "-1"], "more than 0 seconds"),
        (["--mode", "egaer"], "eager"),
        (["--backend", "numpyro", "--dtype", "float16"], "float32 or float64"),
        (["--generators", "--backend", "numpyro"], "numpyro"),
    ],
    ids=" ".join,
)
def test_bad_input_is_said_in_one_line(words: list[str], said: str) -> None:
    if "numpyro" in words and not registry.installed("numpyro"):
        pytest.skip("numpyro is not installed")
    done = CliRunner().invoke(main, ["check", *words])
    assert done.exit_code == 2, done.output
    assert said in done.output
    assert "Traceback" not in done.output
