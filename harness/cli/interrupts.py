"""One interrupt ends a command; a second one, from an impatient hand, does not break off its ending."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

#: Seconds in which a command ends its processes and says what it has kept.
GRACE = 5.0


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Raise KeyboardInterrupt at SIGINT, but for those that follow one within `GRACE` seconds."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    last = float("-inf")

    def interrupt(*_: object) -> None:
        nonlocal last
        if time.monotonic() - last > GRACE:
            last = time.monotonic()
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        # a process that was interrupted has nothing left to do but to end
        signal.signal(signal.SIGINT, before if last == float("-inf") else signal.SIG_IGN)
