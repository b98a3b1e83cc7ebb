"""The search for the worst input: what it draws, what it finds, how it shrinks, and the cases that it adds."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness import dtypes, validation
from harness.agreement import cases
from harness.agreement.checks import Configuration
from harness.agreement.evaluate import Call, Result
from harness.agreement.snippet import snippet
from harness.errors import BadInputError
from harness.execution.session import Session
from harness.results.schema import Check
from harness.search import candidates, domains, judge, rows, run, shrink, worker
from harness.search.candidates import Space
from harness.search.judge import Subject, badness
from implementations import registry
from implementations.interface import contract

KERNELS = contract.kernels()
LENGTHS = {"n": 3, "b": 1, "s": 2}


# what is drawn


def _assert_inside(space: Space, candidate: candidates.Candidate) -> None:
    row = dtypes.find(space.dtype)
    for name, array in candidate.arguments.items():
        np.testing.assert_array_equal(array, dtypes.rounded(array, space.dtype))
        assert np.all((array == 0) | (np.abs(array) >= row.tiny)), name
        domain = space.kernel.domain.get(name)
        if domain:
            validation.require(name, array, domain, space.dtype)
        if name.startswith("logits"):
            assert np.isfinite(array).any()
    inputs = candidates.inputs(candidate, space.dtype)
    assert list(inputs.arguments) == list(space.kernel.arguments)
    for array in (inputs.directions.cotangent, *inputs.directions.tangents.values()):
        np.testing.assert_array_equal(array, dtypes.rounded(array, space.dtype))


@pytest.mark.parametrize("dtype", dtypes.DTYPES)
@settings(max_examples=20, database=None, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_generated_inputs_lie_in_the_domains_and_are_representable(dtype: str, data: st.DataObject) -> None:
    space = Space(data.draw(st.sampled_from(list(KERNELS.values()))), dtype)
    candidate = data.draw(candidates.strategy(space, LENGTHS))
    _assert_inside(space, candidate)
    random = np.random.default_rng(0)
    for neighbour in candidates.neighbours(space, [candidate], 4, random):
        _assert_inside(space, neighbour)
    for simpler in shrink.proposals(space, candidate)[:20]:
        _assert_inside(space, simpler)
        assert shrink.complexity(simpler) < shrink.complexity(candidate)


@pytest.mark.parametrize("kernel", ["categorical.cdf", "gaussian.icdf", "gumbel.gumbel_softmax_from_probs"])
def test_the_same_seed_generates_the_same_inputs(kernel: str) -> None:
    space = Space(KERNELS[kernel], "float32")
    first, again, other = (candidates.generate(space, LENGTHS, 20, seed) for seed in (1, 1, 2))
    assert str(first) == str(again)
    assert str(first) != str(other)


def test_reach_bounds_sizes() -> None:
    space = Space(KERNELS["gaussian.log_prob"], "float64", reach=3)
    for candidate in candidates.generate(space, LENGTHS, 60, 0):
        sizes = np.abs(np.array(list(candidate.arguments.values())))
        assert np.all((sizes == 0) | ((sizes >= 1e-3) & (sizes <= 1e3)))


def test_subnormal_numbers_become_normal_or_zero() -> None:
    tiny = dtypes.find("float32").tiny
    found = domains.normal(np.array([tiny / 4, -0.75 * tiny, tiny, 1.0]), "float32")
    np.testing.assert_array_equal(found, [0.0, -tiny, tiny, 1.0])


# a planted defect, in this process and with NumPy alone


def _linear_softplus(calls: Sequence[Call], _dtype: str) -> list[Result]:
    """Softplus that is the identity above 20, as torch's own (pitfall P1); right in all else."""
    results: list[Result] = []
    for call in calls:
        x, c, t = call["arguments"]["unconstrained"], call["cotangent"], call["tangents"]["unconstrained"]
        linear = x > 20
        slope = np.where(linear, 1.0, np.exp(-np.logaddexp(0, -x)))
        bend = np.where(linear, 0.0, np.exp(-np.logaddexp(0, -x) - np.logaddexp(0, x)))
        value = np.where(linear, x, np.logaddexp(x, 0))
        found = {"value": value, "vjp:unconstrained": c * slope, "jvp": t * slope, "hvp:unconstrained": c * bend * t}
        results.append(found)
    return results


def _planted(seed: int = 0, rounds: int = 6) -> Check:
    where = Configuration("torch", "float64", "cpu", "eager")
    space = Space(KERNELS["gaussian.scale_from_softplus"], "float64")
    subject = Subject(space, where, _linear_softplus, wider=True)
    (record,) = run.of_kernel(subject, seed, run.clock(20.0, rounds))
    return record


