"""One framework per process; a process that dies or raises costs its own cell only."""

from __future__ import annotations

from typing import Any

import pytest

from harness.errors import BadInputError, MeasurementError
from harness.execution.local import Workers
from harness.execution.work import Cell, Work


def cell(key: str, function: str, backend: str, device: str = "cpu", **arguments: Any) -> Cell:
    return Cell(key, Work(f"work_for_tests:{function}", backend, device, arguments), lambda result: result)


def test_one_process_per_backend(installed_backends: list[str]) -> None:
    cells = [cell(f"{name} {turn}", "process_number", name) for name in installed_backends for turn in range(3)]
    with Workers(processes=2) as workers:
        found: list[Any] = workers.run(cells)
    processes = {name: {pid for pid, loaded in found if loaded.endswith(f".{name}")} for name in installed_backends}
    assert all(len(pids) == 1 for pids in processes.values())
    assert len(set.union(*processes.values())) == len(installed_backends)


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
