"""What tests of faults in stored results share: a run of four cells, runs of tiny ones, and a disk that is full."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tiny_run import PROVENANCE
from work_for_tests import record

from harness.results import part, store
from harness.results.schema import Record

TESTS = Path(__file__).parent
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join((str(TESTS.parent), str(TESTS)))}
CELLS = {"a": [record(0), record(1)], "b": [record(2)], "c": [], "d": [record(3)]}
FEW = {key: CELLS[key] for key in ("b", "c")}


def tiny(root: Path, log: Path, *options: str) -> list[str]:
    return [sys.executable, str(TESTS / "tiny_run.py"), "tiny", str(root), str(log), *options]


def ended(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False)


def write_cells(folder: Path, cells: Mapping[str, Sequence[Record]], appended: list[str]) -> Path:
    """Write cells, and say which ones the store has taken."""
    with store.Part(folder, PROVENANCE) as writer:
        for key, records in cells.items():
            writer.append(key, records)
            appended.append(key)
    return writer.path


def written(root: Path, cells: Mapping[str, Sequence[Record]] = CELLS) -> Path:
    folder, _ = store.resumable(root, PROVENANCE)
    return write_cells(folder, cells, [])


def finished(root: Path) -> set[int]:
    """Return the numbers of the cells that are in the store."""
    return {int(key.removeprefix("cell ")) for run in (store.read(root) if root.exists() else []) for key in run.cells}


def measured(log: Path) -> list[int]:
    """Return the numbers of the cells that were measured, in order; those under way at a break stand there twice."""
    return [int(line) for line in log.read_text().split()]


def stored_once(root: Path, log: Path, cells: int) -> None:
    """Assert that every cell is there once, with its number."""
    (run,) = store.read(root)
    assert sorted(one.measured for one in run.records) == list(range(cells))  # type: ignore[union-attr]
    assert all(run.cells[f"cell {n}"] == [record(n)] for n in range(cells))
    stored = [cell.key for path in part.listing(root / run.name) for cell in part.read(path).cells]
    assert sorted(stored) == sorted(run.cells)
    assert set(measured(log)) == set(range(cells))


class Disk:
    """A disk with room for some bytes; what goes beyond is refused as Linux does it, the rest written first."""

    def __init__(self, room: int, error: int) -> None:
        self.room, self.error = room, error

    def write(self, descriptor: int, data: Any) -> int:
        if self.room == 0:
            raise OSError(self.error, os.strerror(self.error))
        count = WRITE(descriptor, data[: self.room])
        self.room -= count
        return count


WRITE = os.write
