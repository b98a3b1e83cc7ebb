"""Writing a part: a file that one process appends whole cells to, and no other."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from harness.errors import BadInputError
from harness.results import disk, lines, lock
from harness.results import part as parts
from harness.results import provenance as provenances
from harness.results.log import Log
from harness.results.schema import SCHEMA, Record

_BESIDE = "; reparam run --fresh makes a run beside it"

_GO_ON = "then give the same command again: what was finished is kept, and it goes on from there"


class Part:
    """A file of results that is being written by this process, which locks the run's folder meanwhile.

    Args:
        folder: of the run.
        provenance: of this process's share of it.
        total: cells to measure, for the log; None where that is not known.

    Attributes:
        path: the file.

    Raises:
        BadInputError: another process writes this run, or the disk cannot be written.
    """

    def __init__(self, folder: Path, provenance: dict[str, Any], total: int | None = None) -> None:
        fingerprint = provenances.fingerprint(provenance)
        self._head = lines.header(SCHEMA, fingerprint, provenance)
        self._file = -1
        self.path = folder
        with disk.said(folder, _GO_ON):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = lock.acquire(folder, _BESIDE)
        try:
            earlier = [parts.read(path) for path in parts.listing(folder)]
            if any(part.head and provenances.differences(part.provenance, provenance) for part in earlier):
                raise BadInputError(
                    f"{folder} has just been taken by an unlike run; give the same command again: it makes its own"
                )
            with disk.said(folder, _GO_ON):
                self._create(folder)
                disk.keep_names(folder, *folder.absolute().parents[:3])  # the results folder may be new too
        except BaseException:
            self._close()
            raise
        self._begin = time.perf_counter()
        self._log = Log(folder, total)
        self._log.begin(self.path.name, len({cell.key for part in earlier for cell in part.cells}))

    def _create(self, folder: Path) -> None:
        self.path, self._end = parts.free(folder), 0
        # O_EXCL: a file that another process writes is never opened, also where folders cannot be locked
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        try:
            # twice, so that a flipped bit there does not cost every cell
            self._write((self._head + b"\n") * 2)
        except OSError:
            self.path.unlink(missing_ok=True)
            raise

    def _write(self, data: bytes) -> None:
        try:
            disk.write(self._file, data)
        except OSError:
            with suppress(OSError):  # what cannot be cut off is passed over when the file is read
                os.ftruncate(self._file, self._end)
                os.fsync(self._file)
            raise
        self._end += len(data)

    def append(self, key: str, records: Sequence[Record]) -> None:
        """Write the records of a finished cell and its closing line, and wait until the disk has them.

        Args:
            key: of the cell.
            records: of the cell.

        Raises:
            BadInputError: the disk is full, or cannot be written; the file ends with the cell before, then.
        """
        now = time.perf_counter()
        data = lines.cell(self._head, key, records, round(now - self._begin, 3))
        self._begin = now
        with disk.said(self.path, _GO_ON):
            self._write(data)
        self._log.finished(key, records)

    def _close(self) -> None:
        for descriptor in (self._file, self._lock):
            if descriptor >= 0:
                os.close(descriptor)

    def __enter__(self) -> Part:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._log.end(error)
        self._close()
