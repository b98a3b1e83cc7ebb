"""What a Dask worker does with a task.

A Dask worker takes one framework, which its resources name: "torch", "jax-gpu". It runs a task in a process that it
owns, as this machine's pool does, so that a framework that hangs or dies costs its task and not the worker. A library
has a process beside that of the framework it adapts, and so has every framework of a worker that is given several.
"""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Any

from harness.errors import MeasurementError
from harness.execution.child import UnavailableError
from harness.execution.pool import FrameworkPool
from harness.execution.work import Task, Work
from implementations import entries, registry


def command(name: str, address: str = "ADDRESS") -> str:
    """Return the command that starts a worker with a resource."""
    return f'dask worker {address} --no-nanny --nthreads 1 --resources "{name}=1"'


def resource(work: Work) -> str:
    """Return the worker resource that a work needs: its framework's backend, and "-gpu" where it needs one."""
    row = registry.find(work.backend)
    return (row.base or row.name) + ("" if work.device == "cpu" else f"-{work.device}")


class _Own:
    """The pool of this Dask worker, the run that it serves, and the last run that ended."""

    run = ended = ""
    pool: FrameworkPool | None = None
    turn = threading.Lock()


def _pool(run: str) -> FrameworkPool:
    """Return the worker's pool for a run; another run gets processes in which nothing has run, of the present code."""
    with _Own.turn:
        if run == _Own.ended:
            raise MeasurementError("the run has ended")
        if _Own.pool is None or _Own.run != run:
            _end()
            _Own.run, _Own.pool = run, FrameworkPool(_room())
        return _Own.pool


def _room() -> int:
    """Return how many processes the cells of this Dask worker may ask for: one for each backend, one for packages."""
    import distributed

    worker: Any = distributed.get_worker
    offered = worker().state.total_resources
    works = [Work("", name, device) for name in registry.backends() for device in ("cpu", "gpu")]
    # the code of other packages has a process of its own; where there are several, they take turns
    packages = any(entries.found(group) for group in entries.GROUPS if group != registry.TABLE.group)
    return max(sum(resource(work) in offered for work in works), 1) + packages


def _end() -> None:
    pool, _Own.pool = _Own.pool, None
    if pool is not None:
        pool.shutdown(cancel_futures=True)


def release(run: str) -> None:
    """End the processes of this Dask worker for a run, which sends no more tasks."""
    with _Own.turn:
        _Own.ended = run
        if _Own.run == run:
            _end()


def remote(run: str, function: Callable[[Task], Any], task: Task) -> Any:
    """Do a task in this Dask worker's process for frameworks.

    Args:
        run: a name that the tasks of one run share.
        function: picklable by its name.
        task: what is done.

    Returns:
        What the function returned, or, as a value, what it raised.
    """
    if multiprocessing.current_process().daemon:
        return UnavailableError(
            "a Dask worker under a nanny may not start the process of a framework; start it with: "
            f"{command(resource(task.work))}, or with DASK_DISTRIBUTED__WORKER__DAEMON=false in its environment"
        )
    try:
        return _pool(run).submit(function, task).result()
    except CancelledError:
        return MeasurementError("another run took the worker")
    except Exception as error:
        return error
