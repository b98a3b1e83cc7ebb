"""Progress, told by work inside a worker process to the driver."""

from __future__ import annotations

from collections.abc import Callable

Listener = Callable[[int, int, str], None]


def _nobody(done: int, total: int, note: str) -> None:
    """Stand for the driver where nobody listens."""


class _State:
    listener: Listener = staticmethod(_nobody)


def listen(listener: Listener) -> None:
    """Set who hears this process's reports."""
    _State.listener = staticmethod(listener)


def report(done: int, total: int, note: str = "") -> None:
    """Tell how far the present work is.

    Args:
        done: parts finished.
        total: parts in all.
        note: a few words, such as the present loss.
    """
    _State.listener(done, total, note)
