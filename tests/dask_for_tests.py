"""A Dask scheduler and workers as processes of their own that talk over TCP on the loopback interface."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

#: Seconds after which a process that has not started never will.
PATIENCE = 60.0


#: With --no-dashboard alone, Dask still answers HTTP, and on every interface.
_LOOPBACK = ("--dashboard-address", "127.0.0.1:0", "--no-dashboard")


class Machines:
    """A scheduler and its workers.

    Attributes:
        file: the scheduler's file, which holds its address.
        environment: of every process.
    """

    def __init__(self, folder: Path, python_path: str, environment: Mapping[str, str]) -> None:
        self.file, self.folder = folder / "scheduler.json", folder
        self.environment = os.environ | {"PYTHONPATH": python_path} | dict(environment)
        self.processes: list[subprocess.Popen[bytes]] = []

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"{len(self.processes)}.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *words], env=self.environment, stdout=log, stderr=log, cwd=self.folder
        )
        log.close()
        self.processes.append(process)
        return process

    def scheduler(self, protocol: str = "tcp") -> subprocess.Popen[bytes]:
        """Start the scheduler, and wait until it listens."""
        words = ("--protocol", protocol, "--host", "127.0.0.1", "--port", "0", *_LOOPBACK)
        process = self._start("scheduler", *words, "--scheduler-file", str(self.file))
        deadline = time.monotonic() + PATIENCE
        while not self.file.exists():
            assert process.poll() is None, self.logs()
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.05)
        return process

    @property
    def address(self) -> str:
        """The scheduler's."""
        return str(json.loads(self.file.read_text())["address"])

    def worker(self, resources: str, *more: str) -> subprocess.Popen[bytes]:
        """Start a worker; "torch=1" is such a resource."""
        words = ("--scheduler-file", str(self.file), "--host", "127.0.0.1", "--nthreads", "1", *_LOOPBACK)
        nanny = () if "--nanny" in more else ("--no-nanny",)
        return self._start("worker", *words, *nanny, *more, "--resources", resources)

    def logs(self) -> str:
        """What the processes said."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def end(self) -> None:
        """Kill every process and its children."""
        for process in self.processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                for child in psutil.Process(process.pid).children(recursive=True):
                    with contextlib.suppress(psutil.NoSuchProcess):
                        child.kill()
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            process.wait()


@contextmanager
def machines(folder: Path, python_path: str, environment: Mapping[str, str] | None = None) -> Iterator[Machines]:
    """Give machines without any process, and end those that were started."""
    found = Machines(folder, python_path, environment or {})
    try:
        yield found
    finally:
        found.end()
