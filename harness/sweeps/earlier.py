"""What earlier runs say of the time that cells take, and which cells of a run are in the store already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import msgspec

from harness.results.store import UNREADABLE
from implementations import registry

#: What may differ between a run in the store and one that goes on with it: what a dry run cannot know, since no
#: framework is loaded, and what is no part of the fingerprint.
UNSEEN = frozenset({"started", "commit", "dirty", "command", "backends"})


class _Closing(msgspec.Struct, tag_field="kind", tag="cell"):
    key: str
    seconds: float


class _Header(msgspec.Struct, tag_field="kind", tag="run"):
    provenance: dict[str, Any]


_CLOSING = msgspec.json.Decoder(_Closing)
_HEADER = msgspec.json.Decoder(_Header)


class Known(NamedTuple):
    """Seconds of a cell, and how they are known."""

    seconds: float
    basis: str


class Like(NamedTuple):
    """What cells share whose times are taken for one another's."""

    machine: str
    kind: str
    backend: str


def like(key: str, machine: str) -> Like:
    """Return the kind of work and the backend of a cell's key: "variance torch ...", "memory name=torch ..."."""
    words = key.split()
    backends = registry.backends()
    named = (word.removeprefix("name=") for word in words)
    return Like(machine, words[0] if words else "", next((name for name in named if name in backends), ""))


def _part(path: Path) -> tuple[dict[str, Any], dict[str, float]] | None:
    """Return the provenance of a results file and the seconds of its cells; None if it is no such file."""
    first, *rest = path.read_bytes().split(b"\n")
    try:
        header = _HEADER.decode(first)
    except UNREADABLE:
        return None
    found = {}
    for line in rest:
        if b'"kind":"cell"' not in line:
            continue
        try:
            closing = _CLOSING.decode(line)
        except UNREADABLE:  # a torn line: its cell is unfinished
            continue
        found[closing.key] = closing.seconds
    return header.provenance, found


def _parts(root: Path) -> Iterator[tuple[str, dict[str, Any], dict[str, float]]]:
    """Yield machine, provenance and seconds of each results file, oldest first."""
    read = [(path.parent.parent.name, _part(path)) for path in sorted(root.glob("*/*/part-*.jsonl"))]
    whole = [(machine, *part) for machine, part in read if part is not None]
    yield from sorted(whole, key=lambda row: str(row[1].get("started", "")))


@dataclass
class Earlier:
    """What the store knows.

    Attributes:
        machine: on which is to be measured.
        machines: that one, then the others in the store.
        seconds: of each cell, by machine and key; the latest run's.
        medians: of cells of one kind and backend.
        finished: keys that are in the run which would be gone on with.
    """

    machine: str
    machines: tuple[str, ...] = ()
    seconds: dict[tuple[str, str], float] = field(default_factory=dict)
    medians: dict[Like, float] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)

    def of(self, key: str) -> Known | None:
        """Return how long a cell is likely to take, or None where no earlier run tells."""
        for machine in self.machines:
            place = "" if machine == self.machine else f", on {machine}"
            if (machine, key) in self.seconds:
                return Known(self.seconds[machine, key], f"same cell{place}")
            group = like(key, machine)
            if group in self.medians:
                return Known(self.medians[group], f"median of the kind{place}")
        return None


def read(root: Path, provenance: Mapping[str, Any]) -> Earlier:
    """Read the times of a results folder.

    Args:
        root: the folder; it need not exist.
        provenance: of the run that is asked for.
    """
    machine = str(provenance["machine"]["name"])
    earlier = Earlier(machine)
    for name, told, seconds in _parts(root):
        earlier.seconds |= {(name, key): value for key, value in seconds.items()}
        known = {key: value for key, value in told.items() if key not in UNSEEN}
        if known == {key: value for key, value in provenance.items() if key not in UNSEEN}:
            earlier.finished |= set(seconds)
    earlier.machines = tuple(dict.fromkeys([machine, *(name for name, _ in earlier.seconds)]))
    groups: dict[Like, list[float]] = {}
    for (name, key), value in earlier.seconds.items():
        groups.setdefault(like(key, name), []).append(value)
    earlier.medians = {group: median(values) for group, values in groups.items()}
    return earlier
