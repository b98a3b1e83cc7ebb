"""What is done when a command has printed all that it has to say, and only then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Action = Callable[[], None]

_ACTIONS: ContextVar[list[Action] | None] = ContextVar("_ACTIONS", default=None)


def at_end(action: Action) -> None:
    """Do something when the present command has ended by itself; at once where no command is under way."""
    actions = _ACTIONS.get()
    if actions is None:
        action()
    else:
        actions.append(action)


@contextmanager
def command() -> Iterator[Action]:
    """Make a context in which `at_end` waits for the function that is yielded: it says that all is printed."""
    actions: list[Action] = []

    def ended() -> None:
        while actions:
            actions.pop()()

    token = _ACTIONS.set(actions)
    try:
        yield ended
    finally:
        _ACTIONS.reset(token)
