"""What is to be run, as data that can be sent to another process, and the cell that it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.results.schema import Record


@dataclass(frozen=True)
class Work:
    """A function call in a process that holds one framework.

    Attributes:
        function: "module:name"; it is called as name(backend, **arguments), where backend is the loaded package.
        backend: the backend's name.
        device: "cpu" or "gpu".
        arguments: keyword arguments that can be pickled: built-in types and NumPy arrays.
        alone: whether it needs a process in which nothing has run before, such as one whose memory is measured.
        lane: which of several processes of the same backend and device it runs in.
    """

    function: str
    backend: str
    device: str = "cpu"
    arguments: dict[str, Any] = field(default_factory=dict)
    alone: bool = False
    lane: int = 0


def as_is(result: Any) -> Sequence[Record]:
    """Return the result of a work that gives records already."""
    records: Sequence[Record] = result
    return records


@dataclass(frozen=True)
class Cell:
    """The unit that is measured, stored and, after a break, skipped when it is finished.

    Attributes:
        key: says what is measured, in words that stay the same from run to run, such as
            "variance torch pathwise quadratic float32 cpu k=1 ...".
        work: what the framework's process does.
        finish: turns the work's result into records, in the driver, where no framework is loaded.
    """

    key: str
    work: Work
    finish: Callable[[Any], Sequence[Record]] = as_is
