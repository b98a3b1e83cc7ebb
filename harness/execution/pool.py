"""Framework workers on this machine, behind `concurrent.futures.Executor`: one framework per process."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from typing import Any

from harness.execution.process import DiedError, FrameworkProcess, Listener, silent
from harness.execution.work import Place, Task

#: How often a task is tried whose process dies: memory that another program held may be free the second time.
TRIES = 2

#: Processes in a row that do not get as far as their framework, after which no more are started for it.
FAILED_LOADS = 2


class _Slot:
    """Room for one process, and the process that it has."""

    def __init__(self) -> None:
        self.place: Place | None = None
        self.holds: Place | None = None
        self.process: FrameworkProcess | None = None

    def close(self) -> None:
        if self.process is not None:
            process, self.process = self.process, None
            process.close()


class FrameworkPool(Executor):
    """An executor of tasks, each in a process that holds the framework of its work.

    Tasks of one place (backend, device, lane, package) run in order in one process, but for those that need one of
    their own.
    A task whose process dies is tried once more in a fresh one, which costs no other task anything.

    Attributes:
        window: tasks of one place that it is worth submitting ahead.
    """

    window = 16

    def __init__(self, processes: int = 1, listener: Listener = silent) -> None:
        """Start nothing yet.

        Args:
            processes: how many there are at most at once.
            listener: told of the progress of the present tasks.
        """
        self._slots = [_Slot() for _ in range(processes)]
        self._listener = listener
        self._threads: list[threading.Thread] = []
        self._change = threading.Condition()
        self._waiting: dict[Place, deque[tuple[Callable[[Task], Any], Task, Future[Any]]]] = {}
        self._closing = self._ending = False
        self._failed_loads: Counter[tuple[str, str]] = Counter()
        self._broken: dict[tuple[str, str], Exception] = {}

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Schedule function(task) in a process of the task's place.

        Args:
            function: picklable by its name.
            args: the task.
            kwargs: none.

        Raises:
            RuntimeError: the pool is shut down.
        """
        (task,) = args
        future: Future[Any] = Future(**kwargs)
        with self._change:
            if self._closing:
                raise RuntimeError("the pool is shut down")
            self._waiting.setdefault(task.work.place, deque()).append((function, task, future))
            if not self._threads:
                self._threads = [threading.Thread(target=self._run, args=(slot,), daemon=True) for slot in self._slots]
                for thread in self._threads:
                    thread.start()
            self._change.notify_all()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes.

        Args:
            wait: until they have ended.
            cancel_futures: cancel what waits, and kill what runs; else all is finished first.
        """
        with self._change:
            self._closing = True
            self._ending |= cancel_futures
            dropped = [row[-1] for rows in self._waiting.values() for row in rows] if self._ending else []
            if self._ending:
                self._waiting.clear()
            self._change.notify_all()
        for future in dropped:
            future.cancel()
        while wait and any(thread.is_alive() for thread in self._threads):
            self._kill_if_ending()
            for thread in self._threads:
                thread.join(0.05)

    def _kill_if_ending(self) -> None:
        for slot in self._slots if self._ending else ():
            process = slot.process
            if process is not None:
                process.kill()

    def _run(self, slot: _Slot) -> None:
        while (row := self._next(slot)) is not None:
            function, task, future = row
            if future.set_running_or_notify_cancel():
                try:
                    result = self._tried(slot, function, task)
                except BaseException as error:  # a thread that ended here would leave its future waiting for ever
                    future.set_exception(error)
                else:
                    future.set_result(result)
                    del result
            del row, function, task, future  # a slot that waits holds no result
        slot.close()

    def _next(self, slot: _Slot) -> tuple[Callable[[Task], Any], Task, Future[Any]] | None:
        """Return what a slot does next: of its own place, else of one that no slot has; None at the end."""
        with self._change:
            while True:
                others = [other.place for other in self._slots if other is not slot]
                own = [slot.place] if slot.place in self._waiting else []
                # a slot gives up what it has loaded only where no slot is empty
                free = slot.place is None or None not in others
                places = [*own, *(place for place in self._waiting if free and place not in others)]
                if places and places[0] is not None:
                    slot.place = places[0]
                    rows = self._waiting[slot.place]
                    row = rows.popleft()
                    if not rows:
                        del self._waiting[slot.place]
                    return row
                if self._closing:
                    return None
                self._change.wait()

    def _tried(self, slot: _Slot, function: Callable[[Task], Any], task: Task) -> Any:
        subject = task.work.backend, task.work.device
        for tries_left in reversed(range(TRIES)):
            if subject in self._broken:
                raise self._broken[subject].with_traceback(None)
            process = self._process(slot, task)
            self._tell(task.key, 0, 0, "")
            try:
                result = process.call(function, task, self._tell)
            except Exception as error:
                self._note_load(subject, process, error)
                if not (process.loaded and process.idle):
                    slot.close()
                if not isinstance(error, DiedError) or not tries_left or self._ending:
                    raise
            else:
                self._failed_loads[subject] = 0
                return result
        raise AssertionError("the last try returns or raises")

    def _tell(self, key: str, done: int, total: int, note: str) -> None:
        with suppress(Exception):  # progress that cannot be shown is no failure of a cell
            self._listener(key, done, total, note)

    def _process(self, slot: _Slot, task: Task) -> FrameworkProcess:
        if task.work.alone or slot.holds != task.work.place:
            slot.close()
        if slot.process is None:
            slot.process = FrameworkProcess(task.work.backend, task.keeps_programs)
            slot.holds = task.work.place
        return slot.process

    def _note_load(self, subject: tuple[str, str], process: FrameworkProcess, error: Exception) -> None:
        """Count the processes in a row that did not load their framework; after some, no more are started."""
        self._failed_loads[subject] = 0 if process.loaded else self._failed_loads[subject] + 1
        if self._failed_loads[subject] >= FAILED_LOADS:
            self._broken[subject] = error
