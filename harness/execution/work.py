"""What is to be run, as data that can be sent to another process, and the cell that it belongs to."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from harness.results.schema import Record


class Place(NamedTuple):
    """What one process holds; works of one place run in order."""

    backend: str
    device: str
    lane: int
    package: str


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
        package: the distributions beside this one whose code it runs, joined by blanks; they have a process of their
            own.
    """

    function: str
    backend: str
    device: str = "cpu"
    arguments: dict[str, Any] = field(default_factory=dict)
    alone: bool = False
    lane: int = 0
    package: str = ""

    @property
    def place(self) -> Place:
        """Return what its process holds."""
        return Place(self.backend, self.device, self.lane, self.package)


@dataclass(frozen=True)
class Task:
    """A work, and the conditions under which a process does it.

    Attributes:
        work: what is done.
        key: of its cell, for progress.
        threads: threads of one operation; 0 is the framework's own choice.
        time_limit: seconds until its process is killed.
        keeps_programs: whether the framework finds again what an earlier process compiled.
        identity: the code and versions that its process must have, see `identity.identity`; none asks for nothing.
    """

    work: Work
    key: str = ""
    threads: int = 0
    time_limit: float = math.inf
    keeps_programs: bool = False
    identity: dict[str, str] = field(default_factory=dict)


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
