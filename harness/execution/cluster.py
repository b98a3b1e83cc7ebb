"""The workers of a Dask scheduler, behind `concurrent.futures.Executor`; what a worker does is in `remote`."""

from __future__ import annotations

import logging
import math
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent import futures
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import replace
from typing import Any

from harness.console import note
from harness.errors import BadInputError, MeasurementError, shown
from harness.execution.child import UnavailableError
from harness.execution.identity import identity
from harness.execution.process import Listener
from harness.execution.remote import command, release, remote, resource
from harness.requirements import missing

_ADDRESS = re.compile(r"(?:(?P<scheme>tcp|tls)://)?(?:[\w.-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>\d{1,5})", re.ASCII)

#: Seconds in which a scheduler must answer.
CONNECT = 10.0

#: Seconds in which a scheduler that is busy must say which workers there are.
SILENCE = 60.0

#: Seconds in which the workers must end their processes before the driver leaves.
FAREWELL = 10.0

#: Seconds between two looks at which workers there are.
_TURN = 1.0


class LostError(BadInputError):
    """The scheduler cannot be reached; it says nothing of the cells that were sent to it."""


def checked(address: str) -> str:
    """Return an address with its scheme; distributed itself leaves a thread that hangs where it cannot read one.

    Args:
        address: HOST:PORT, with tcp:// or tls:// before it or not.

    Raises:
        BadInputError: it is no such address.
    """
    found = _ADDRESS.fullmatch(address)
    if not found or not 0 < int(found["port"]) < 2**16:
        raise BadInputError(
            f"--scheduler is {shown(address)}; allowed: tcp://HOST:PORT and tls://HOST:PORT; "
            "give the address that the scheduler shows when it starts"
        )
    return address if found["scheme"] else f"tcp://{address}"


def _security(address: str) -> Any:
    """Return the certificates of Dask's own configuration; a tls:// address needs them."""
    from distributed.security import Security

    make: Any = Security
    mend = "set DASK_DISTRIBUTED__COMM__TLS__CA_FILE, and CERT and KEY of DASK_DISTRIBUTED__COMM__TLS__CLIENT__"
    try:
        security = make()
        context = security.get_connection_args("client").get("ssl_context")
    except (OSError, ValueError) as error:
        raise BadInputError(f"the certificates for {address} cannot be read ({type(error).__name__}); {mend}") from None
    if context is None and address.startswith("tls:"):
        raise BadInputError(f"{address} needs certificates; {mend}")
    return security


def _connected(address: str) -> Any:
    try:
        import dask
        import distributed
    except ImportError:
        raise missing("distributed", "--scheduler") from None
    # what a lost connection means is said once, by this module
    for name in ("distributed.client", "distributed.comm", "distributed.core", "distributed.batched"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    security = _security(address)
    connect: Any = distributed.Client
    try:
        # the client keeps a copy of the last 1000 messages, with all that they held
        with dask.config.set({"distributed.admin.low-level-log-length": 1}):
            return connect(address, timeout=CONNECT, set_as_default=False, security=security)
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0].rstrip(".")
        raise LostError(
            f"no Dask scheduler answers at {address}: {type(error).__name__}: {reason}; "
            "start one, such as: dask scheduler --host 127.0.0.1"
        ) from None


