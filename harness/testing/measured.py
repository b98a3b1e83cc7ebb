"""What assertions measured while a test ran, for whoever collects it, such as the pytest plugin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_lines: ContextVar[list[str] | None] = ContextVar("lines", default=None)


def add(line: str) -> None:
    """Add a line, where somebody collects them."""
    found = _lines.get()
    if found is not None:
        found.append(line)


@contextmanager
def collected() -> Iterator[list[str]]:
    """Collect the lines that are added inside of the block."""
    lines: list[str] = []
    token = _lines.set(lines)
    try:
        yield lines
    finally:
        _lines.reset(token)
