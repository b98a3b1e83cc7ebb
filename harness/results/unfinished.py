"""What a command has finished that was broken off: kept in the cache, and found again by the same command.

Commands that store no run print their records at the end. Until then each finished cell stands in

    CACHE/unfinished/CONTEXT/COMMAND/part-1.jsonl

a results file like any other (see `harness.results.store`); the folder goes when the command has printed them.
The context is what two processes must share to give the same numbers: machine or scheduler, code, versions, settings,
threads. A cell is found again by a hash of its key and its work, also by a command that asks for some of them only.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import platform
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from harness import closing, folders
from harness.errors import BadInputError
from harness.execution.identity import identity
from harness.execution.work import Cell
from harness.results import lock
from harness.results import part as parts
from harness.results.schema import Record
from harness.results.writing import Part

#: How environment variables begin by which frameworks and their libraries are set: any may change a number.
SETTINGS = (
    "CUDA",
    "CUBLAS",
    "CUDNN",
    "JAX",
    "KMP",
    "MKL",
    "NVIDIA",
    "NPY",
    "OMP",
    "ONEDNN",
    "OPENBLAS",
    "PYTORCH",
    "TF",
    "TORCH",
    "XLA",
)

#: Seconds after which nobody comes back for what was broken off.
FORGOTTEN = 7 * 86_400.0


def _digest(*said: object) -> str:
    return hashlib.sha256(pickle.dumps(said)).hexdigest()[:32]


def _name(cell: Cell) -> str:
    """Return what a cell is stored under: its key, and a hash of all that its work is given."""
    return f"{_digest(cell.key, cell.work)} {cell.key}"


def _read(folder: Path) -> dict[str, Sequence[Record]]:
    """Return the whole cells in a folder. What is damaged there is measured again, like everything in a cache."""
    found: dict[str, Sequence[Record]] = {}
    for path in filter(Path.is_file, parts.listing(folder)):
        with suppress(BadInputError):
            found |= {cell.key: cell.records for cell in parts.read(path).cells}
    return found


def _remove(folder: Path) -> None:
    """Remove what a command has kept, unless another one just like it is under way."""
    with suppress(OSError, BadInputError):
        held = lock.acquire(folder)
        try:
            shutil.rmtree(folder)
        finally:
            os.close(held)
        folder.parent.rmdir()  # which fails where other commands have something in it


def _forget(root: Path) -> None:
    """Remove what nobody has come back for."""
    for folder in root.glob("*/*"):
        with suppress(OSError):
            last = max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
            if time.time() - last > FORGOTTEN:
                _remove(folder)


def _found(context: Path) -> dict[str, Sequence[Record]]:
    found: dict[str, Sequence[Record]] = {}
    with suppress(OSError):  # a cache that cannot be read has nothing
        for folder in sorted(context.glob("*")):
            found |= _read(folder)
    return found


def _cores() -> int | None:
    """Return how many cores this process may use: frameworks share out sums by it."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


class Unfinished:
    """The finished cells of a command that is under way; a context that ends with the command's measurements.

    Where the cache cannot be written, nothing is kept.

    Attributes:
        done: the records of cells that were finished before, by key.
        count: how many cells are finished and kept by now.
    """

    def __init__(self, cells: Sequence[Cell], threads: int, scheduler: str = "") -> None:
        """Look for what was finished before.

        Args:
            cells: all that the command measures.
            threads: of one operation.
            scheduler: address of the one whose workers measure; "" for this machine.
        """
        self._names = {cell.key: _name(cell) for cell in cells}
        root = folders.cache() / "unfinished"
        with suppress(OSError):
            _forget(root)
        settings = sorted(pair for pair in os.environ.items() if pair[0].startswith(SETTINGS))
        place = (platform.node(), _cores(), threads, scheduler)
        context = root / _digest(sorted(identity().items()), settings, place)
        self._folder = context / _digest(*self._names.values())
        found = _found(context)
        self.done = {key: found[name] for key, name in self._names.items() if name in found}
        self.count = len(self.done)
        self._part: Part | None = None
        self._writes = True

    def __enter__(self) -> Unfinished:
        return self

    def keep(self, cell: Cell, records: Sequence[Record]) -> None:
        """Keep the records of a finished cell; one without records is a part of another, and is not finished."""
        if not records or not self._writes:
            return
        try:
            if self._part is None:
                self._part = Part(self._folder, {"cells": len(self._names)}, len(self._names))
            self._part.append(self._names[cell.key], records)
        except BadInputError:
            self._writes = False  # the disk is full, or another process measures just the same
        else:
            self.count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._part is not None:
            self._part.__exit__(kind, error, trace)
        if error is None:
            closing.at_end(lambda: _remove(self._folder))
