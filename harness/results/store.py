"""The store: a run is a folder of JSON-lines files, each written by one process, appended to and never rewritten.

    results/MACHINE/RUN/part-1.jsonl
        {"kind": "run", "schema": 1, "fingerprint": ..., "provenance": {...}}     the first line
        {"kind": "variance", ...}                                                 the records of a cell
        {"kind": "cell", "key": ..., "records": 2, "seconds": 0.8}                and the line that closes it

A cell's lines go out in one write and are flushed to the disk. Records that no closing line follows belong to a
cell that was not finished: they are passed over, and the cell is measured again. A run that is started again
writes a new part; a part that ends in a torn line stays as it is.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from harness.errors import BadInputError
from harness.results import provenance as provenances
from harness.results.schema import SCHEMA, AnyRecord, Failure, Record


class _Header(msgspec.Struct, forbid_unknown_fields=True, tag_field="kind", tag="run"):
    schema: int
    fingerprint: str
    provenance: dict[str, Any]


class _Closing(msgspec.Struct, forbid_unknown_fields=True, tag_field="kind", tag="cell"):
    key: str
    records: int
    seconds: float


#: What a decoder raises for a line that it cannot read: not UTF-8 and lists nested without end are errors of their own.
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_HEADER = msgspec.json.Decoder(_Header)
_LINE = msgspec.json.Decoder(AnyRecord | _Closing)
_ENCODER = msgspec.json.Encoder()


@dataclass
class StoredRun:
    """The finished cells of one run.

    Attributes:
        name: "MACHINE/RUN".
        fingerprint: what two runs must share to be continued; see `provenance.fingerprint`.
        provenance: of its first part.
        cells: the records of each finished cell, by key.
        notes: what was passed over, with file and line.
    """

    name: str
    fingerprint: str
    provenance: dict[str, Any]
    cells: dict[str, list[Record]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def records(self) -> list[Record]:
        """Return the records of all finished cells, and of failures that no later try has made good."""
        records = [record for cell in self.cells.values() for record in cell]
        return [record for record in records if not (isinstance(record, Failure) and record.cell in self.cells)]


def _header(path: Path, line: bytes) -> _Header:
    mend = "move it out of the results folder, or use the version of reparam that wrote it"
    try:
        header = _HEADER.decode(line)
    except UNREADABLE as error:
        raise BadInputError(f"{path}: line 1 is not the header of a results file ({error}); {mend}") from None
    if header.schema != SCHEMA:
        raise BadInputError(f"{path}: line 1 has schema {header.schema}; allowed: {SCHEMA}; {mend}")
    return header


def _read_part(path: Path, run: StoredRun) -> None:
    lines = path.read_bytes().split(b"\n")
    torn = lines.pop()
    if torn:
        run.notes.append(
            f"{path}: line {len(lines) + 1} is torn; it is left as it is, and its cell counts as unfinished"
        )
    pending: list[Record] = []
    for number, text in enumerate(lines[1:], start=2):
        try:
            line = _LINE.decode(text)
        except UNREADABLE as error:
            raise BadInputError(
                f"{path}: line {number} is not a record of schema {SCHEMA} ({error}); "
                "mend the line or move the file away"
            ) from None
        if not isinstance(line, _Closing):
            pending.append(line)
            continue
        if line.records != len(pending):
            raise BadInputError(
                f"{path}: line {number} closes a cell of {line.records} records, {len(pending)} stand before it; "
                "a line was added or lost: restore the file or move it away"
            )
        run.cells[line.key] = pending
        pending = []
    if pending:
        run.notes.append(f"{path}: the last cell is unfinished; its {len(pending)} records are passed over")


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("part-*.jsonl"), key=lambda path: (len(path.name), path.name))


def read_run(folder: Path, root: Path) -> StoredRun | None:
    """Read one run, or return None if it holds nothing but a torn header.

    Raises:
        BadInputError: a line is foreign, or two parts have different fingerprints; the message names file and line.
    """
    run: StoredRun | None = None
    for path in _parts(folder):
        first, newline, _ = path.read_bytes().partition(b"\n")
        if not newline:
            continue
        header = _header(path, first)
        if run is None:
            name = folder.relative_to(root).as_posix()
            run = StoredRun(name, header.fingerprint, header.provenance)
        if header.fingerprint != run.fingerprint:
            raise BadInputError(f"{path}: line 1: this part is of an unlike run; move it to a folder of its own")
        _read_part(path, run)
    return run


def read(root: Path) -> list[StoredRun]:
    """Read every run below a results folder, oldest first.

    Raises:
        BadInputError: there is no such folder, or a file in it cannot be read as results.
    """
    if not root.is_dir():
        raise BadInputError(f"no results folder {root}; make one with: reparam run --profile quick --results {root}")
    folders = sorted({path.parent for path in root.glob("*/*/part-*.jsonl")})
    runs = [run for folder in folders if (run := read_run(folder, root)) is not None]
    return sorted(runs, key=lambda run: str(run.provenance.get("started", "")))


class Part:
    """A file of results that is being written by this process.

    Attributes:
        path: the file.
    """

    def __init__(self, folder: Path, provenance: dict[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        number = len(_parts(folder)) + 1
        while True:
            self.path = folder / f"part-{number}.jsonl"
            try:
                # O_EXCL: a file that another process writes is never opened
                self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
                break
            except FileExistsError:
                number += 1
        self._write([_Header(SCHEMA, provenances.fingerprint(provenance), provenance)])
        self._begin = time.perf_counter()

    def _write(self, lines: Iterable[msgspec.Struct]) -> None:
        data = b"".join(_ENCODER.encode(line) + b"\n" for line in lines)
        while data:
            data = data[os.write(self._file, data) :]
        os.fsync(self._file)

    def append(self, key: str, records: Sequence[Record]) -> None:
        """Write the records of a finished cell and its closing line, and wait until the disk has them."""
        now = time.perf_counter()
        closing = _Closing(key, len(records), round(now - self._begin, 3))
        self._begin = now
        self._write([*records, closing])

    def __enter__(self) -> Part:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)


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
    folder, number = base / name, 2
    while folder.exists():
        folder, number = base / f"{name}-{number}", number + 1
    return folder, None
