"""Taking out of a results folder what nobody needs, and setting aside what is damaged.

It touches files that the store has written, and no others: parts, their logs and locks.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any

from harness.errors import BadInputError, out_of_range
from harness.results import disk, lock, log, store
from harness.results import part as parts
from harness.results.schema import Failure

#: Ends the name of the copy of a part in which something was damaged.
ASIDE = ".damaged"


@dataclass(frozen=True)
class What:
    """What is to go.

    Attributes:
        damaged: lines that cannot be trusted; a copy of their file is kept.
        unfinished: parts without a finished cell, and what a kill has left at the end of others.
        failures: records of failures that a later try has made good.
        keep: of the runs of one profile and machine, so many of the newest stay; None keeps all.
    """

    damaged: bool = False
    unfinished: bool = False
    failures: bool = False
    keep: int | None = None


@dataclass(frozen=True)
class Step:
    """A file that changes.

    Attributes:
        path: the file.
        reason: why.
        after: what it is to hold; None where it goes.
        cells: finished cells that go with it.
        aside: where a copy of what it holds now is kept; None where none is.
    """

    path: Path
    reason: str
    after: bytes | None
    cells: int = 0
    aside: Path | None = None

    def row(self) -> dict[str, Any]:
        """Return the step as a record."""
        action = "remove" if self.after is None else "rewrite"
        size = self.path.stat().st_size - len(self.after or b"")
        return {
            "run": store.name_of(self.path.parent),
            "file": self.path.name,
            "action": action if self.aside is None else f"{action}, copy in {self.aside.name}",
            "reason": self.reason,
            "cells": self.cells,
            "bytes": size,
        }

    def take(self) -> None:
        """Change the file; killed at any moment, the old one or the new one is there."""
        if self.aside is not None:
            disk.replace(self.aside, self.path.read_bytes())
        if self.after is not None:
            disk.replace(self.path, self.after)
            return
        self.path.unlink()
        disk.keep_names(self.path.parent)


def holding(part: parts.Part, cells: Iterable[parts.WholeCell]) -> bytes:
    """Return a file with the header of a part and some of its cells, all as they were written."""
    return (part.head + b"\n") * (2 if part.checked else 1) + b"".join(cell.raw for cell in cells)


def _made_good(cell: parts.WholeCell, keys: frozenset[str]) -> bool:
    return bool(cell.records) and all(isinstance(record, Failure) and record.cell in keys for record in cell.records)


def _aside(path: Path) -> Path:
    """Return where a copy of a part goes: part-1.jsonl.damaged, or .damaged-2 where that is taken."""
    numbered = (path.with_name(f"{path.name}{ASIDE}-{number}") for number in count(2))
    return next(name for name in chain([path.with_name(path.name + ASIDE)], numbered) if not name.exists())


def _in_run(folder: Path, what: What) -> Iterator[Step]:
    found = [parts.read(path) for path in parts.listing(folder)]
    keys = frozenset(cell.key for part in found for cell in part.cells)
    for part in found:
        if part.damages and not what.damaged:
            continue
        cells = [cell for cell in part.cells if not (what.failures and _made_good(cell, keys))]
        reasons = [f"line {damage.line} {damage.reason}" for damage in part.damages]
        if what.unfinished and (part.notes or not part.cells) and not part.damages:
            reasons.append("an unfinished cell at the end" if part.cells else "no finished cell")
        if gone := len(part.cells) - len(cells):
            reasons.append(f"{gone} failures that were made good")
        if reasons:
            aside = _aside(part.path) if part.damages else None
            yield Step(part.path, "; ".join(reasons), holding(part, cells) if cells else None, aside=aside)


def _outdated(folders: Sequence[Path], keep: int) -> Iterator[Step]:
    groups: dict[tuple[str, str], list[tuple[str, Path, int]]] = defaultdict(list)
    for folder in folders:
        found = [part for path in parts.listing(folder) if (part := parts.read(path)).head]
        if found:
            told = found[0].provenance
            cells = len({cell.key for part in found for cell in part.cells})
            key = (folder.parent.name, str(told.get("profile")))
            groups[key].append((str(told.get("started")), folder, cells))
    for (_, profile), runs in groups.items():
        for _, folder, cells in sorted(runs, reverse=True)[keep:]:
            own = [*parts.listing(folder), *folder.glob(f"part-*.jsonl{ASIDE}*"), *folder.glob(log.NAME)]
            for index, path in enumerate(own):
                yield Step(path, f"older than the {keep} newest of profile {profile}", None, 0 if index else cells)


def plan(root: Path, what: What) -> list[Step]:
    """Return what pruning would change, and change nothing.

    Args:
        root: a results folder, that of a machine, or of a run.
        what: is to go.

    Raises:
        BadInputError: there is no such folder, nothing is to go, or a file is of a newer version.
    """
    if what == What():
        raise BadInputError("nothing to prune was named; give --damaged, --unfinished, --failures or --keep N")
    if what.keep is not None and what.keep < 1:
        raise out_of_range("keep", what.keep, "1 or more", "remove a whole run with your file manager")
    folders = store.folders(root)
    old = [] if what.keep is None else list(_outdated(folders, what.keep))
    gone = {step.path.parent for step in old}
    return [*old, *(step for folder in folders if folder not in gone for step in _in_run(folder, what))]


@contextmanager
def _locked(folders: Iterable[Path]) -> Iterator[None]:
    held: list[int] = []
    try:
        held += [lock.acquire(folder) for folder in folders]
        yield
    finally:
        for descriptor in held:
            os.close(descriptor)


def prune(root: Path, what: What) -> list[dict[str, Any]]:
    """Change what `plan` says, while no other process writes these runs.

    Args:
        root: a results folder, that of a machine, or of a run.
        what: is to go.

    Returns:
        What was done, a row for each file: "run", "file", "action", "reason", "cells" and "bytes" that went.

    Raises:
        BadInputError: as `plan`, a run is being written, or the disk cannot be written.
    """
    folders = sorted({step.path.parent for step in plan(root, what)})
    rows = []
    with disk.said(root, "then give the same command again"), _locked(folders):
        for step in plan(root, what):
            if step.path.parent in folders:
                rows.append(step.row())
                step.take()
    for folder in folders:
        if {path.name for path in folder.iterdir()} <= {lock.NAME}:
            (folder / lock.NAME).unlink(missing_ok=True)
            folder.rmdir()
    return rows
