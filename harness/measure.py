"""A run: measure every cell that is not in the store yet, and put each there as soon as it is finished."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.console import note, progress
from harness.errors import BadInputError, MeasurementError, without_folders
from harness.execution.child import UnavailableError
from harness.execution.engine import Engine
from harness.execution.local import Workers
from harness.execution.work import Cell, Work
from harness.results import store
from harness.results.schema import Failure, Record
from harness.results.unfinished import Unfinished


@dataclass(frozen=True)
class Batch:
    """Cells that run under the same conditions.

    Attributes:
        cells: to be measured; gone through several times, so that they may be made on the way.
        processes: frameworks that compute at once; 1 where time is measured.
        threads: threads of one operation; 0 is the framework's own choice.
    """

    cells: Collection[Cell]
    processes: int = 1
    threads: int = 0


def _failure(cell: Cell, error: Exception) -> Failure:
    arguments = cell.work.arguments
    dtype = str(arguments.get("dtype", ""))
    reason = without_folders(" ".join(f"{error}".split())) or type(error).__name__
    return Failure(backend=cell.work.backend, dtype=dtype, device=cell.work.device, cell=cell.key, reason=reason)


@dataclass(frozen=True)
class _Waiting:
    """The cells that are not finished yet, gone through anew each time: a sweep need not be held in memory."""

    cells: Iterable[Cell]
    done: Container[str]

    def __iter__(self) -> Iterator[Cell]:
        return (cell for cell in self.cells if cell.key not in self.done)


def describe(backends: Sequence[str], device: str = "cpu", engine: Engine | None = None) -> dict[str, dict[str, Any]]:
    """Return what each backend says of its process on a device: version, device, flags.

    Args:
        backends: names.
        device: "cpu" or "gpu".
        engine: which machines are asked.

    Raises:
        UnavailableError: a backend does not see the device.
    """
    found: dict[str, dict[str, Any]] = {}

    def keep(backend: str) -> Callable[[dict[str, Any]], Sequence[Record]]:
        def finish(result: dict[str, Any]) -> Sequence[Record]:
            found[backend] = result
            return ()

        return finish

    cells = [
        Cell(f"describe {name} {device}", Work("harness.execution.child:describe", name, device), keep(name))
        for name in backends
    ]
    with Workers(processes=2, engine=engine) as workers:
        workers.run(cells)
    return {name: found[name] for name in backends}


class FailedCellsError(MeasurementError):
    """Cells failed, and all others were measured.

    Attributes:
        records: of the others, in the order of the cells.
    """

    def __init__(self, message: str, records: list[Record]) -> None:
        super().__init__(message)
        self.records = records


def _told(failed: Sequence[tuple[str, Exception]], total: int, kept: int) -> str:
    """Return what is said of cells that failed."""
    key, error = failed[0]
    if total == 1:
        return str(error)
    rest = f"; {kept} are kept, and the same command tries only these again" if kept else ""
    return f"{len(failed)} of {total} cells failed{rest}; the first: {key}: {error}"


def measure(
    cells: Sequence[Cell], processes: int = 1, threads: int = 0, engine: Engine | None = None, *, keeps: bool = False
) -> list[Record]:
    """Measure cells with progress on standard error, and return their records in the order of the cells.

    A cell that fails ends no other, but for bad input; a device or a framework that is missing costs its own cells.

    Args:
        cells: to be measured.
        processes: frameworks that compute at once on this machine.
        threads: threads of one operation; 0 is the framework's own choice.
        engine: which machines measure, and how long a cell may take.
        keeps: whether what is finished is kept when the command is broken off, and the same command goes on from
            there. Not where times are compared: they are taken in one go.

    Raises:
        BadInputError: what was asked for cannot be measured.
        FailedCellsError: cells failed; it has the records of the others.
    """
    with ExitStack() as stack:
        address = "" if engine is None else engine.address
        unfinished = stack.enter_context(Unfinished(cells, threads, address)) if keeps else None
        found: dict[str, Sequence[Record]] = dict(unfinished.done) if unfinished else {}
        if found:
            note(f"{len(found)} of {len(cells)} cells are in the cache already; {len(cells) - len(found)} to measure")
        failed: list[tuple[str, Exception]] = []
        listener, finished = stack.enter_context(progress(len(cells) - len(found)))
        workers = stack.enter_context(Workers(processes, threads, listener, engine))
        try:
            for cell, outcome in workers.stream([cell for cell in cells if cell.key not in found]):
                if isinstance(outcome, BadInputError) and not isinstance(outcome, UnavailableError):
                    raise outcome
                if isinstance(outcome, Exception):
                    failed.append((cell.key, outcome))
                else:
                    found[cell.key] = outcome
                    if unfinished:
                        unfinished.keep(cell, outcome)
                finished()
        except BaseException:
            if unfinished and unfinished.count:
                note(f"{unfinished.count} of {len(cells)} cells are kept; the same command goes on from there")
            raise
        records = [record for cell in cells for record in found.get(cell.key, ())]
        if failed and all(isinstance(error, UnavailableError) for _, error in failed) and not records:
            raise failed[0][1]
        if failed:
            raise FailedCellsError(_told(failed, len(cells), unfinished.count if unfinished else 0), records)
        return records


def _fill(part: store.Part, batches: Sequence[Batch], done: Container[str], total: int, engine: Engine | None) -> int:
    """Measure the cells of batches that are not done into a part, and return how many failed."""
    failed = 0
    with progress(total) as (listener, finished):
        for batch in batches:
            with Workers(batch.processes, batch.threads, listener, engine) as workers:
                for cell, outcome in workers.stream(_Waiting(batch.cells, done)):
                    if isinstance(outcome, Exception):
                        failed += 1
                        note(f"failed: {cell.key}: {outcome}")
                        part.append(f"failure {cell.key}", [_failure(cell, outcome)])
                    else:
                        part.append(cell.key, outcome)
                    finished()
    return failed


def run(
    batches: Sequence[Batch], root: Path, provenance: dict[str, Any], fresh: bool, engine: Engine | None = None
) -> store.StoredRun:
    """Measure the batches into the store, going on where a run of the same fingerprint stopped.

    Args:
        batches: in the order in which they are measured.
        root: the results folder.
        provenance: of this run.
        fresh: start anew although such a run exists.
        engine: which machines measure, and how long a cell may take.

    Returns:
        The run as it stands in the store at the end. A cell that failed is a record of its own there, and is tried
        again when the run is started again.

    Raises:
        BadInputError: a results file cannot be read.
    """
    folder, earlier = store.resumable(root, provenance, fresh)
    for text in () if earlier is None else earlier.notes:
        note(text)
    done = frozenset(() if earlier is None else earlier.cells)
    del earlier  # the records of a long run are not needed while it goes on
    every = sum(len(batch.cells) for batch in batches)
    total = sum(1 for batch in batches for _ in _Waiting(batch.cells, done)) if done else every
    note(f"{every - total} of {every} cells are in {folder} already; {total} to measure")
    failed = 0
    if total:
        with store.Part(folder, provenance, total) as part:
            try:
                failed = _fill(part, batches, done, total, engine)
            except KeyboardInterrupt:
                note("what was finished is kept; the same command goes on from there")
                raise
    if failed:
        note(f"{failed} cells failed; the same command tries them again, and nothing else")
    result = store.read_run(folder, root)
    if result is None:
        raise AssertionError(f"{folder} was just written")
    return result
