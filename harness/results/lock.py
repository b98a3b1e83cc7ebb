"""One writer for a folder: a lock that ends with its process, however that ends, so that none is ever left behind."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from harness.console import note
from harness.errors import BadInputError

#: In that folder. It stays there, since removing a lock's file would let two processes lock two files.
NAME = ".lock"

_UNSUPPORTED = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK}


def _flock(descriptor: int) -> None:
    """Lock a file for this process without waiting; an OSError of `_UNSUPPORTED` says that the system has no locks."""
    try:
        import fcntl
    except ImportError:  # it is POSIX's
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from None
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def acquire(folder: Path, beside: str = "") -> int:
    """Lock a folder for this process.

    Args:
        folder: of a run or a site; it exists.
        beside: what else the message says can be done.

    Returns:
        A descriptor; closing it, or the end of the process, unlocks the folder.

    Raises:
        BadInputError: another process holds the lock.
    """
    descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _flock(descriptor)
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            note(f"{folder} cannot be locked on this system; see to it that one process alone writes there")
            return descriptor
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
        os.close(descriptor)
        if error.errno not in {errno.EAGAIN, errno.EACCES}:
            raise
        raise BadInputError(
            f"{folder} is being written by another process ({holder or 'its number is not known'}); wait until it has "
            f"finished, or end it and give the same command again{beside}"
        ) from None
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()}\n".encode(), 0)
    except OSError:
        return descriptor  # the lock holds; who holds it cannot be told on a full disk
    return descriptor
