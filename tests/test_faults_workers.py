"""What workers do: they are killed, hang, run out of memory, crash on import; each costs its own cell, and says why."""

from __future__ import annotations

import gc
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from backends_for_tests import published
from work_for_tests import record

from harness import measure
from harness.errors import BadInputError, MeasurementError
from harness.execution import soak
from harness.execution.child import call
from harness.execution.engine import Engine
from harness.execution.local import Workers
from harness.execution.pool import FrameworkPool
from harness.execution.process import DiedError, FrameworkProcess, cause
from harness.execution.work import Cell, Task, Work
from harness.results import store
from harness.results.schema import Failure


@pytest.fixture(scope="module", autouse=True)
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with published(tmp_path_factory.mktemp("published")) as python_path:
        yield python_path


def cell(key: str, function: str, backend: str = "light", **arguments: Any) -> Cell:
    return Cell(key, Work(f"work_for_tests:{function}", backend, "cpu", arguments), lambda result: result)


def outcomes(cells: list[Cell], time_limit: float = math.inf, processes: int = 1) -> dict[str, Any]:
    with Workers(processes, engine=Engine(time_limit=time_limit)) as workers:
        return {done.key: outcome for done, outcome in workers.stream(cells)}


def test_a_killed_process_is_tried_again_and_gives_the_same(tmp_path: Path) -> None:
    flag = tmp_path / "killed"
    found = outcomes([cell("before", "draw", seed=1), cell("killed", "draw_on_second_try", seed=2, flag=str(flag))])
    assert flag.exists()
    assert found == outcomes([cell("before", "draw", seed=1), cell("killed", "draw", seed=2)])


def test_a_cell_that_is_killed_twice_fails_with_the_signal(tmp_path: Path) -> None:
    log = tmp_path / "log"
    found = outcomes([cell("killed", "kill_itself", log=str(log)), cell("after", "draw", seed=1)])
    assert len(log.read_text().split()) == 2
    assert isinstance(found["killed"], MeasurementError)
    assert str(found["killed"]) == "the light process died: killed by signal 9 (SIGKILL), perhaps out of memory"
    assert not isinstance(found["after"], Exception)


@pytest.mark.parametrize(
    ("code", "text"), [(-11, "signal 11 (SIGSEGV)"), (-9, "perhaps out of memory"), (3, "exit status 3")]
)
def test_causes(code: int, text: str) -> None:
    assert text in cause(code)


def test_a_hung_cell_is_killed_and_says_how_to_allow_more() -> None:
    found = outcomes([cell("hangs", "hang"), cell("after", "draw", seed=1)], time_limit=2.0)
    assert isinstance(found["hangs"], MeasurementError)
    assert "not finished after 2 s" in str(found["hangs"])
    assert "--time-limit" in str(found["hangs"])
    assert not isinstance(found["after"], Exception)


def test_a_process_that_leaves_a_child_behind_is_seen_to_die(tmp_path: Path) -> None:
    """A forked grandchild holds the pipe open: its end does not tell that the process died."""
    log = tmp_path / "log"
    found = outcomes([cell("forks", "fork_and_die", log=str(log)), cell("after", "draw", seed=1)])
    os.kill(int(log.read_text()), signal.SIGKILL)  # it lives still
    assert "exit status 7" in str(found["forks"])
    assert not isinstance(found["after"], Exception)


def test_memory_that_is_not_there_is_a_failure_of_its_cell() -> None:
    found = outcomes([cell("large", "allocate"), cell("after", "draw", seed=1)])
    assert "MemoryError" in str(found["large"])
    assert not isinstance(found["after"], Exception)


def test_a_crash_on_import_starts_no_process_for_every_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = tmp_path / "tried"
    monkeypatch.setenv("REPARAM_TRIED", str(tried))
    cells = [cell(f"{name} {turn}", "draw", name, seed=turn) for turn in range(20) for name in ("crashing", "light")]
    found = outcomes(cells, processes=2)
    assert len(tried.read_text().split()) == 2
    for turn in range(20):
        assert "killed by signal 11 (SIGSEGV)" in str(found[f"crashing {turn}"])
        assert not isinstance(found[f"light {turn}"], Exception)


def test_an_error_on_import_is_said_for_every_cell() -> None:
    found = outcomes([cell(f"{turn}", "draw", "raising", seed=turn) for turn in range(5)])
    assert len(found) == 5
    assert all("libnothing.so" in str(outcome) for outcome in found.values())


@pytest.mark.parametrize(
    ("function", "text"),
    [
        ("raise_odd", "OddError: first: second"),
        ("raise_odd_bad_input", "OddBadInputError: first: second"),
        ("return_what_cannot_be_sent", "cannot be sent"),
        ("return_what_cannot_be_read", "cannot be read"),
        ("leave", "exit status 5"),
    ],
)
def test_what_cannot_come_back_is_a_failure_of_its_cell(function: str, text: str) -> None:
    found = outcomes([cell("odd", function), cell("after", "draw", seed=1)])
    assert isinstance(found["odd"], MeasurementError)
    assert text in str(found["odd"])
    assert not isinstance(found["after"], Exception)


def test_many_reports_and_large_data_do_not_hold_a_process_up() -> None:
    heard: list[int] = []
    cells = [cell("large", "echo", numbers=bytes(3_000_000)), cell("reports", "report_often", times=5_000)]
    with Workers(listener=lambda *told: heard.append(told[1]), engine=Engine(time_limit=60)) as workers:
        sent, _ = workers.run(cells)
    assert sent == bytes(3_000_000)
    assert max(heard) == 5_000


