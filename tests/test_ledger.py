"""The ledgers of the libraries: strict both ways, readable, and true of this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from conftest import Pool

from harness.agreement import checks, inputs, ledger, plan, verdict
from harness.agreement.cases import find, load
from harness.agreement.ledger import LISTED, NEW, VANISHED, Place
from harness.agreement.snippet import snippet
from harness.errors import BadInputError
from harness.results.schema import Check
from implementations import registry
from implementations.interface import contract

KERNELS = contract.kernels()
LIBRARIES = [row.name for row in registry.backends().values() if row.kind == "library"]
CASES = {(case.kernel, case.name) for case in load()}


def _check(case: str, within: bool) -> Check:
    return Check(
        backend="numpyro",
        dtype="float32",
        device="cpu",
        kernel="gaussian.cdf",
        case=case,
        mode="compiled",
        derivative="value",
        error=1.0 if within else None,
        unit="",
        budget=8.0,
        within_budget=within,
        worst_input="{}",
        observed="" if within else "got nan, expected 1",
    )


def _place(case: str) -> Place:
    return Place("gaussian.cdf", case, "float32", "compiled", "value")


@pytest.fixture
def one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger that lists the case "a"."""
    file = tmp_path / "numpyro.toml"
    monkeypatch.setattr(ledger, "path", lambda _: file)
    file.write_text(ledger.text("numpyro", [_check("a", within=False)], {}))
    return file


@pytest.mark.parametrize(
    ("records", "states", "missing"),
    [
        ([("a", False)], [LISTED], 0),
        ([("a", False), ("b", True)], [LISTED, ""], 0),
        ([("a", False), ("b", False)], [LISTED, NEW], 0),
        ([("a", True)], [VANISHED], 0),
        ([("b", True)], [""], 1),
    ],
)
def test_strict_both_ways(one_row: Path, records: list[tuple[str, bool]], states: list[str], missing: int) -> None:
    assert one_row.exists()
    found = verdict.judge([_check(case, within) for case, within in records], (), ())
    assert [record.deviation for record in found.records] == states
    assert len(found.missing) == missing
    assert found.sound == (set(states) <= {LISTED, ""} and not missing)


def test_rows_outside_the_choice_are_not_expected(one_row: Path) -> None:
    assert one_row.exists()
    records = [_check("b", within=True)]
    assert verdict.judge(records, ["gumbel"], ()).sound
    assert verdict.judge(records, (), ["b"]).sound
    assert not verdict.judge(records, ["gaussian"], ()).sound
    other = [msgspec.structs.replace(record, dtype="float64") for record in records]
    assert verdict.judge(other, (), ()).sound


def test_reference_backends_have_no_ledger() -> None:
    record = msgspec.structs.replace(_check("a", within=False), backend="torch")
    found = verdict.judge([record], (), ())
    assert (found.records[0].deviation, found.failures) == ("", [record])


def test_update_keeps_what_was_not_met(one_row: Path) -> None:
    verdict.update([_check("b", within=False)], (), ["b"])
    assert set(ledger.load(one_row).rows) == {_place("a"), _place("b")}
    verdict.update([_check("a", within=True), _check("b", within=False)], (), ())
    assert set(ledger.load(one_row).rows) == {_place("b")}


@pytest.mark.parametrize("library", LIBRARIES)
def test_rows_name_what_exists_and_have_a_cause(library: str) -> None:
    found = ledger.load(ledger.path(library))
    assert found.versions
    for row, observed in found.rows.items():
        assert (row.kernel, row.case) in CASES
        assert registry.offers(library, row.kernel)
        assert row.dtype in ledger.DTYPES
        assert observed
        record = msgspec.structs.replace(
            _check(row.case, within=False), backend=library, kernel=row.kernel, derivative=row.derivative
        )
        assert ledger.cause(record).text, row


def test_sixteen_bits_are_refused_for_a_library() -> None:
    with pytest.raises(BadInputError, match="float32 or float64"):
        plan.plan(backends=["numpyro"], dtypes=["bfloat16"])


@pytest.mark.parametrize("library", LIBRARIES)
def test_ledger_holds_on_this_machine(library: str, workers: Pool) -> None:
    """The modules in which most deviates, float64: each listed deviation is seen, and no other."""
    if not registry.installed(library):
        pytest.skip(f"{library} is not installed")
    if dict(ledger.load(ledger.path(library)).versions) != ledger.versions(library):
        pytest.skip("the ledger was recorded on other versions")
    chosen = ["gaussian", "divergences.kl_normal", "fisher.gauss_newton"]
    cells = plan.plan(chosen, backends=[library], dtypes=["float64"])
    records = [record for found in workers.run(cells) for record in found]
    found = verdict.judge([record for record in records if isinstance(record, Check)], chosen, ())
    assert [f"{r.kernel} {r.case} {r.derivative} {r.deviation}: {r.observed}" for r in found.failures] == []
    assert found.missing == []
    assert found.listed


def record_of(backend: str, kernel: str, case: str, derivative: str, mode: str, dtype: str) -> Check:
    """A record at the inputs of a case of one entry."""
    arguments, (cotangent, tangents) = inputs.build(find(kernel, case), KERNELS[kernel], dtype)
    given = {name: array.tolist() for name, array in arguments.items()}
    given |= {"cotangent": cotangent.tolist(), "tangents": {name: part.tolist() for name, part in tangents.items()}}
    return msgspec.structs.replace(
        _check(case, within=False), backend=backend, kernel=kernel, derivative=derivative, mode=mode, dtype=dtype,
        worst_input=checks.literal(given),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("library", "kernel", "case", "derivative", "mode", "right"),
    [
        ("torch_distributions", "gaussian.cdf", "left tail", "value", "eager", False),
        ("torch_distributions", "gaussian.scale_from_softplus", "left tail", "hvp:unconstrained", "eager", True),
        ("numpyro", "divergences.kl_normal", "large locs", "hvp:scale_q", "vmapped", True),
        ("numpyro", "divergences.kl_normal", "near equality", "value", "compiled", False),
        ("tensorflow_probability", "gaussian.cdf", "left tail", "jvp", "compiled", True),
    ],
)
def test_snippet_of_a_library_stands_alone(
    library: str, kernel: str, case: str, derivative: str, mode: str, right: bool, tmp_path: Path
) -> None:
    """Run outside of the project, with nothing of it in the text."""
    if not registry.installed(library):
        pytest.skip(f"{library} is not installed")
    program = snippet(record_of(library, kernel, case, derivative, mode, "float32"))
    assert "implementations" not in program
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    got, expected = (
        float(json.loads(line.split(maxsplit=1)[1].replace("'", ""))) for line in done.stdout.splitlines()[-2:]
    )
    assert (abs(got - expected) <= 1e-5 * abs(expected)) == right
