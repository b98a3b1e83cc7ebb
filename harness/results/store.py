"""The store: a run is a folder of JSON-lines files, each written by one process, appended to and never rewritten.

    results/MACHINE/RUN/part-1.jsonl
        {"kind": "run", "schema": 1, "fingerprint": ..., "provenance": {...}, "digest": ...}    the header, twice
        {"kind": "variance", ...}                                                               the records of a cell
        {"kind": "cell", "key": ..., "records": 2, "seconds": 0.8, "digest": ...}               and what closes it
    results/MACHINE/RUN/log.txt

A cell's lines go out in one write and are flushed to the disk. Records that no closing line follows belong to a
cell that was not finished: they are passed over, and the cell is measured again. A run that is started again
writes a new part; a part that ends in a torn line stays as it is. Parts of several machines stand in one run only
where `reparam results merge` has put them there, and share all but the machine. Digests: see `harness.results.lines`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from itertools import chain, count
from pathlib import Path
from typing import Any

from harness.errors import BadInputError
from harness.results import part as parts
from harness.results import provenance as provenances
from harness.results.lines import UNREADABLE
from harness.results.schema import Failure, Record
from harness.results.writing import Part

__all__ = ["UNREADABLE", "Part", "StoredRun", "folders", "free", "name_of", "read", "read_run", "resumable"]


@dataclass
class StoredRun:
    """The finished cells of one run.

    Attributes:
        name: "MACHINE/RUN".
        fingerprint: what two runs must share to be continued; see `provenance.fingerprint`.
        provenance: of its first part.
        cells: the records of each finished cell, by key.
        notes: what was passed over, with file and line.
        origins: the provenance of the part that holds each cell, by key.
    """

    name: str
    fingerprint: str
    provenance: dict[str, Any]
    cells: dict[str, list[Record]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    origins: dict[str, dict[str, Any]] = field(default_factory=dict)

    def _standing(self) -> dict[str, list[Record]]:
        """Return the cells without failures that a later try has made good."""
        return {
            key: [record for record in cell if not (isinstance(record, Failure) and record.cell in self.cells)]
            for key, cell in self.cells.items()
        }

    @property
    def records(self) -> list[Record]:
        """Return the records of all finished cells, and of failures that no later try has made good."""
        return [record for cell in self._standing().values() for record in cell]

    def by_machine(self) -> list[StoredRun]:
        """Return a run for each machine that measured cells of this one, in the order of their parts."""
        found: dict[str, StoredRun] = {}
        for key, cell in self._standing().items():
            origin = self.origins[key]
            name = provenances.machine_of(origin)
            found.setdefault(name, replace(self, provenance=origin, cells={}, origins={}))
            found[name].cells[key], found[name].origins[key] = cell, origin
        return list(found.values()) or [self]


def read_run(folder: Path, root: Path) -> StoredRun | None:
    """Read one run, or return None if it holds nothing but a torn header.

    Raises:
        BadInputError: a line is damaged or foreign, a file is of a newer version, or two parts are unlike; the message
            names file and line, and the mend.
    """
    run: StoredRun | None = None
    notes: list[str] = []
    for path in parts.listing(folder):
        part = parts.read(path)
        if part.damages:
            raise part.error()
        notes += part.notes
        if not part.head:
            continue
        if run is None:
            run = StoredRun(folder.relative_to(root).as_posix(), part.fingerprint, part.provenance, notes=notes)
        if differing := provenances.differences(run.provenance, part.provenance):
            raise BadInputError(
                f"{path}: line 1: this part is of an unlike run, it differs in {differing[0]}; "
                "move it to a folder of its own"
            )
        run.cells |= {cell.key: cell.records for cell in part.cells}
        run.origins |= {cell.key: part.provenance for cell in part.cells}
    return run


def folders(root: Path) -> list[Path]:
    """Return the folders of the runs in a results folder, in that of a machine, or of the run that it is itself.

    Raises:
        BadInputError: there is no such folder.
    """
    if not os.path.isdir(root):  # also where the name is too long for a path
        raise BadInputError(f"no results folder {root}; make one with: reparam run --profile quick --results {root}")
    below = {path.parent for path in root.glob("*/*/part-*.jsonl")}
    whole = Path(os.path.abspath(root))  # the name of a run is that of its folder, and of the one that holds it
    inside = {path.parent for depth in ("", "*/") for path in whole.glob(f"{depth}part-*.jsonl")}
    return sorted(below or inside)


def name_of(folder: Path) -> str:
    """Return the name of a run from its folder, "MACHINE/RUN"."""
    return "/".join(folder.parts[-2:])


def read(root: Path) -> list[StoredRun]:
    """Read every run below a results folder, oldest first.

    Raises:
        BadInputError: there is no such folder, or a file in it cannot be read as results.
    """
    runs = [run for folder in folders(root) if (run := read_run(folder, folder.parent.parent)) is not None]
    return sorted(runs, key=lambda run: str(run.provenance.get("started", "")))


def free(folder: Path) -> Path:
    """Return a folder for a new run: this one, or FOLDER-2 and so on where it holds a run already."""
    numbered = (folder.with_name(f"{folder.name}-{number}") for number in count(2))
    return next(found for found in chain([folder], numbered) if not parts.listing(found))


def resumable(root: Path, provenance: dict[str, Any], fresh: bool = False) -> tuple[Path, StoredRun | None]:
    """Return the folder in which a run goes on or starts, and what it has finished.

    Args:
        root: the results folder.
        provenance: of the run that is about to start. A run of the same fingerprint is gone on with; else the
            folder is a new one, ROOT/MACHINE/DATE-COMMIT-PROFILE.
        fresh: start anew although such a run exists.
    """
    base = root / provenance["machine"]["name"]
    wanted = provenances.fingerprint(provenance)
    for folder in () if fresh else sorted({path.parent for path in base.glob("*/part-*.jsonl")}):
        run = read_run(folder, root)
        if run is not None and run.fingerprint == wanted:
            return folder, run
    name = f"{provenance['started'][:10]}-{(provenance['commit'] or 'no-commit')[:7]}-{provenance['profile']}"
    return free(base / name), None
