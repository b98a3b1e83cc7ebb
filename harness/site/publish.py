"""A finished site put in the place of the one before it: no page of a run that is gone is left behind.

The folder has a list of what the site consists of. What an earlier list names, and the new one does not, is removed;
whatever else is in the folder stays.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from harness.results import disk

#: The list: paths from the site's folder.
LIST = "files.json"


def _listed(folder: Path) -> set[Path]:
    """Return the files of the site that is there; none where there is no list that can be read."""
    try:
        names = msgspec.json.decode((folder / LIST).read_bytes(), type=list[str])
    except (OSError, ValueError):
        return set()
    # the list is a file like any other: it does not reach beyond the folder
    return {path for path in map(Path, names) if not path.is_absolute() and ".." not in path.parts}


def publish(built: Path, folder: Path) -> None:
    """Move a site to where it is read.

    Args:
        built: a folder with the whole site, on the same file system; it is empty of files afterwards.
        folder: where the site goes; it exists.
    """
    new = {path.relative_to(built) for path in built.rglob("*") if path.is_file()}
    before = _listed(folder)
    # both lists while files are moved: a site that is killed meanwhile is cleared by the next one
    _write(folder, before | new)
    for path in sorted(new):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        os.replace(built / path, folder / path)
    for path in before - new:
        with suppress(OSError):  # it is gone already, or a folder has taken its name
            (folder / path).unlink()
    for parent in sorted({parent for path in before - new for parent in path.parents[:-1]}, reverse=True):
        with suppress(OSError):  # something is in it
            (folder / parent).rmdir()
    _write(folder, new)


def _write(folder: Path, files: set[Path]) -> None:
    disk.replace(folder / LIST, msgspec.json.encode(sorted(path.as_posix() for path in files)))
