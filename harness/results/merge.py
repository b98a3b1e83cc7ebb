"""Putting the records of several machines, or of several shares of a sweep, into one run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import BadInputError
from harness.results import disk, lock, provenance, store
from harness.results import part as parts
from harness.results.prune import holding
from harness.results.schema import Failure, Record
from harness.results.schema.identity import numbers


@dataclass(frozen=True)
class Share:
    """What one file brings.

    Attributes:
        part: the file.
        new: its cells that are not there yet.
        known: how many of its cells are there already, with the same numbers.
    """

    part: parts.Part
    new: list[parts.WholeCell]
    known: int


def _parts(folder: Path) -> Iterator[parts.Part]:
    for path in parts.listing(folder):
        part = parts.read(path)
        if part.damages:
            raise part.error()
        if part.head:
            yield part


def _different(one: Sequence[Record], other: Sequence[Record]) -> str:
    """Return in what two measurements of a cell differ, measured time and memory aside; "" where in nothing."""
    if len(one) != len(other):
        return f"{len(one)} and {len(other)} records"
    for left, right in zip(map(numbers, one), map(numbers, other), strict=True):
        for name in [*left, *right]:
            if left.get(name) != right.get(name):
                return f"{name} is {left.get(name)!r:.60} and {right.get(name)!r:.60}"
    return ""


def _shares(found: Sequence[parts.Part]) -> list[Share]:
    seen: dict[str, tuple[Path, parts.WholeCell]] = {}
    shares = []
    for part in found:
        if differing := provenance.differences(found[0].provenance, part.provenance):
            raise BadInputError(
                f"{part.path} and {found[0].path} are of unlike runs and are not merged; they differ in "
                f"{'; '.join(differing)}; name folders of runs that share code, versions, seed and profile"
            )
        new: list[parts.WholeCell] = []
        for cell in part.cells:
            if cell.key not in seen:
                seen[cell.key] = part.path, cell
                new.append(cell)
                continue
            where, known = seen[cell.key]
            failed = all(isinstance(record, Failure) for record in (*cell.records, *known.records))
            if not failed and (text := _different(known.records, cell.records)):
                raise BadInputError(
                    f"cell {cell.key!r} was measured twice with different numbers: {text}, in {where} and in "
                    f"{part.path}; leave one of both out"
                )
        shares.append(Share(part, new, len(part.cells) - len(new)))
    return shares


def _plain(name: str) -> str:
    """Return the name of a machine, which a file says, where it is the name of a folder and no way out of it."""
    if not re.fullmatch(r"\w[\w.+ -]*", name):
        raise BadInputError(f"machine {name!r} in the header cannot name a folder; allowed: letters, digits, . + - _")
    return name


def _target(into: Path, first: parts.Part, sources: Sequence[Path]) -> Path:
    """Return the folder of the run that is gone on with in `into`, or that of a new one."""
    alike = [
        folder
        for folder in (store.folders(into) if into.is_dir() else [])
        if any(not provenance.differences(part.provenance, first.provenance) for part in _parts(folder))
    ]
    machine = _plain(provenance.machine_of(first.provenance))
    target = alike[0] if alike else store.free(into / machine / first.path.parent.name)
    for source in sources:
        if source.resolve().is_relative_to(into.resolve()) and source.resolve() != target.resolve():
            raise BadInputError(f"{source} lies in {into} itself; move it out of there, or merge into another folder")
    return target


def merge(sources: Sequence[Path], into: Path) -> list[dict[str, Any]]:
    """Merge runs into one, in a results folder. The sources stay as they are; the same merge again changes nothing.

    Every part keeps its header, so that each record is known to be of the machine that measured it.

    Args:
        sources: folders of runs, or results folders whose runs are alike.
        into: the results folder.

    Returns:
        A row for each file of the sources: "run", "part", "machine", "new" cells, and "known" ones.

    Raises:
        BadInputError: a folder is missing, a file is damaged, runs are unlike, a cell was measured twice with different
            numbers, another process writes there, or the disk cannot be written. Nothing is merged then.
    """
    folders = [folder for source in sources for folder in store.folders(source)]
    brought = [part for folder in folders for part in _parts(folder)]
    if not brought:
        raise BadInputError(f"no results in {', '.join(map(str, sources))}; name a run's folder or a results folder")
    _shares(brought)
    target = _target(into, brought[0], folders)
    with disk.said(target, "then give the same command again"):
        target.mkdir(parents=True, exist_ok=True)
        descriptor = lock.acquire(target)
        try:
            there = list(_parts(target))
            shares = _shares([*there, *brought])[len(there) :]
            for share in shares:
                if share.new:
                    disk.replace(parts.free(target), holding(share.part, share.new))
            disk.keep_names(target.parent, target.parent.parent)
        finally:
            os.close(descriptor)
    return [
        {
            "run": store.name_of(share.part.path.parent),
            "part": share.part.path.name,
            "machine": provenance.machine_of(share.part.provenance),
            "new": len(share.new),
            "known": share.known,
            "into": store.name_of(target),
        }
        for share in shares
    ]