class Cluster(Executor):
    """An executor of tasks on the workers of a Dask scheduler.

    Attributes:
        window: tasks of one place that it is worth submitting ahead: enough for every worker, whatever the sweep's
            length.
    """

    def __init__(self, address: str, listener: Listener, patience: float = math.inf) -> None:
        """Connect.

        Args:
            address: of the scheduler.
            listener: told of every task that ends.
            patience: seconds that tasks wait while no worker offers what they need.

        Raises:
            BadInputError: there is no scheduler, or Dask is not installed.
        """
        address = checked(address)
        self._client = _connected(address)
        self._address, self._listener, self._patience = address, listener, patience
        self._run, self._identity = uuid.uuid4().hex, identity()
        self._inner = self._client.get_executor(pure=False)
        self._pending: dict[Future[Any], tuple[str, Future[Any]]] = {}
        self._missing: dict[str, Exception] = {}
        self._turn = threading.Lock()
        self._ended = threading.Event()
        self.window = 16
        self._watch = threading.Thread(target=self._look_at_workers, daemon=True)
        self._watch.start()

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Schedule function(task) on a worker that has the framework of the task's work.

        Args:
            function: picklable by its name.
            args: the task.
            kwargs: none.
        """
        (task,) = args
        # lanes share out the work of one machine; here any free worker takes the next task
        task = replace(task, work=replace(task.work, lane=0), identity=self._identity)
        needed = resource(task.work)
        future: Future[Any] = Future(**kwargs)
        future.set_running_or_notify_cancel()
        with self._turn:
            if needed in self._missing:
                future.set_exception(self._missing[needed])
                return future
            try:
                inner = self._inner.submit(remote, self._run, function, task, resources={needed: 1})
            except Exception:
                future.set_exception(self._lost())
                return future
            self._pending[future] = needed, inner
        inner.add_done_callback(lambda done: self._settle(future, task.key, done))
        return future

    def _lost(self) -> LostError:
        return LostError(
            f"the Dask scheduler at {self._address} is gone; what was finished is kept; start it and its workers "
            "again and give the same command"
        )

    def _settle(self, future: Future[Any], key: str, inner: Future[Any]) -> None:
        with self._turn:
            if self._pending.pop(future, None) is None:
                return
        outcome = self._outcome(inner)
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            self._listener(key, 1, 1, "")
            future.set_result(outcome)

    def _outcome(self, inner: Future[Any]) -> Any:
        """Return what a Dask task gave back, or an error that says what became of it."""
        if inner.cancelled():
            return self._lost()
        error = inner.exception()
        if error is None:
            return inner.result()
        if type(error).__name__ == "KilledWorker":
            return MeasurementError("every Dask worker that tried it was lost (killed, or out of memory)")
        return MeasurementError(f"Dask: {type(error).__name__}: {(str(error).splitlines() or [''])[0]}")

    def _look_at_workers(self) -> None:
        """Give up tasks that need what no worker offers, and all of them where the scheduler is gone."""
        since: dict[str, float] = {}
        told_of: set[str] = set()
        while not self._ended.wait(_TURN):
            try:
                told = self._client.sync(self._client.scheduler.identity, n_workers=-1, callback_timeout=SILENCE)
            except Exception:
                self._give_up(lambda _: True, self._lost())
                return
            workers = told["workers"].values()
            offered = {name for worker in workers for name in worker["resources"]}
            self.window = 16 + 2 * len(workers)
            with self._turn:
                needed = {name for name, _ in self._pending.values()}
            now = time.monotonic()
            since = {name: since.get(name, now) for name in needed - offered}
            for name in sorted(since.keys() - told_of):
                start = command(name, self._address)
                with suppress(Exception):  # a note that nobody can read is no reason to stop looking
                    note(f"waiting for a Dask worker that offers {name!r}; start one with: {start}")
            told_of |= since.keys()
            for name in [name for name, begin in since.items() if now - begin >= self._patience]:
                self._missing[name] = self._nobody(name, offered)
                self._give_up(name.__eq__, self._missing[name])

    def _nobody(self, name: str, offered: Iterable[str]) -> UnavailableError:
        there = ", ".join(sorted(offered)) or "none"
        return UnavailableError(
            f"no Dask worker offered the resource {name!r} in {self._patience:g} s (offered: {there}); allow more with "
            f"--patience SECONDS, or start one with: {command(name, self._address)}"
        )

    def _give_up(self, chosen: Callable[[str], bool], error: Exception) -> None:
        with self._turn:
            given_up = [future for future, (name, _) in self._pending.items() if chosen(name)]
            inner = [self._pending.pop(future)[1] for future in given_up]
        for row in inner:
            row.cancel()
        for future in given_up:
            future.set_exception(error)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers' processes for frameworks, and disconnect, which drops what is not finished.

        Args:
            wait: until all that was submitted has finished, if it is not cancelled.
            cancel_futures: do not wait.
        """
        if wait and not cancel_futures:
            futures.wait(list(self._pending))
        self._ended.set()
        farewell = threading.Thread(target=self._farewell, daemon=True)
        farewell.start()
        farewell.join(FAREWELL)

    def _farewell(self) -> None:
        with suppress(Exception):
            if self._client.status == "running":
                self._client.run(release, self._run, on_error="ignore")
        with suppress(Exception):
            self._client.close(timeout=_TURN)
