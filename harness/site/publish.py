"""A finished site put in the place of the one before it: no page of a run that is gone is left behind.

The folder has a list of what the site consists of. What an earlier list names, and the new one does not, is removed.
Whatever else is in the folder stays, and a site that would take its place is refused.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from harness.errors import BadInputError
from harness.results import disk, lock

#: The list, in the site's folder.
LIST = ".reparam-site.json"

#: Begins the name of the folder in which a site is built.
BUILDING = ".building-"

_MEND = "give an empty folder as --output"


class _List(msgspec.Struct, forbid_unknown_fields=True):
    """What a site consists of: paths from its folder."""

    reparam_site: list[str]


def _listed(folder: Path) -> set[Path]:
    """Return the files of the site that is there; none where there is no list that can be read."""
    try:
        names = msgspec.json.decode((folder / LIST).read_bytes(), type=_List).reparam_site
    except (OSError, ValueError):
        return set()
    return {Path(name) for name in names if "\0" not in name and _inside(folder, Path(name))}


def _inside(folder: Path, path: Path) -> bool:
    """Tell whether a path leads to a place in the folder: not upwards, and not through a link."""
    steps = [folder.joinpath(*path.parts[:count]) for count in range(1, len(path.parts))]
    return not path.is_absolute() and ".." not in path.parts and not any(step.is_symlink() for step in steps)


def require_own(folder: Path) -> None:
    """Check that a site may go to a folder: it is empty of pages, or has those of an earlier site.

    Raises:
        BadInputError: it has a first page that this project has not made.
    """
    _require_own(folder, [Path("index.html")], _listed(folder))


def _require_own(folder: Path, new: Iterable[Path], before: set[Path]) -> None:
    for path in new:
        if path not in before and os.path.lexists(folder / path):
            raise BadInputError(f"{folder / path} is not of a site that reparam made; {_MEND}, or move it away")
        clash = next((step for step in path.parents[:-1] if (folder / step).is_symlink()), None) or next(
            (step for step in path.parents[:-1] if (folder / step).exists() and not (folder / step).is_dir()), None
        )
        if clash is not None or (folder / path).is_dir():
            raise BadInputError(f"{folder / (clash or path)} is in the way of the site's files; {_MEND}")


def publish(build: Callable[[Path], object], folder: Path) -> None:
    """Build a site and put it where it is read: the earlier one stays as it is until the new one is whole.

    Args:
        build: makes the site in a folder that it is given.
        folder: where the site goes.

    Raises:
        BadInputError: something in the folder is not of an earlier site and has a name of this one, another process
            publishes there, or the disk cannot be written.
    """
    with disk.said(folder, "then give the same command again"):
        folder.mkdir(parents=True, exist_ok=True)
        held = lock.acquire(folder)
    try:
        for left in folder.glob(f"{BUILDING}*"):  # of a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=BUILDING) as made:
            build(Path(made))
            with disk.said(folder, "then give the same command again"):
                _move(Path(made), folder)
    finally:
        os.close(held)


def _move(built: Path, folder: Path) -> None:
    new = {path.relative_to(built) for path in built.rglob("*") if path.is_file()}
    before = _listed(folder)
    _require_own(folder, sorted(new), before)
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
    disk.replace(folder / LIST, msgspec.json.encode(_List(sorted(path.as_posix() for path in files))))
