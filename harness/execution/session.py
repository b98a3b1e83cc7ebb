"""A conversation with one framework's process: calls one after the other, each of which waits for its result."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from harness.execution.child import call
from harness.execution.process import FrameworkProcess
from harness.execution.work import Task, Work


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
        self._process = FrameworkProcess(self.backend)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._process.kill()
        self._process.close()

    def call(self, function: str, **arguments: Any) -> Any:
        """Return name(backend, **arguments) of "module:name", computed in the process.

        Raises:
            MeasurementError: the process died, or the function raised.
        """
        work = Work(function, self.backend, self.device, arguments)
        return self._process.call(call, Task(work, threads=self.threads))
