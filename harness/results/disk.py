"""Writes that last: what is said to be written is on the disk, and a disk that is full is said in one line."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.errors import FULL, BadInputError

#: Said of folders by file systems that flush names with files, and of folders above that are not one's own.
_CANNOT_FLUSH = {errno.EINVAL, errno.EBADF, errno.EOPNOTSUPP, errno.EACCES, errno.EPERM}


@contextmanager
def said(path: Path, mend: str) -> Iterator[None]:
    """Turn an error of the disk into one line.

    Args:
        path: what is written.
        mend: what to do then.

    Raises:
        BadInputError: for every OSError inside.
    """
    try:
        yield
    except OSError as error:
        room = "make room on that disk" if error.errno in FULL else "see to it that it can be written"
        raise BadInputError(f"{path} cannot be written: {error.strerror or error}; {room}, {mend}") from error


def write(descriptor: int, data: bytes) -> None:
    """Write all of it, and wait until the disk has it."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    os.fsync(descriptor)


def keep_names(*folders: Path) -> None:
    """Wait until the disk has the names of the files in some folders: a file's own fsync does not cover its name."""
    for folder in folders:
        try:
            _flush(folder)
        except OSError as error:
            if error.errno not in _CANNOT_FLUSH:
                raise


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(path: Path, data: bytes) -> None:
    """Put a file in the place of another, or of none, at once: at every moment one of both is there, whole.

    Args:
        path: of the file.
        data: that it is to hold.
    """
    new = path.with_name(f"{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        write(descriptor, data)
        os.close(descriptor)
        new.replace(path)
    except OSError:
        with suppress(OSError):
            os.close(descriptor)
        new.unlink(missing_ok=True)
        raise
    keep_names(path.parent)
