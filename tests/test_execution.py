"""One framework per process; a process that dies or raises costs its own cell only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.errors import BadInputError, MeasurementError, without_folders
from harness.execution import child
from harness.execution.local import Workers
from harness.execution.work import Cell, Work
from implementations import registry


def cell(key: str, function: str, backend: str, device: str = "cpu", **arguments: Any) -> Cell:
    return Cell(key, Work(f"work_for_tests:{function}", backend, device, arguments), lambda result: result)


def test_one_process_per_backend(installed_backends: list[str]) -> None:
    cells = [cell(f"{name} {turn}", "process_number", name) for name in installed_backends for turn in range(3)]
    with Workers(processes=2) as workers:
        found: list[Any] = workers.run(cells)
    processes = {name: {pid for pid, loaded in found if loaded.endswith(f".{name}")} for name in installed_backends}
    assert all(len(pids) == 1 for pids in processes.values())
    assert len(set.union(*processes.values())) == len(installed_backends)


def test_a_cell_that_needs_it_has_a_process_in_which_nothing_ran(installed_backends: list[str]) -> None:
    name = installed_backends[0]
    before, alone, after = (cell(key, "process_number", name) for key in ("before", "alone", "after"))
    alone = replace(alone, work=replace(alone.work, alone=True))
    with Workers() as workers:
        found: list[Any] = workers.run([before, alone, after])
    pids = [pid for pid, _ in found]
    assert pids[0] != pids[1]
    assert pids[1] == pids[2]


def test_a_death_and_an_odd_error_cost_one_cell_each(installed_backends: list[str]) -> None:
    name = installed_backends[0]
    cells = [
        cell("dies", "die", name),
        cell("lives", "process_number", name),
        cell("raises", "raise_odd", name),
        cell("lives too", "process_number", name),
    ]
    with Workers() as workers:
        found = {done.key: outcome for done, outcome in workers.stream(cells)}
    assert isinstance(found["dies"], MeasurementError)
    assert "died" in str(found["dies"])
    assert "OddError: first: second" in str(found["raises"])
    assert not isinstance(found["lives"], Exception)
    assert found["lives"] == found["lives too"]


def test_progress_reaches_the_listener(installed_backends: list[str]) -> None:
    heard: list[tuple[str, int, int, str]] = []
    with Workers(listener=lambda *told: heard.append(told)) as workers:
        workers.run([cell("reports", "report_twice", installed_backends[0])])
    assert ("reports", 1, 2, "half") in heard
    assert ("reports", 2, 2, "whole") in heard


def test_a_missing_device_is_bad_input(backend: str) -> None:
    cells = [cell("gpu", "process_number", backend, "gpu")]
    with Workers() as workers:
        ((_, outcome),) = list(workers.stream(cells))
    if not isinstance(outcome, Exception):
        pytest.skip("this machine has a GPU")
    assert isinstance(outcome, BadInputError)
    assert "--device cpu" in str(outcome)
    assert "\n" not in str(outcome)


@pytest.mark.parametrize("processes", [1, 2])
def test_compiled_programs_are_kept_only_where_nothing_is_timed(
    backend: str, processes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPARAM_CACHE", str(tmp_path))
    names = [name for name, _ in registry.find(backend).keeps_programs]
    assert names
    for name in names:
        monkeypatch.delenv(name, raising=False)
    with Workers(processes) as workers:
        found: Any = workers.run([cell("environment", "environment", backend)])
    kept = [name for name in names if name in found[0]]
    assert kept == (names if processes > 1 else [])
    assert (tmp_path / "programs" / backend).is_dir() == (processes > 1)


def test_a_cache_of_the_user_stays(backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPARAM_CACHE", str(tmp_path))
    name, _ = registry.find(backend).keeps_programs[0]
    monkeypatch.setenv(name, "")
    with Workers(2) as workers:
        found: Any = workers.run([cell("environment", "environment", backend)])
    assert found[0][name] == ""


def test_programs_are_not_kept_where_the_folder_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("REPARAM_CACHE", str(blocked))
    assert child.keeping("torch") == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("DataLossError: Can't parse /tmp/a/b.pb as proto", "DataLossError: Can't parse b.pb as proto"),
        ("see https://example.org/a/b and 3/4 of x/y", "see https://example.org/a/b and 3/4 of x/y"),
        ("'/home/me/x.py', line 3", "'x.py', line 3"),
        ("no path", "no path"),
    ],
)
def test_messages_name_no_folder_of_this_machine(text: str, expected: str) -> None:
    assert without_folders(text) == expected
