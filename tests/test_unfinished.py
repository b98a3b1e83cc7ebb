"""Commands that store no run: what is finished is kept when they are broken off, and measured once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from backends_for_tests import published
from click.testing import CliRunner

from harness import measure
from harness.cli import main
from harness.errors import BadInputError, MeasurementError
from harness.execution.child import UnavailableError
from harness.execution.cluster import LostError
from harness.execution.local import Workers
from harness.execution.work import Cell, Work
from harness.results import lock, unfinished

PROGRAM = """
import sys
from harness.cli import main
from harness.cli.options import print_measured
import click
from harness.execution.work import Cell, Work

@click.command()
def go():
    log, cells, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    arguments = [dict(number=n, log=log, seconds=seconds) for n in range(cells)]
    cells = [Cell(f"cell {row['number']}", Work("work_for_tests:note_and_record", "light", "cpu", row))
             for row in arguments]
    print_measured(cells, {"number": "measured"}, "csv", keeps=True)

if __name__ == "__main__":
    main.add_command(go)
    main(["go"])
"""

CELLS = 40


@pytest.fixture(scope="module", autouse=True)
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with published(tmp_path_factory.mktemp("published")) as python_path:
        yield python_path


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REPARAM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "unfinished"


def cells(log: Path, count: int = 4) -> list[Cell]:
    rows = [{"number": number, "log": str(log), "seconds": 0.0} for number in range(count)]
    return [Cell(f"cell {row['number']}", Work("work_for_tests:note_and_record", "light", "cpu", row)) for row in rows]


def measured(log: Path) -> list[int]:
    return [int(word) for word in log.read_text().split()] if log.exists() else []


def failing(key: str = "fails") -> Cell:
    return Cell(key, Work("work_for_tests:raise_odd", "light"))


@pytest.mark.parametrize("how", [(signal.SIGINT,), (signal.SIGINT, signal.SIGINT, signal.SIGINT), (signal.SIGKILL,)])
def test_a_command_that_is_broken_off_goes_on_from_there(
    tmp_path: Path, path: str, cache: Path, how: tuple[int, ...]
) -> None:
    program, log = tmp_path / "program.py", tmp_path / "log"
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), str(log), str(CELLS), "0.05"]
    environment = os.environ | {"PYTHONPATH": path}
    run = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def closed() -> int:
        return sum(part.read_text().count('"kind":"cell"') for part in cache.glob("*/*/part-*.jsonl"))

    while closed() < 5:
        assert run.poll() is None
        time.sleep(0.01)
    for one in how:
        run.send_signal(one)
        time.sleep(0.05)
    said, noted = run.communicate(timeout=60)
    kept = closed()
    assert said == ""
    if signal.SIGINT in how:
        assert run.returncode == 130
        told, last = noted.splitlines()[-2:]
        counted, _, rest = told.partition(" ")
        # the signal may come between the write and its count
        assert int(counted) in {kept - 1, kept}
        assert (rest, last) == (f"of {CELLS} cells are kept; the same command goes on from there", "Interrupted.")
    again = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert again.returncode == 0
    assert again.stderr.startswith(f"{kept} of {CELLS} cells are in the cache already; {CELLS - kept} to measure\n")
    assert len(again.stdout.splitlines()) == 1 + CELLS
    assert set(measured(log)) == set(range(CELLS))
    # what was under way when it ended is measured again, and nothing else
    assert CELLS <= len(measured(log)) <= CELLS + 2
    assert not list(cache.glob("*"))


def test_a_failing_cell_ends_no_other_and_is_tried_alone(tmp_path: Path) -> None:
    log = tmp_path / "log"
    planned = [failing(), *cells(log), failing("fails too")]
    for _ in range(2):
        with pytest.raises(measure.FailedCellsError) as caught:
            measure.measure(planned, keeps=True)
        assert str(caught.value).startswith(
            "2 of 6 cells failed; 4 are kept, and the same command tries only these again; the first: fails: OddError"
        )
        assert len(caught.value.records) == 4
        assert measured(log) == [0, 1, 2, 3]


def test_another_command_finds_the_cells_that_it_shares(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(MeasurementError):
        measure.measure([*cells(log), failing()], keeps=True)
    assert len(measure.measure(cells(log, 6)[2:], keeps=True)) == 4
    assert measured(log) == [0, 1, 2, 3, 4, 5]


def test_what_differs_in_anything_is_measured_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"

    def measures(count: int, planned: list[Cell], **how: Any) -> None:
        before = len(measured(log))
        with pytest.raises(MeasurementError):
            measure.measure([*planned, failing()], keeps=True, **how)
        assert len(measured(log)) - before == count

    measures(4, cells(log))
    measures(0, cells(log))
    slower = [
        Cell(cell.key, Work(cell.work.function, "light", "cpu", cell.work.arguments | {"seconds": 0.001}))
        for cell in cells(log)
    ]
    measures(4, slower)
    measures(4, cells(log), threads=1)
    with monkeypatch.context() as patched:
        patched.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
        measures(4, cells(log))
    monkeypatch.setattr(unfinished, "identity", lambda: {"source": "other code"})
    measures(4, cells(log))


def test_nothing_is_kept_unless_it_is_asked_for(tmp_path: Path, cache: Path) -> None:
    log = tmp_path / "log"
    for turn in (1, 2):
        with pytest.raises(measure.FailedCellsError, match=r"^1 of 5 cells failed; the first: fails: OddError"):
            measure.measure([*cells(log), failing()])
        assert len(measured(log)) == 4 * turn
    assert not cache.exists()


def test_a_lost_scheduler_costs_nothing_that_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    stream = Workers.stream

    def lost(self: Workers, given: Any) -> Any:
        for place, pair in enumerate(stream(self, given)):
            if place == 2:
                raise LostError("the Dask scheduler is gone")
            yield pair

    with monkeypatch.context() as patched:
        patched.setattr(Workers, "stream", lost)
        with pytest.raises(LostError):
            measure.measure(cells(log), keeps=True)
    before = len(measured(log))
    assert len(measure.measure(cells(log), keeps=True)) == 4
    assert len(measured(log)) - before == 2


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: data.replace(b"formula 1", b"formula 7")])
def test_what_is_damaged_is_measured_again(tmp_path: Path, cache: Path, damage: Any) -> None:
    log = tmp_path / "log"
    with pytest.raises(MeasurementError):
        measure.measure([*cells(log), failing()], keeps=True)
    (part,) = cache.glob("*/*/part-*.jsonl")
    part.write_bytes(damage(part.read_bytes()))
    records = measure.measure(cells(log), keeps=True)
    assert [record.measured for record in records if hasattr(record, "measured")] == [0.0, 1.0, 2.0, 3.0]
    assert len(measured(log)) == 5


def test_a_cache_that_cannot_be_written_costs_nothing(tmp_path: Path, cache: Path) -> None:
    cache.parent.write_text("a file")
    assert len(measure.measure(cells(tmp_path / "log"), keeps=True)) == 4


def test_what_nobody_comes_back_for_is_removed(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(MeasurementError):
        measure.measure([*cells(tmp_path / "log"), failing()], keeps=True)
    (folder,) = cache.glob("*/*")
    long_ago = time.time() - 2 * unfinished.FORGOTTEN
    # it stays as long as anything in it is young
    for path, gone in (*((path, False) for path in (folder, *folder.iterdir())), (None, True)):
        measure.measure(cells(tmp_path / "log", 2), keeps=True)
        assert folder.exists() is not gone
        if path is not None:
            os.utime(path, (long_ago, long_ago))


def test_what_cannot_be_printed_is_kept(tmp_path: Path, path: str, cache: Path) -> None:
    program, log = tmp_path / "program.py", tmp_path / "log"
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), str(log), "4", "0"]
    environment = os.environ | {"PYTHONPATH": path}
    with open("/dev/full", "w") as full:
        broken = subprocess.run(command, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert broken.returncode == 2
    assert "No space left" in broken.stderr
    again = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "4 of 4 cells are in the cache already; 0 to measure" in again.stderr
    assert len(again.stdout.splitlines()) == 5
    assert measured(log) == [0, 1, 2, 3]
    assert not list(cache.glob("*"))


def test_the_first_of_two_that_ends_leaves_the_other_its_own(tmp_path: Path, cache: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(MeasurementError):
        measure.measure([*cells(log), failing()], keeps=True)
    (folder,) = cache.glob("*/*")
    held = lock.acquire(folder)  # as another process does that measures the same
    flag = Cell("fails", Work("work_for_tests:note_and_record", "light", "cpu", {}))
    with pytest.raises(MeasurementError):
        measure.measure([*cells(log), flag], keeps=True)
    unfinished._remove(folder)
    assert list(folder.glob("part-*.jsonl"))
    os.close(held)
    unfinished._remove(folder)
    assert not cache.exists() or not list(cache.glob("*/*"))


def test_a_framework_that_is_not_there_costs_its_own_cells(tmp_path: Path) -> None:
    log = tmp_path / "log"
    away = Cell("away", Work("work_for_tests:be_unavailable", "light"))
    with pytest.raises(measure.FailedCellsError, match="the first: away: no worker offers") as caught:
        measure.measure([away, *cells(log)])
    assert len(caught.value.records) == 4
    with pytest.raises(UnavailableError):
        measure.measure([away, away])


def test_a_cache_that_cannot_be_read_has_nothing(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(MeasurementError):
        measure.measure([*cells(tmp_path / "log"), failing()], keeps=True)
    (folder,) = cache.glob("*/*")
    (folder / "part-2.jsonl").mkdir()
    os.mkfifo(folder / "part-3.jsonl")
    assert len(measure.measure(cells(tmp_path / "log"), keeps=True)) == 4
    assert measured(tmp_path / "log") == [0, 1, 2, 3]


def test_bad_input_ends_the_command_at_once(tmp_path: Path) -> None:
    refused = Cell("refused", Work("work_for_tests:refuse", "light"))
    with pytest.raises(BadInputError):
        measure.measure([refused, *cells(tmp_path / "log")], keeps=True)


def test_a_check_shows_what_the_other_cells_found(
    installed_backends: list[str], monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    stream, command = Workers.stream, ["check", "--backend", installed_backends[0], "--kernel", "gaussian.cdf"]

    def one_fails(self: Workers, given: Any) -> Any:
        for place, (cell, outcome) in enumerate(stream(self, given)):
            yield cell, MeasurementError("the process died") if place == 0 else outcome

    with monkeypatch.context() as patched:
        patched.setattr(Workers, "stream", one_fails)
        broken = CliRunner().invoke(main, [*command, "--format", "csv"])
    assert broken.exit_code == 1
    assert "Error: 1 of 2 cells failed; 1 are kept, and the same command tries only these again" in broken.stderr
    whole = CliRunner().invoke(main, [*command, "--format", "csv"])
    assert whole.exit_code == 0
    assert "1 of 2 cells are in the cache already; 1 to measure" in whole.stderr
    head, *rows = broken.stdout.splitlines()
    assert rows
    assert {head, *rows} < set(whole.stdout.splitlines())
    assert not list(cache.glob("*"))
