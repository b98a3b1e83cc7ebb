"""Sweeps that run: the dry run, going on after a break, and what a run takes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sweeps_for_tests import SMALL, cells, file, keys, reparam
from work_for_tests import record

from harness import commands, measure
from harness.execution.local import Workers
from harness.execution.work import Cell
from harness.results import store
from harness.results.schema import flat
from harness.sweeps import dry_run, earlier, memory, read, request
from harness.variance import plan as variances


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Measure without a process: each cell has one record; a KeyboardInterrupt comes where the list has "break"."""
    asked: list[str] = []

    def stream(self: Workers, chosen: Sequence[Cell]) -> Iterator[tuple[Cell, Any]]:
        del self
        for number, cell in enumerate(chosen):
            if number == 2 and "break" in asked:
                asked.remove("break")
                raise KeyboardInterrupt
            asked.append(cell.key)
            yield cell, [record(number)]

    monkeypatch.setattr(Workers, "stream", stream)
    monkeypatch.setattr(measure, "describe", lambda backends, *_: {name: {} for name in backends})
    monkeypatch.setattr(commands, "site", lambda _, output: output)
    return asked


def test_a_broken_sweep_goes_on(tmp_path: Path, one: str, measured: list[str]) -> None:
    path, results = file(tmp_path, SMALL.format(backend=one)), tmp_path / "results"
    command = ("run", "--sweep", str(path), "--results", str(results), "--machine", "m")
    measured.append("break")
    assert reparam(*command).exit_code == 130
    assert len(measured) == 2
    done = reparam(*command)
    assert "2 of 4 cells are in" in done.stderr
    assert done.exit_code == 0, done.stderr
    assert sorted(measured) == sorted(keys(cells(path)))
    (run,) = store.read(results)
    assert sorted(run.cells) == sorted(measured)
    assert run.name.endswith("-small")
    assert run.provenance["sweep"] == read.read(path).contents()
    assert run.provenance["command"] == "reparam run --sweep sweep.toml"
    file(tmp_path, SMALL.format(backend=one).replace("2000", "3000"))
    assert reparam(*command).exit_code == 0
    assert len(store.read(results)) == 2


def test_a_dry_run_counts_what_is_there_and_writes_nothing(tmp_path: Path, one: str, measured: list[str]) -> None:
    path, results = file(tmp_path, SMALL.format(backend=one)), tmp_path / "results"
    command = ("run", "--sweep", str(path), "--results", str(results), "--machine", "m")
    dry = (*command, "--dry-run", "--format", "json")
    row, total = json.loads(reparam(*dry).stdout)
    assert (row["cells"], row["finished"], row["seconds"], row["unknown"]) == (4, 0, None, 4)
    assert row["seconds_from"] == f"{dry_run.NO_RECORD}: 4"
    assert not results.exists()
    measured.append("break")
    reparam(*command)
    before = {name: name.read_bytes() for name in results.rglob("*") if name.is_file()}
    row, total = json.loads(reparam(*dry).stdout)
    assert (row["kind"], row["backend"]) == ("variance", one)
    assert (row["cells"], row["finished"], row["unknown"]) == (4, 2, 0)
    assert row["seconds_from"] == "median of the kind: 2"
    assert (total["cells"], total["finished"]) == (4, 2)
    table = reparam(*command, "--dry-run")
    assert "in the store" in table.stdout
    (first, *_) = csv.DictReader(io.StringIO(reparam(*command, "--dry-run", "--format", "csv").stdout))
    assert first["finished"] == "2"
    assert {name: name.read_bytes() for name in results.rglob("*") if name.is_file()} == before
    assert measured.count("break") == 0
    assert len(measured) == 2


def test_a_profile_can_be_dry_run(tmp_path: Path, one: str) -> None:
    rows = json.loads(
        reparam("run", "--profile", "cost", "--backend", one, "--dry-run", "--results", str(tmp_path / "none"),
                "--format", "json").stdout
    )  # fmt: skip
    assert [row["kind"] for row in rows] == ["time", "peak", "all"]
    assert rows[-1]["cells"] == rows[0]["cells"] + rows[1]["cells"]
    assert not (tmp_path / "none").exists()