def test_a_planted_defect_is_found_and_shrunk() -> None:
    record = _planted()
    assert not record.within_budget
    assert badness(record) > 1e3
    assert record.case == "search"
    given = ast.literal_eval(record.worst_input)
    assert 20 < given["unconstrained"] < 40
    assert len(repr(given["unconstrained"])) <= len("20.03125")


def test_the_same_seed_finds_the_same() -> None:
    assert _planted(3, 2) == _planted(3, 2)


def test_a_right_kernel_is_within_budget() -> None:
    where = Configuration("torch", "float64", "cpu", "eager")
    space = Space(KERNELS["annealing.constant"], "float64")

    def right(calls: Sequence[Call], _dtype: str) -> list[Result]:
        return [
            {
                "value": call["arguments"]["initial"],
                "jvp": call["tangents"]["initial"],
                "vjp:initial": call["cotangent"],
                "hvp:initial": np.zeros_like(call["cotangent"]),
            }
            for call in calls
        ]

    (record,) = run.of_kernel(Subject(space, where, right, wider=True), 0, run.clock(5.0, 2))
    assert record.within_budget
    assert record.comparisons > 0


def test_what_a_backend_raises_is_found() -> None:
    where = Configuration("torch", "float64", "cpu", "eager")
    subject = Subject(
        Space(KERNELS["gaussian.entropy"], "float64"), where, lambda calls, _: ["ValueError: no"] * len(calls), True
    )
    (record,) = run.of_kernel(subject, 0, run.clock(2.0, 1))
    assert (record.error, record.within_budget, record.observed) == (None, False, "ValueError: no")


def _no_oracle(*_: object) -> None:
    raise ZeroDivisionError("log of 0")


def _slow_oracle(*_: object) -> None:
    time.sleep(5)


@pytest.mark.parametrize(("oracle", "words"), [(_no_oracle, "ZeroDivisionError: log of 0"), (_slow_oracle, "Timeout")])
def test_a_failure_of_the_oracle_is_told_apart(
    oracle: Callable[..., None], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge.truth, "of_kernel", oracle)
    monkeypatch.setattr(judge, "TRUTH_SECONDS", 0.2)
    where = Configuration("torch", "float64", "cpu", "eager")
    space = Space(KERNELS["gaussian.scale_from_softplus"], "float64")
    (record,) = run.of_kernel(Subject(space, where, _linear_softplus, True), 0, run.clock(0.5, 1))
    assert judge.subject_of(record) == "oracle"
    assert words in record.observed


def test_ctrl_c_gives_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    planted = _planted(0, 1)

    def interrupted(subject: Subject, _seed: int, _until: object, _each: bool, worst: run.Worst) -> list[Check]:
        if subject.space.kernel.name == "gaussian.cdf":
            return [planted]
        (candidate,) = candidates.generate(subject.space, LENGTHS, 1, 0)
        worst.add(candidate, [_replaced({"kernel": subject.space.kernel.name})])
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "of_kernel", interrupted)
    found = run.search(
        ["gaussian"], "torch", "float64", 1.0, listener=lambda _key, _done, _total, note: said.append(note)
    )
    assert [record.kernel for record in found] == [planted.kernel, "gaussian.entropy"]
    assert "interrupted" in said[-1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"kernels": ["gaussian.cfd"]}, "gaussian.cdf"),
        ({"backend": "torhc"}, "torch"),
        ({"dtype": "float31"}, "float32"),
        ({"seconds": 0.0}, "more than 0"),
        ({"seed": -1}, "0 or above"),
        ({"mode": "eagre"}, "eager"),
        ({"mode": "vmapped"}, "compiled"),
        ({"device": "gpo"}, "gpu"),
        ({"reach": 0.0}, "decades"),
    ],
)
def test_bad_input_is_refused(arguments: dict[str, Any], words: str) -> None:
    usual: dict[str, Any] = {"kernels": [], "backend": "torch", "dtype": "float32", "seconds": 1.0}
    with pytest.raises(BadInputError, match=words):
        run.search(**(usual | arguments))


# a backend


def square_for_softplus(backend: ModuleType, **arguments: Any) -> Any:
    """Evaluate calls with one kernel replaced; runs in the framework's process."""
    right = backend.gaussian.scale_from_softplus
    backend.gaussian.scale_from_softplus = backend.gaussian.scale_from_square
    try:
        return worker.evaluate(backend, **arguments)
    finally:
        backend.gaussian.scale_from_softplus = right


