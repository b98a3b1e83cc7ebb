"""What runs in a framework's process: it loads one framework, does one task after the other, and sends what came out.

It is spawned and not forked, since a fork after a framework has computed hangs (pitfall I3). It dies with its driver,
also when the driver is killed.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any

from harness import folders
from harness.errors import BadInputError, MeasurementError, without_folders
from harness.execution import progress
from harness.execution.identity import identity, require_like
from harness.execution.work import Task
from harness.requirements import explained
from implementations import registry
from implementations.entries import in_one_line

#: Kinds of message: the process is up; its framework is; how far a work is; what it returned; what it raised.
READY, LOADED, REPORT, RESULT, ERROR = "ready", "loaded", "report", "result", "error"


class UnavailableError(BadInputError):
    """The device or the framework that was asked for cannot be used here."""


class BrokenFrameworkError(UnavailableError):
    """The framework is installed, and its import fails."""


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


@contextmanager
def _one_line() -> Iterator[None]:
    """Turn what a work raises into an error of one line, which can be read where the framework is not loaded."""
    try:
        with explained("this measurement"):
            yield
    except (BadInputError, ImportError):
        raise
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(where.filename).name}:{where.lineno}"
        raise MeasurementError(without_folders(f"{in_one_line(error)} ({place})")) from None


@cache
def _backend(name: str, device: str, threads: int) -> ModuleType:
    with _quiet():
        try:
            package = registry.load(name)
        except registry.BrokenFrameworkError as error:
            raise BrokenFrameworkError(without_folders(str(error))) from None
        try:
            package.runtime.configure(device, threads)
        except RuntimeError as error:
            message = f"device {device!r} of backend {name!r}: {error}; allowed here: --device cpu"
            raise UnavailableError(message) from None
    return package


def load(task: Task) -> ModuleType:
    """Return the backend of a task, loaded and configured in this process.

    Raises:
        BadInputError, ImportError: there is no such device, framework or code here, or the framework is broken.
        MeasurementError: the framework raised something else.
    """
    with _one_line():
        if task.identity:
            require_like(task.identity, identity())
        return _backend(task.work.backend, task.work.device, task.threads)


def call(task: Task) -> Any:
    """Do a task in this process, and return what its work returns.

    Raises:
        BadInputError, ImportError: as the work raised it.
        MeasurementError: it raised something else, which is said in one line.
    """
    package = load(task)
    with _one_line():
        module, _, name = task.work.function.partition(":")
        return getattr(importlib.import_module(module), name)(package, **task.work.arguments)


def describe(backend: ModuleType) -> dict[str, Any]:
    """Return what the backend says of its process: version, device, flags."""
    description: dict[str, Any] = backend.runtime.describe()
    return description | {"devices": backend.runtime.devices()}


def _answer(function: Callable[[Task], Any], task: Task, loaded: Callable[[], None]) -> bytes:
    """Return the message that ends a task: one that the driver can read, whatever the work did."""
    try:
        load(task)
        loaded()
        return pickle.dumps((RESULT, function(task)))
    except (BadInputError, ImportError, MeasurementError) as error:
        with suppress(Exception):
            message = pickle.dumps((ERROR, error))
            pickle.loads(message)
            return message
        return pickle.dumps((ERROR, MeasurementError(f"{type(error).__name__}: {error}")))
    except Exception as error:
        return pickle.dumps((ERROR, MeasurementError(f"what the work returned cannot be sent: {error}")))


def serve(connection: Connection, environment: dict[str, str]) -> None:
    """Do the tasks that come over a connection until it ends. The target of a spawned process.

    Args:
        connection: to the driver; (function, task) comes in, messages of the kinds above go out.
        environment: set before any framework is imported.
    """
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_driver, daemon=True).start()
    turn = threading.Lock()

    def send(message: bytes) -> None:
        with turn:
            connection.send_bytes(message)

    def tell(kind: str, *told: Any) -> None:
        send(pickle.dumps((kind, told)))

    progress.listen(lambda done, total, note: tell(REPORT, done, total, note))
    tell(READY)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            function, task = connection.recv()
            send(_answer(function, task, lambda: tell(LOADED)))
