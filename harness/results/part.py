"""Reading one results file: its whole cells, and what is damaged in it.

Damage costs the cell it is in and no other: a closing line says how many lines before it are its own, so that reading
finds its feet again at the next one.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import BadInputError
from harness.results import lines
from harness.results.schema import SCHEMA, Record


class NewerError(BadInputError):
    """A file was written by a newer version. It is whole: nothing may be mended in it."""


@dataclass(frozen=True)
class WholeCell:
    """A finished cell.

    Attributes:
        key: its name.
        records: its records.
        line: number of its first line.
        raw: its lines as they stand in the file.
    """

    key: str
    records: list[Record]
    line: int
    raw: bytes


@dataclass(frozen=True)
class Damage:
    """Lines that cannot be trusted.

    Attributes:
        line: the first that is known to be bad.
        cell: the key of the cell, or "" where that is not known.
        reason: what is wrong.
    """

    line: int
    cell: str
    reason: str


@dataclass
class Part:
    """What one file holds.

    Attributes:
        path: the file.
        head: its header line, or b"" where there is none.
        fingerprint: from the header.
        provenance: from the header.
        cells: in the order in which they were written; a key may stand there twice, and the later one counts.
        damages: by line.
        notes: what a kill has left, which costs nothing that was finished.
    """

    path: Path
    head: bytes = b""
    fingerprint: str = ""
    provenance: dict[str, Any] = field(default_factory=dict)
    cells: list[WholeCell] = field(default_factory=list)
    damages: list[Damage] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def checked(self) -> bool:
        """Whether there are digests, so that a flipped bit is found."""
        return lines.seal_of(self.head) != b""

    def error(self) -> BadInputError:
        """Return the error for the first damage."""
        first, others = self.damages[0], len(self.damages) - 1
        also = f" (and {others} more, see: reparam results verify {shlex.quote(str(self.path.parent))})" * bool(others)
        return BadInputError(
            f"{self.path}: line {first.line} {first.reason}{also}; {len(self.cells)} cells of this file are whole. Set "
            f"the damaged ones aside with: reparam results prune --damaged {shlex.quote(str(self.path.parent))}; "
            "then the command of the run measures them again"
        )


def listing(folder: Path) -> list[Path]:
    """Return the parts in a run's folder, in the order in which they were begun."""
    return sorted(folder.glob("part-*.jsonl"), key=lambda path: (len(path.name), path.name))


def free(folder: Path) -> Path:
    """Return the path of a part that was not there yet, nor set aside."""
    numbers = [int(found[1]) for path in folder.iterdir() if (found := re.match(r"part-(\d+)\.jsonl", path.name))]
    return folder / f"part-{max(numbers, default=0) + 1}.jsonl"


def _newer(path: Path, line: int, what: str, provenance: dict[str, Any]) -> NewerError:
    from harness.results.provenance import versions

    versions_there = provenance.get("versions")
    told = versions_there.get("reparam") if isinstance(versions_there, dict) else None
    wrote = "".join(letter for letter in str(told or "of an unknown version") if letter.isprintable())[:60]
    return NewerError(
        f"{path}: line {line} has {what}; written by reparam {wrote}, and this is "
        f"reparam {versions().get('reparam', 'of an unknown version')}, which reads schema {SCHEMA}; "
        "use that version, or move the file out of the results folder"
    )