@pytest.mark.skipif(not registry.installed("torch"), reason=registry.install_command("torch"))
def test_a_mutated_backend_is_found() -> None:
    where = Configuration("torch", "float32", "cpu", "eager")
    with Session("torch", threads=1) as session:

        def evaluate(calls: Sequence[Call], dtype: str) -> list[Result]:
            found: list[Result] = session.call(
                f"{__name__}:square_for_softplus", calls=calls, dtype=dtype, compiled=False
            )
            return found

        subject = Subject(Space(KERNELS["gaussian.scale_from_softplus"], "float32"), where, evaluate, wider=True)
        (record,) = run.of_kernel(subject, 0, run.clock(20.0, 2))
    assert not record.within_budget
    assert ast.literal_eval(record.worst_input)["unconstrained"] in (0.0, 1.0)


@pytest.mark.skipif(not registry.installed("torch"), reason=registry.install_command("torch"))
def test_search_gives_one_record_for_each_kernel() -> None:
    found = run.search(["annealing"], "torch", "float32", 1.0, rounds=1)
    assert [record.kernel for record in found] == [name for name in KERNELS if name.startswith("annealing.")]
    assert {record.mode for record in found} == {"eager"}


# what is done with a record

RECORD = Check(
    backend="torch",
    dtype="float32",
    device="cpu",
    kernel="categorical.log_prob",
    case="search",
    mode="eager",
    derivative="vjp:logits",
    error=None,
    unit="eps*condition",
    budget=8.0,
    within_budget=False,
    worst_input="{'value': [0.0, 1.0], 'logits': [-1e999, 0.5], 'cotangent': 1.25}",
    observed='got nan, expected 0 "quoted"',
)


@pytest.mark.skipif(not registry.installed("torch"), reason=registry.install_command("torch"))
@pytest.mark.parametrize("derivative", ["value", "vjp:unconstrained", "jvp", "hvp:unconstrained"])
def test_snippet_of_a_found_record_runs(derivative: str) -> None:
    where = Configuration("torch", "float64", "cpu", "eager")
    subject = Subject(Space(KERNELS["gaussian.scale_from_softplus"], "float64"), where, _linear_softplus, True)
    found = run.of_kernel(subject, 0, run.clock(4.0, 2), each=True)
    (record,) = (record for record in found if record.derivative == derivative)
    done = subprocess.run(
        [sys.executable, "-c", snippet(record)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "expected" in done.stdout


def test_rows_read_back_exactly() -> None:
    (row,) = tomllib.loads(rows.case_rows([RECORD], 7))["case"]
    assert row["inputs"] == {"value": [0.0, 1.0], "logits": [-np.inf, 0.5]}
    assert row["cotangent"] == 1.25
    assert row["name"].startswith("found by search, seed 7, ")


def test_only_defects_of_a_backend_make_cases() -> None:
    within = _replaced({"within_budget": True, "error": 1.0, "observed": ""})
    of_oracle = _replaced({"observed": "the oracle failed: ZeroDivisionError: "})
    assert rows.case_rows([within, of_oracle], 0) == ""


def test_numbers_of_rows_are_exact() -> None:
    number = float(np.float32(0.1)) * 2.0**-100
    record = {"worst_input": f"{{'value': {number!r}, 'loc': -0.0, 'scale': 1e-38}}", "kernel": "gaussian.cdf"}
    (row,) = tomllib.loads(rows.case_rows([_replaced(record)], 0))["case"]
    assert row["inputs"]["value"] == number
    assert np.signbit(row["inputs"]["loc"])


def _replaced(changes: dict[str, Any]) -> Check:
    fields = {name: getattr(RECORD, name) for name in RECORD.__struct_fields__}
    return Check(**(fields | changes))


def test_appending_is_idempotent(tmp_path: Path) -> None:
    path = tmp_path / "found.toml"
    text = rows.case_rows([RECORD, _replaced({"worst_input": "{'value': [1.0], 'logits': [0.5]}"})], 0)
    assert rows.append(path, text) == 2
    before = path.read_text()
    assert rows.append(path, text) == 0
    assert rows.append(path, rows.case_rows([RECORD], 1)) == 0  # another seed, the same input
    assert path.read_text() == before
    assert len(tomllib.loads(before)["case"]) == 2
    assert before.startswith("#")


def test_an_appended_case_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "__file__", str(tmp_path / "__init__.py"))
    rows.append(tmp_path / "found.toml", rows.case_rows([RECORD], 0))
    try:
        (case,) = cases.load()
        assert case.kernel == "categorical.log_prob"
        assert case.row["inputs"]["logits"] == [-np.inf, 0.5]
    finally:
        monkeypatch.undo()
        cases.load.cache_clear()
