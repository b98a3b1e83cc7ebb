"""The driver's end of a framework's process: one task at a time, with a time limit, and the reason where it dies."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.context import SpawnProcess
from typing import Any, NoReturn

from harness.errors import BadInputError, MeasurementError
from harness.execution import child
from harness.execution.work import Task
from implementations import registry

SPAWN = multiprocessing.get_context("spawn")

#: (key of the cell, parts done, parts in all, note)
Listener = Callable[[str, int, int, str], None]

#: Seconds that a process has to end by itself after its last task.
GRACE = 5.0

#: Exit status of a process whose program, run again while it starts, would start a process itself.
UNGUARDED = 78

#: Part of the error that `multiprocessing` raises there.
_STARTING = "bootstrapping phase"

#: Seconds between two looks at whether a silent process lives: a pipe that a grandchild holds open does not say it.
_TURN = 0.5

# two threads that wait for children at once take each other's exit codes
_CHILDREN = threading.Lock()


class DiedError(MeasurementError):
    """The process ended while it did a task."""


class TimeLimitError(MeasurementError):
    """The task took longer than it may."""


def silent(key: str, done: int, total: int, note: str) -> None:
    """Hear nothing."""


def cause(code: int | None) -> str:
    """Return why a process ended, from its exit code: "killed by signal 9 (SIGKILL), perhaps out of memory"."""
    if code is None or code >= 0:
        return f"exit status {code}"
    names = {number.value: number.name for number in signal.Signals}
    name = names.get(-code, "unknown")
    guess = ", perhaps out of memory" if name == "SIGKILL" else ""  # Windows has no such signal
    return f"killed by signal {-code} ({name}){guess}"


def _start(process: SpawnProcess) -> None:
    """Start a process. Where this one is still importing the caller's program, end it: the driver says why."""
    try:
        process.start()
    except RuntimeError as error:
        if _STARTING not in str(error):
            raise
        raise SystemExit(UNGUARDED) from None


class FrameworkProcess:
    """A spawned process that holds one backend.

    Attributes:
        backend: the backend's name.
        loaded: whether its framework has been imported and configured.
        idle: whether it has answered every task: one that has not would take its answer for that of the next.
    """

    def __init__(self, backend: str, keeps_programs: bool = False) -> None:
        self.backend, self.loaded, self.idle, self._up = backend, False, True, False
        environment = dict(registry.find(backend).environment) | (child.keeping(backend) if keeps_programs else {})
        self._connection, theirs = SPAWN.Pipe()
        self._process = SPAWN.Process(target=child.serve, args=(theirs, environment))
        with _CHILDREN:
            _start(self._process)
        theirs.close()

    def call(self, function: Callable[[Task], Any], task: Task, listener: Listener = silent) -> Any:
        """Return function(task), computed in the process.

        Args:
            function: picklable by its name.
            task: of this process's backend.
            listener: told of the progress.

        Raises:
            BadInputError: the program that calls this cannot be imported without starting processes.
            DiedError: the process ended, or was left in the midst of another task.
            TimeLimitError: the task took too long, and the process was killed.
            Exception: what the work raised, see `child.call`, or the listener.
        """
        deadline = time.monotonic() + task.time_limit
        if not self.idle:
            self.kill()
            self._died()
        self.idle = False
        while not self._up:
            self._up = self._receive(deadline, task)[0] == child.READY
        # a process that is up waits for its task, so that even a large one is sent without delay
        try:
            self._connection.send((function, task))
        except OSError:
            self._died()
        while True:
            kind, told = self._receive(deadline, task)
            if kind == child.REPORT:
                listener(task.key, *told)
            elif kind == child.LOADED:
                self.loaded = True
            else:
                self.idle = True
                if kind == child.ERROR:
                    raise told
                return told

    def _receive(self, deadline: float, task: Task) -> tuple[str, Any]:
        try:
            while not self._connection.poll(max(0.0, min(deadline - time.monotonic(), _TURN))):
                if self._exit_code() is not None:
                    self._died()
                if time.monotonic() >= deadline:
                    self.kill()
                    raise TimeLimitError(
                        f"not finished after {task.time_limit:g} s, and killed; allow more with --time-limit SECONDS"
                    )
            message = self._connection.recv_bytes()
        except (EOFError, OSError):
            self._died()
        try:
            kind, told = pickle.loads(message)
        except Exception as error:
            return child.ERROR, MeasurementError(f"what the work returned cannot be read here: {type(error).__name__}")
        return kind, told

    def _died(self) -> NoReturn:
        self._wait(GRACE)
        if self._exit_code() == UNGUARDED:
            raise BadInputError(
                "the program that called this starts processes while it is imported, and each process imports it; put "
                "what it runs under: if __name__ == '__main__':"
            ) from None
        raise DiedError(f"the {self.backend} process died: {cause(self._exit_code())}") from None

    def _exit_code(self) -> int | None:
        with _CHILDREN:
            return self._process.exitcode

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self._exit_code() is None and time.monotonic() < deadline:
            time.sleep(0.005)

    def kill(self) -> None:
        """End the process at once, from any thread."""
        with suppress(ValueError):  # it is closed already
            self._process.kill()

    def close(self) -> None:
        """End the process, at once where it is not idle, and free what it took here."""
        self._connection.close()
        if not self.idle:
            self.kill()
        self._wait(GRACE)
        self.kill()
        self._wait(GRACE)
        with suppress(ValueError):  # a process that even the kernel cannot end is left to it
            self._process.close()
