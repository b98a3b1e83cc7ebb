"""What a person reads after the night: beginning, failures, how far it was every ten minutes, and the end."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from harness.errors import without_folders
from harness.results.schema import Failure, Record

NAME = "log.txt"

SECONDS_BETWEEN_LINES = 600.0


class Log:
    """A text file in a run's folder, appended to by each process that goes on with the run.

    It names no folder of this machine. Where it cannot be written it is left alone: the results say all.

    Args:
        folder: of the run.
        total: cells to measure, or None where that is not known.
    """

    def __init__(self, folder: Path, total: int | None = None) -> None:
        self._path, self._total = folder / NAME, total
        self._done = self._failed = 0
        self._begin = self._last = time.monotonic()

    def _write(self, text: str) -> None:
        moment = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        line = without_folders(" ".join(text.split()))
        with suppress(OSError), self._path.open("a", encoding="utf-8") as file:
            file.write(f"{moment} {line}\n")

    def begin(self, name: str, earlier: int) -> None:
        """Say that a part is begun.

        Args:
            name: of its file.
            earlier: cells that earlier parts have.
        """
        total = "" if self._total is None else f", {self._total} cells to measure"
        self._write(f"begin {name}: {earlier} cells are there{total}")

    def finished(self, key: str, records: Sequence[Record]) -> None:
        """Count a cell; say so if it failed, or if nothing was said for ten minutes.

        Args:
            key: of the cell.
            records: of it.
        """
        self._done += 1
        for record in records:
            if isinstance(record, Failure):
                self._failed += 1
                self._write(f"failed {record.cell}: {record.reason}")
        now = time.monotonic()
        if now - self._last >= SECONDS_BETWEEN_LINES:
            self._last = now
            self._write(f"{self._summary(now)}; the last: {key}")

    def end(self, error: BaseException | None) -> None:
        """Say how it ended.

        Args:
            error: that ended it, if one did.
        """
        how = "end" if error is None else f"ended by {type(error).__name__}: {error}"
        self._write(f"{how}: {self._summary(time.monotonic())}")

    def _summary(self, now: float) -> str:
        seconds = max(now - self._begin, 1e-9)
        rate = self._done / seconds
        of = "" if self._total is None else f" of {self._total}"
        text = f"{self._done}{of} cells in {dt.timedelta(seconds=round(seconds))}, {self._failed} failed"
        text += f", {rate * 60:.3g} a minute"
        if self._total is None or not rate or self._done >= self._total:
            return text
        return f"{text}, {dt.timedelta(seconds=round((self._total - self._done) / rate))} left"
