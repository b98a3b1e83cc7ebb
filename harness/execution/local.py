"""The context in which cells are measured, on this machine or on others: a stream of cells, a stream of results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from itertools import islice
from queue import SimpleQueue
from types import TracebackType
from typing import Any

from harness.execution.child import call
from harness.execution.cluster import LostError
from harness.execution.engine import Engine
from harness.execution.process import Listener, silent
from harness.execution.work import Cell, Place, Task
from harness.results.schema import Record


def _sources(cells: Iterable[Cell]) -> list[Iterator[Cell]]:
    """Return the cells of each place, so that a slow framework holds up no other; an iterator is read as it comes."""
    if isinstance(cells, Iterator):
        return [cells]
    return [_of(place, cells) for place in dict.fromkeys(cell.work.place for cell in cells)]


def _of(place: Place, cells: Iterable[Cell]) -> Iterator[Cell]:
    return (cell for cell in cells if cell.work.place == place)


def _finished(cell: Cell, future: Future[Any]) -> Sequence[Record] | Exception:
    """Return a cell's records, made from what its process gave back, or what went wrong there or here."""
    error = future.exception()
    if isinstance(error, Exception):
        return error
    try:
        return cell.finish(future.result())
    except Exception as failure:  # a cell's failure is its outcome, never the end of the run
        return failure


class Workers:
    """A context in which cells are measured.

    Attributes:
        processes: how many frameworks compute at once on this machine. Use 1 where time is measured; with more,
            frameworks find again what an earlier run compiled.
        threads: threads of one operation; 0 is the framework's own choice.
        listener: told of the progress of the present cells.
        engine: which machines measure, and how long a cell may take.
    """

    def __init__(
        self, processes: int = 1, threads: int = 0, listener: Listener = silent, engine: Engine | None = None
    ) -> None:
        self.processes, self.threads, self.listener = processes, threads, listener
        self.engine = Engine() if engine is None else engine

    def __enter__(self) -> Workers:
        self._executor = self.engine.executor(self.processes, self.listener)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown(cancel_futures=True)

    def _task(self, cell: Cell) -> Task:
        return Task(cell.work, cell.key, self.threads, self.engine.time_limit, self.processes > 1)

    def stream(self, cells: Iterable[Cell]) -> Iterator[tuple[Cell, Sequence[Record] | Exception]]:
        """Measure cells, and give each with its records, or with what went wrong, as soon as it is finished.

        Only so many cells are read ahead of those that are finished as keep the workers busy, so that a sweep of any
        length takes the same memory. Cells of one place start in order, unless they come from an iterator with others,
        which is read in its own order.

        Raises:
            LostError: the scheduler is gone, which says nothing of the cells that are not finished.
        """
        sources = dict(enumerate(_sources(cells)))
        under_way: dict[Future[Any], tuple[Cell, int]] = {}
        ahead: Counter[int] = Counter()
        done: SimpleQueue[Future[Any]] = SimpleQueue()
        while sources or under_way:
            for index, source in list(sources.items()):
                room = max(self._executor.window - ahead[index], 0)
                read = list(islice(source, room))
                for cell in read:
                    future = self._executor.submit(call, self._task(cell))
                    under_way[future] = cell, index
                    ahead[index] += 1
                    future.add_done_callback(done.put)
                if len(read) < room:
                    del sources[index]
            if not under_way:
                continue
            future = done.get()
            cell, index = under_way.pop(future)
            ahead[index] -= 1
            outcome = _finished(cell, future)
            del future
            if isinstance(outcome, LostError):
                raise outcome
            yield cell, outcome

    def run(self, cells: Sequence[Cell]) -> list[Sequence[Record]]:
        """Measure cells and return their records, in the order of the cells.

        Raises:
            Exception: what went wrong in the first cell that failed.
        """
        found: dict[str, Sequence[Record]] = {}
        for cell, outcome in self.stream(cells):
            if isinstance(outcome, Exception):
                raise outcome
            found[cell.key] = outcome
        return [found[cell.key] for cell in cells]
