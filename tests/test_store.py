"""The store loses nothing, measures nothing twice, and rewrites nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from work_for_tests import record

from harness.errors import BadInputError
from harness.results import provenance, store

PROVENANCE: dict[str, Any] = {
    "started": "2026-01-02T03:04:05+00:00", "profile": "test", "seed": 0, "command": "", "machine": {"name": "m"},
    "versions": {}, "commit": "abcdef0123", "dirty": False, "source": "s", "backends": {},
}  # fmt: skip


def written(root: Path, *cells: tuple[str, int]) -> Path:
    folder, _ = store.resumable(root, PROVENANCE)
    with store.Part(folder, PROVENANCE) as part:
        for key, count in cells:
            part.append(key, [record(number) for number in range(count)])
    return part.path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    written(tmp_path, ("a", 2), ("b", 0), ("c", 1))
    (run,) = store.read(tmp_path)
    assert {key: len(records) for key, records in run.cells.items()} == {"a": 2, "b": 0, "c": 1}
    assert run.records[1] == record(1)
    assert run.provenance == PROVENANCE


def test_a_second_part_goes_on(tmp_path: Path) -> None:
    first = written(tmp_path, ("a", 1))
    before = first.read_bytes()
    second = written(tmp_path, ("b", 1))
    assert second != first
    assert second.parent == first.parent
    assert first.read_bytes() == before
    (run,) = store.read(tmp_path)
    assert set(run.cells) == {"a", "b"}


@pytest.mark.parametrize("change", [{"source": "t"}, {"versions": {"numpy": "0"}}, {"seed": 1}, {"profile": "full"}])
def test_unlike_runs_are_never_merged(tmp_path: Path, change: dict[str, Any]) -> None:
    first = written(tmp_path, ("a", 1))
    folder, earlier = store.resumable(tmp_path, PROVENANCE | change)
    assert earlier is None
    assert folder != first.parent


def test_date_and_commit_do_not_part_runs() -> None:
    assert provenance.fingerprint(PROVENANCE) == provenance.fingerprint(PROVENANCE | {"started": "x", "commit": "y"})


def test_torn_anywhere_loses_no_finished_cell(tmp_path: Path) -> None:
    """Cut the file at every byte: what is read is a prefix of the cells, and the file stays as it is."""
    path = written(tmp_path, ("a", 1), ("b", 2), ("c", 1))
    whole = path.read_bytes()
    ends = [index + 1 for index in range(len(whole)) if whole[index : index + 1] == b"\n"]
    closing = [end for end in ends if b'"kind":"cell"' in whole[:end].splitlines()[-1]]
    for cut in range(ends[0], len(whole) + 1):
        path.write_bytes(whole[:cut])
        (run,) = store.read(tmp_path)
        assert len(run.cells) == sum(end <= cut for end in closing)
        assert bool(run.notes) == (cut not in {ends[0], *closing})
        assert path.read_bytes() == whole[:cut]


def test_a_torn_header_is_passed_over(tmp_path: Path) -> None:
    path = written(tmp_path, ("a", 1))
    path.write_bytes(path.read_bytes()[:20])
    assert store.read(tmp_path) == []
    written(tmp_path, ("a", 1))
    assert [set(run.cells) for run in store.read(tmp_path)] == [{"a"}]


@pytest.mark.parametrize(
    ("line", "text", "message"),
    [
        (1, b'{"kind":"run","schema":99,"fingerprint":"","provenance":{}}', "line 1 has schema 99"),
        (1, b"backend,variance", "line 1 is not the header"),
        (2, b"{}", "line 2 is not a record"),
        (2, b'{"kind":"article","backend":1}', "line 2 is not a record"),
        (3, b'{"kind":"cell","key":"a","records":7,"seconds":0.1}', "line 3 closes a cell of 7 records, 1 stand"),
    ],
)
def test_a_foreign_line_is_named_and_nothing_changes(tmp_path: Path, line: int, text: bytes, message: str) -> None:
    path = written(tmp_path, ("a", 1), ("b", 1))
    lines = path.read_bytes().split(b"\n")
    lines[line - 1] = text
    path.write_bytes(b"\n".join(lines))
    before = path.read_bytes()
    with pytest.raises(BadInputError, match=message) as caught:
        store.read(tmp_path)
    assert "part-1.jsonl" in str(caught.value)
    assert path.read_bytes() == before


PROGRAM = """
import sys
from pathlib import Path
from harness import measure
from harness.execution.work import Cell, Work
if __name__ == "__main__":
    root, log, backend = sys.argv[1:]
    cells = [
        Cell(f"cell {n}", Work("work_for_tests:note_and_record", backend, "cpu", dict(number=n, log=log, seconds=0.02)))
        for n in range(40)
    ]
    from test_store import PROVENANCE
    run = measure.run([measure.Batch(cells)], Path(root), PROVENANCE, fresh=False)
    print(len(run.cells))
"""


def test_killed_runs_measure_every_finished_cell_once(tmp_path: Path, installed_backends: list[str]) -> None:
    """SIGKILL the driver at random moments until a run gets through: no finished cell again, none lost."""
    log, root = tmp_path / "log", tmp_path / "results"
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), str(root), str(log), installed_backends[0]]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    moments = random.Random(0)
    kills = 0
    for _ in range(4):
        cells_before = len(store.read(root)[0].cells) if root.exists() and store.read(root) else 0
        lines_before = len(log.read_text().split()) if log.exists() else 0
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
        wanted = lines_before + moments.randint(3, 9)
        deadline = time.monotonic() + 120
        while (not log.exists() or len(log.read_text().split()) < wanted) and time.monotonic() < deadline:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
        (run,) = store.read(root)
        assert len(run.cells) > cells_before
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["40"]
    measured = [int(line) for line in log.read_text().split()]
    # a cell that was under way at a kill is measured again, a finished one never
    assert set(measured) == set(range(40))
    assert len(measured) - 40 <= kills
    (run,) = store.read(root)
    assert sorted(r.measured for r in run.records) == list(range(40))  # type: ignore[union-attr]