def test_a_listener_that_fails_changes_no_result() -> None:
    """A process that is left in the midst of a cell would answer the next cell with this one's result."""

    def broken(key: str, done: int, total: int, note: str) -> None:
        raise BrokenPipeError(f"{key} {done} {total} {note}")

    cells = [cell("reports", "report_often", times=3), cell("drawn", "draw", seed=1)]
    with Workers(listener=broken) as workers:
        assert [*workers.run(cells)] == [[], outcomes(cells)["drawn"]]


def test_a_process_in_the_midst_of_a_task_takes_no_other() -> None:
    def broken(key: str, done: int, total: int, note: str) -> None:
        raise BrokenPipeError(f"{key} {done} {total} {note}")

    process = FrameworkProcess("light")
    try:
        with pytest.raises(BrokenPipeError):
            process.call(call, Task(cell("reports", "report_often", times=3).work), broken)
        with pytest.raises(DiedError):
            process.call(call, Task(cell("drawn", "draw", seed=1).work))
    finally:
        process.close()


def test_a_failure_is_a_record_and_the_same_run_tries_it_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from test_store import PROVENANCE

    flag = tmp_path / "flag"
    cells = [
        Cell("good", Work("work_for_tests:note_and_record", "light", "cpu",
                          {"number": 1, "log": str(tmp_path / "log"), "seconds": 0.0})),
        Cell("bad", Work("work_for_tests:fail_until", "light", "cpu", {"flag": str(flag)})),
    ]  # fmt: skip
    first = measure.run([measure.Batch(cells)], tmp_path / "results", PROVENANCE, fresh=False)
    assert capsys.readouterr().err.splitlines()[-1] == (
        "1 cells failed; the same command tries them again, and nothing else"
    )
    (failure,) = [row for row in first.records if isinstance(row, Failure)]
    assert failure.cell == "bad"
    assert failure.reason == "cannot import name from flag"
    flag.touch()
    second = measure.run([measure.Batch(cells)], tmp_path / "results", PROVENANCE, fresh=False)
    assert [row for row in second.records if isinstance(row, Failure)] == []
    assert record(2) in second.records
    assert (tmp_path / "log").read_text().split() == ["1"]


@pytest.mark.parametrize("cells", [0, 1, 300])
def test_a_generator_is_read_a_little_ahead(cells: int) -> None:
    read: list[int] = []

    def sweep() -> Iterator[Cell]:
        for number in range(cells):
            read.append(number)
            yield cell(f"{number}", "draw", ("light", "shade")[number % 2], seed=number)

    finished = ahead = 0
    with Workers(2) as workers:
        for _ in workers.stream(sweep()):
            finished += 1
            ahead = max(ahead, len(read) - finished)
    assert finished == cells
    assert ahead <= FrameworkPool.window


def test_one_worker_and_two_give_the_same() -> None:
    cells = [cell(f"{name} {seed}", "draw", name, seed=seed) for seed in range(50) for name in ("light", "shade")]
    assert outcomes(cells, processes=1) == outcomes(cells, processes=2)


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan])
def test_a_time_limit_that_allows_nothing_is_bad_input(seconds: float) -> None:
    with pytest.raises(BadInputError, match=r"--time-limit is .*allowed: above 0"):
        Engine(time_limit=seconds)


PROGRAM = """
import sys
from pathlib import Path
from harness import measure
from harness.cli import main
import click
from harness.execution.work import Cell, Work

@click.command()
def go():
    from test_store import PROVENANCE
    root, log = sys.argv[1:]
    cells = [
        Cell(f"cell {n}", Work("work_for_tests:note_and_record", name, "cpu", dict(number=n, log=log, seconds=0.05)))
        for n in range(100) for name in ["light"]
    ]
    print(len(measure.run([measure.Batch(cells, processes=2)], Path(root), PROVENANCE, fresh=False).cells))

if __name__ == "__main__":
    main.add_command(go)
    main(["go"])
"""


def test_an_interrupt_ends_in_one_line_and_keeps_what_is_finished(tmp_path: Path, path: str) -> None:
    program, log, root = tmp_path / "program.py", tmp_path / "log", tmp_path / "results"
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), str(root), str(log)]
    run = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path}, stderr=subprocess.PIPE, text=True)

    def closed() -> int:
        return sum(part.read_text().count('"kind":"cell"') for part in root.glob("*/*/part-*.jsonl"))

    while closed() < 9:
        assert run.poll() is None
        time.sleep(0.01)
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "Traceback" not in said
    assert said.splitlines()[-2:] == ["what was finished is kept; the same command goes on from there", "Interrupted."]
    (stored,) = store.read(root)
    assert len(stored.cells) >= 9
    assert len(stored.cells) <= len(log.read_text().split())


def test_a_pool_ends_at_once_though_its_cells_hang() -> None:
    with Workers(2) as workers:
        stream = workers.stream([cell("good", "draw", seed=1), cell("hangs", "hang", "shade")])
        done, _ = next(stream)
    assert done.key == "good"
    assert not [thread for thread in threading.enumerate() if "_run" in thread.name]


def test_a_long_run_takes_no_more_memory_and_no_more_files(tmp_path: Path) -> None:
    found = soak.soak(1_200, "light", tmp_path / "machine" / "soak")
    assert found.failed == 0
    (run,) = store.read(tmp_path)
    assert len(run.cells) == 1_200
    assert found.end.descriptors <= found.start.descriptors
    assert found.end.bytes - found.start.bytes < 2**20


def test_processes_that_die_leave_no_files_open() -> None:
    descriptors = psutil.Process().num_fds()
    outcomes([cell(f"{turn}", "leave") for turn in range(4)])
    gc.collect()
    assert psutil.Process().num_fds() <= descriptors
