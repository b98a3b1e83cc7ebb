"""A time limit on code of this process that nobody else can end: it raises, it does not kill."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["time_limit"]


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise in what takes longer, where a signal can.

    There is no limit outside the main thread, where the system has no SIGALRM, and where somebody else has set the
    alarm. Native code that does not return hears no signal: what must end is run in a process that can be killed.

    Args:
        seconds: above 0.

    Raises:
        TimeoutError: it is not finished by then.
    """
    if not _free():
        yield
        return

    def end(*_: object) -> None:
        raise TimeoutError(f"not finished after {seconds:g} s")

    earlier = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)


def _free() -> bool:
    """Tell whether the alarm can be set here, and nobody has."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        return False
    # a handler that Python did not set could not be restored
    return not signal.getitimer(signal.ITIMER_REAL)[0] and signal.getsignal(signal.SIGALRM) is not None