def _whole_header(data: bytes) -> bytes:
    """Return a header line whose digest is right, or b"".

    There are two copies. A flipped bit may have split the first in two lines, or joined both.
    """
    first = data.split(b"\n", 3)[:3]
    candidates = (*first, first[0][: (len(first[0]) - 1) // 2])
    return next((line for line in candidates if lines.is_sealed(line)), b"")


def _read_header(part: Part, data: bytes) -> int:
    """Fill in the header, and return where the cells begin; 0 where no header can be read."""
    first = data.partition(b"\n")[0]
    head = _whole_header(data) or first
    try:
        any_header = lines.ANY_HEADER.decode(head)
    except lines.UNREADABLE as error:
        part.damages.append(Damage(1, "", f"is not the header of a results file ({error})"))
        return 0
    if any_header.schema != SCHEMA:
        raise _newer(part.path, 1, f"schema {any_header.schema}", any_header.provenance)
    try:
        header = lines.HEADER.decode(head)
    except lines.UNREADABLE as error:
        if lines.is_sealed(head):
            raise _newer(part.path, 1, f"what this version does not know ({error})", any_header.provenance) from None
        part.damages.append(Damage(1, "", f"is not the header of a results file ({error})"))
        return 0
    if header.digest and not lines.is_sealed(head):
        part.damages.append(Damage(1, "", "does not have its digest, and neither has its copy"))
        return 0
    part.head, part.fingerprint, part.provenance = head, header.fingerprint, header.provenance
    if head != first:
        part.damages.append(Damage(1, "", "does not have its digest; its copy, which follows, is whole"))
    return data.rfind(head + b"\n") + len(head) + 1 if header.digest else len(head) + 1


def _decoded(own: list[tuple[int, bytes]]) -> tuple[list[Record], tuple[int, str] | None]:
    """Return the records in some lines, up to the first line that is none: its number, and what it is."""
    records: list[Record] = []
    for number, raw in own:
        try:
            records.append(lines.RECORD.decode(raw))
        except lines.UNREADABLE as error:
            return records, (number, f"is not a record of schema {SCHEMA} ({error})")
    return records, None


def _close(part: Part, pending: list[tuple[int, bytes]], number: int, raw: bytes, closing: lines.Closing) -> None:
    """Take the lines before a closing line as a cell, or note what is damaged."""
    own = pending[max(0, len(pending) - closing.records) :] if part.checked else pending
    body = b"".join(text + b"\n" for _, text in own)
    whole = lines.is_sealed(raw, lines.seal_of(part.head) + body) if part.checked else closing.records == len(own)
    records, fault = _decoded(own)
    if whole and fault and part.checked:
        raise _newer(part.path, fault[0], f"what this version does not know: it {fault[1]}", part.provenance)
    if not whole or fault:
        counts = f"closes a cell of {closing.records} records, {len(own)} stand before it"
        flipped = f"does not have the digest of cell {closing.key!r}: a bit has flipped, or the file was edited"
        at, reason = fault or (number, flipped if len(own) == closing.records else counts)
        part.damages.append(Damage(at, closing.key, reason))
        return
    if rest := pending[: len(pending) - len(own)]:
        at, reason = _decoded(rest)[1] or (rest[0][0], "belongs to a cell whose closing line is lost")
        part.damages.append(Damage(at, "", reason))
    part.cells.append(WholeCell(closing.key, records, own[0][0] if own else number, body + raw + b"\n"))


def read(path: Path) -> Part:
    """Read a file.

    Raises:
        NewerError: it was written by a newer version.
        BadInputError: the disk does not give it.
    """
    part = Part(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInputError(
            f"{path} cannot be read: {error.strerror or error}; restore it from a copy, or move it out of the results "
            "folder: its cells are then measured again"
        ) from error
    if b"\n" not in data:
        part.notes.append(f"{path}: line 1 is torn; the file holds nothing yet")
        return part
    position = _read_header(part, data)
    if not part.head:
        return part
    *whole, torn = data[position:].split(b"\n")
    pending: list[tuple[int, bytes]] = []
    number = data[:position].count(b"\n")
    for raw in whole:
        number += 1
        try:
            closing = lines.CLOSED.decode(raw) if raw.startswith(lines.CLOSING) else None
        except lines.UNREADABLE:
            closing = None
        if closing is None:
            pending.append((number, raw))
            continue
        _close(part, pending, number, raw, closing)
        pending = []
    if (fault := _decoded(pending)[1]) is not None:
        part.damages.append(Damage(fault[0], "", fault[1]))
    elif pending:
        part.notes.append(f"{path}: the last cell is unfinished; its {len(pending)} records are passed over")
    if torn:
        part.notes.append(f"{path}: line {number + 1} is torn; it is left as it is, and its cell counts as unfinished")
    return part