def part(root: Path, machine: str, run: str, started: str, seconds: dict[str, float]) -> None:
    folder = root / machine / run
    folder.mkdir(parents=True)
    told = {"started": started, "machine": {"name": machine}}
    rows: list[dict[str, Any]] = [{"kind": "run", "schema": 1, "fingerprint": "", "provenance": told}]
    rows += [{"kind": "cell", "key": key, "records": 0, "seconds": value} for key, value in seconds.items()]
    text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
    (folder / "part-1.jsonl").write_text(text + '{"kind":"cell","key":"variance torch torn","sec')


def test_time_is_from_the_same_cell_else_the_median_else_not_known(tmp_path: Path) -> None:
    part(tmp_path, "here", "old", "2026-01-01", {"variance torch a": 9.0})
    measured = {"variance torch a": 1.0, "variance torch b": 3.0, "variance torch c": 4.0}
    part(tmp_path, "here", "new", "2026-02-01", measured | {"failure variance torch d": 99.0})
    part(tmp_path, "there", "new", "2026-03-01", {"variance torch a": 50.0, "memory name=jax x": 7.0})
    (tmp_path / "here" / "new" / "part-2.jsonl").write_bytes(b"\xff no header\n")
    known = earlier.read(tmp_path, {"machine": {"name": "here"}})
    assert known.of("variance torch a") == (1.0, "same cell")
    assert known.of("variance torch z") == (3.0, "median of the kind")
    assert known.of("memory name=jax y") == (7.0, "median of the kind, on there")
    assert known.of("variance jax a") is None


def test_the_memory_of_arrays_is_that_of_a_block(tmp_path: Path, one: str) -> None:
    """4,096 replicates of 2 samples of 10 coordinates: noise in float64, four arrays in float32."""
    (cell,) = variances.plan("pathwise", "norm_squared", {}, dimension=10, samples=2, backends=[one])
    assert memory.of_arrays(cell.work) == 4096 * 2 * 10 * (8 + 4 * 4)
    (wide,) = variances.plan("pathwise", "norm_squared", {}, dimension=10**6, samples=2, backends=[one])
    assert memory.of_arrays(wide.work) == 1 * 2 * 10**6 * (8 + 4 * 4)
    path = file(tmp_path, SMALL.format(backend=one))
    row, total = dry_run.rows(request.of_sweep(path), tmp_path)
    base = memory.of_worker(one)
    assert base is None or (row.bytes or 0) > base
    assert total.bytes == row.bytes


def test_every_reference_backend_of_this_package_has_a_measured_worker() -> None:
    assert set(memory.workers()) == {"torch", "jax", "tensorflow"}
    for row in memory.workers().values():
        assert 10**8 < row["bytes"] < 10**10
        assert row["seen"]


def test_a_sweep_is_measured(tmp_path: Path, one: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """For real, in a worker process: the records are those of the command."""
    monkeypatch.setattr(commands, "site", lambda _, output: output)
    path, results = file(tmp_path, SMALL.format(backend=one).replace("[0, 1]", "1")), tmp_path / "results"
    done = reparam("run", "--sweep", str(path), "--results", str(results))
    assert done.exit_code == 0, done.stderr
    (stored,) = store.read(results)
    alone = reparam("variance", "--estimator", "score_function", "--problem", "quadratic", "--replicates", "2000",
                    "--seed", "1", "--backend", one, "--format", "json")  # fmt: skip
    own = [flat(found) for found in stored.records if getattr(found, "estimator", "") == "score_function"]
    timed = {"seconds_per_gradient", "work_normalized_variance"}
    assert [{k: v for k, v in row.items() if k not in timed} for row in own] == [
        {k: v for k, v in row.items() if k not in timed} for row in json.loads(alone.stdout)
    ]
    assert len(stored.cells) == 2
