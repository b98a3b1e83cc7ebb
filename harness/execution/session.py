"""A conversation with one framework's process: calls one after the other, each of which waits for its result."""

from __future__ import annotations

import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from types import TracebackType
from typing import Any

from harness.errors import MeasurementError
from harness.execution.local import SPAWN, call, start
from harness.execution.work import Work
from implementations import registry


class Session:
    """A context in which functions are called in a fresh process that holds one backend.

    Attributes:
        backend: the backend's name.
        device: "cpu" or "gpu".
        threads: threads of one operation; 0 is the framework's own choice.
    """

    def __init__(self, backend: str, device: str = "cpu", threads: int = 0) -> None:
        self.backend, self.device, self.threads = backend, device, threads

    def __enter__(self) -> Session:
        environment = dict(registry.find(self.backend).environment)
        self._reports = SPAWN.SimpleQueue()
        threading.Thread(target=self._drain, daemon=True).start()
        self._executor = ProcessPoolExecutor(1, SPAWN, start, (environment, self._reports))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(BrokenProcessPool):
            self._executor.shutdown(cancel_futures=True)
        self._reports.put(None)

    def _drain(self) -> None:
        """Read the process's reports, which nobody waits for: a full pipe would hold the process up."""
        while self._reports.get() is not None:
            continue

    def call(self, function: str, **arguments: Any) -> Any:
        """Return name(backend, **arguments) of "module:name", computed in the process.

        Raises:
            MeasurementError: the process died, or the function raised.
        """
        work = Work(function, self.backend, self.device, arguments)
        try:
            return self._executor.submit(call, work, self.threads).result()
        except BrokenProcessPool:
            raise MeasurementError(f"the {self.backend} process died (killed, or out of memory)") from None
