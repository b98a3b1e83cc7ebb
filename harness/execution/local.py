"""Work on this machine: one spawned process for each backend and device, which loads one framework.

A process is spawned and not forked, since a fork after a framework has computed hangs (pitfall I3). It dies with
its driver, also when the driver is killed.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from harness import folders
from harness.errors import BadInputError, MeasurementError, without_folders
from harness.execution import progress
from harness.execution.work import Cell, Work
from harness.results.schema import Record
from implementations import registry

#: (key of the cell, parts done, parts in all, note)
Listener = Callable[[str, int, int, str], None]

SPAWN = multiprocessing.get_context("spawn")


class UnavailableError(BadInputError):
    """The device that was asked for is not there."""


def _exit_with_driver() -> None:
    driver = multiprocessing.parent_process()
    if driver is not None:
        driver.join()
        os._exit(1)


def keeping(backend: str) -> dict[str, str]:
    """Return the environment in which a framework keeps what it compiles, and finds it again.

    A program is kept under a hash of itself, the compiler's version and its options. What the user has set stays,
    and where the folder cannot be made, nothing is kept.
    """
    row = registry.find(backend)
    owner = registry.find(row.base or backend)
    folder = folders.cache() / "programs" / owner.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return {}
    return {name: value.format(folder=folder) for name, value in owner.keeps_programs if name not in os.environ}


def start(environment: dict[str, str], reports: Any) -> None:
    """Prepare a fresh process: environment before any import, the driver alone answers Ctrl-C."""
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_driver, daemon=True).start()
    progress.listen(lambda done, total, note: reports.put((done, total, note)))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what a framework's native code says while it starts off standard error; errors are raised, not said."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@cache
def _backend(name: str, device: str, threads: int) -> ModuleType:
    with _quiet():
        package = registry.load(name)
        try:
            package.runtime.configure(device, threads)
        except RuntimeError as error:
            message = f"device {device!r} of backend {name!r}: {error}; allowed here: --device cpu"
            raise UnavailableError(message) from None
    return package


def call(work: Work, threads: int) -> Any:
    """Do a work in this process, and return what it returns.

    Raises:
        BadInputError, ImportError: as the work raised it.
        MeasurementError: it raised something else, which is said in one line.
    """
    try:
        package = _backend(work.backend, work.device, threads)
        module, _, name = work.function.partition(":")
        return getattr(importlib.import_module(module), name)(package, **work.arguments)
    except (BadInputError, ImportError):
        raise
    except Exception as error:
        # a framework's own exception class cannot be unpickled where the framework is not loaded
        where = traceback.extract_tb(error.__traceback__)[-1]
        first_line = (str(error).splitlines() or [""])[0]
        place = f"{Path(where.filename).name}:{where.lineno}"
        raise MeasurementError(without_folders(f"{type(error).__name__}: {first_line} ({place})")) from None


def describe(backend: ModuleType) -> dict[str, Any]:
    """Return what the backend says of its process: version, device, flags."""
    description: dict[str, Any] = backend.runtime.describe()
    return description | {"devices": backend.runtime.devices()}


class _Station:
    """One process for one backend and device, and the cells that wait for it."""

    def __init__(self, backend: str, threads: int, cells: Sequence[Cell], listener: Listener, timed: bool) -> None:
        self.backend, self.threads, self.listener = backend, threads, listener
        self.environment = dict(registry.find(backend).environment) | ({} if timed else keeping(backend))
        self.waiting = list(cells)
        self.cell = self.waiting[0]
        self.executor: ProcessPoolExecutor | None = None

    def _listen(self, reports: Any) -> None:
        while (report := reports.get()) is not None:
            self.listener(self.cell.key, *report)

    def next(self) -> Future[Any]:
        """Submit the next waiting cell, in a fresh process if there is none, or if it needs one."""
        self.cell = self.waiting.pop(0)
        if self.cell.work.alone:
            self.close()
        if self.executor is None:
            self.reports = SPAWN.SimpleQueue()
            threading.Thread(target=self._listen, args=(self.reports,), daemon=True).start()
            self.executor = ProcessPoolExecutor(1, SPAWN, start, (self.environment, self.reports))
        self.listener(self.cell.key, 0, 0, "")
        return self.executor.submit(call, self.cell.work, self.threads)

    def close(self) -> None:
        """End the process."""
        if self.executor is not None:
            self.executor.shutdown(cancel_futures=True)
            self.reports.put(None)
            self.executor = None


def _finished(cell: Cell, result: Any) -> Sequence[Record] | Exception:
    """Return a cell's records, made from what its process gave back, or what went wrong there or here."""
    if isinstance(result, Exception):
        return result
    try:
        return cell.finish(result)
    except Exception as error:  # a cell's failure is its outcome, never the end of the run
        return error


def silent(key: str, done: int, total: int, note: str) -> None:
    """Hear nothing."""


class Workers:
    """A context in which cells are measured.

    Attributes:
        processes: how many frameworks compute at once. Use 1 where time is measured; with more, frameworks find
            again what an earlier run compiled.
        threads: threads of one operation; 0 is the framework's own choice.
        listener: told of the progress of the present cells.
    """

    def __init__(self, processes: int = 1, threads: int = 0, listener: Listener = silent) -> None:
        self.processes, self.threads, self.listener = processes, threads, listener

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            for child in multiprocessing.active_children():
                child.terminate()

    def stream(self, cells: Iterable[Cell]) -> Iterator[tuple[Cell, Sequence[Record] | Exception]]:
        """Measure cells, and give each with its records, or with what went wrong, as soon as it is finished.

        Cells of one backend, device and lane run in order in one process, but for those that need one of their own. A
        process that dies costs its present cell only: the next cell gets a fresh process.
        """
        groups: dict[tuple[str, str, int], list[Cell]] = {}
        for cell in cells:
            groups.setdefault((cell.work.backend, cell.work.device, cell.work.lane), []).append(cell)
        idle = [
            _Station(backend, self.threads, group, self.listener, self.processes == 1)
            for (backend, _, _), group in groups.items()
        ]
        busy: dict[Future[Any], _Station] = {}
        try:
            while idle or busy:
                while idle and len(busy) < self.processes:
                    station = idle.pop(0)
                    busy[station.next()] = station
                done, _ = wait(busy, return_when=FIRST_COMPLETED)
                for future in done:
                    station = busy.pop(future)
                    cell = station.cell
                    result = self._result(future, station)
                    if station.waiting:
                        busy[station.next()] = station
                    else:
                        station.close()
                    yield cell, _finished(cell, result)
        finally:
            for station in busy.values():
                with suppress(BrokenProcessPool):
                    station.close()

    def _result(self, future: Future[Any], station: _Station) -> Any:
        try:
            return future.result()
        except BrokenProcessPool:
            station.close()
            return MeasurementError(f"the {station.backend} process died (killed, or out of memory)")
        except Exception as error:
            return error

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
