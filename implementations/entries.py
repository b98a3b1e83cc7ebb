"""Rows that other packages add to the tables of backends, estimators and problems, through entry points.

An entry point names a row: data, which imports no framework. One that cannot be used is refused with a reason, and
takes nothing else down: not the command, not the other rows.
"""

from __future__ import annotations

import contextlib
import importlib.util
import keyword
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points
from pathlib import Path
from typing import Any, Generic, TypeVar

from implementations.alarm import time_limit

GROUPS = ("reparam.backends", "reparam.estimators", "reparam.problems")

#: Seconds that the import of a row may take.
PATIENCE = 10.0

#: What a row must not import: a process holds one framework, and lists hold none.
FRAMEWORKS = frozenset({"torch", "jax", "tensorflow", "tensorflow_probability", "numpyro"})

#: What a row may be called, in a message and as a pattern.
NAMES = "lower-case letters, digits and _, a letter first, 60 at most, no word of Python"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")

Row = TypeVar("Row")


class RefusedError(Exception):
    """A row cannot be used; the message says why."""


@dataclass(frozen=True)
class Plugin:
    """Where a row is from.

    Attributes:
        group: of its entry point.
        name: of its entry point.
        package: the distribution that it is from.
        version: of that distribution.
        module: that holds the row.
        refused: why it is not used; "" where it is.
    """

    group: str
    name: str
    package: str
    version: str
    module: str
    refused: str = ""

    def __str__(self) -> str:
        """Return what is said of one that is refused."""
        return f"plug-in {self.name!r} of package {self.package!r} is not used: {self.refused}"


def is_name(text: str) -> bool:
    """Tell whether a row may be called so."""
    return bool(_NAME.fullmatch(text)) and not keyword.iskeyword(text)


def found(group: str) -> list[EntryPoint]:
    """Return the entry points of a group, in the order of their names. Loads nothing.

    A package whose metadata cannot be read has none.
    """
    try:
        entries = list(entry_points(group=group))
    except Exception:
        entries = [entry for package in distributions() for entry in _of(package, group)]
    return sorted(entries, key=lambda entry: (entry.name, entry.value))


def _of(package: Distribution, group: str) -> list[EntryPoint]:
    try:
        return list(package.entry_points.select(group=group))
    except Exception:
        return []


def plugin(entry: EntryPoint, refused: str = "") -> Plugin:
    """Return where an entry point is from, without loading it."""
    try:
        package, version = (entry.dist.name, entry.dist.version) if entry.dist else ("", "")
    except Exception:
        package = version = ""
    module = entry.value.partition(":")[0].strip()
    return Plugin(entry.group, entry.name, package or "", version or "", module, refused)


def anything() -> bool:
    """Tell whether any package here has an entry point of this project. Loads nothing."""
    return any(found(group) for group in GROUPS)


def packages() -> dict[str, str]:
    """Return the version of every distribution that has an entry point of this project, by its name."""
    rows = (plugin(entry) for group in GROUPS for entry in found(group))
    return {row.package: row.version for row in sorted(rows, key=lambda row: row.package) if row.package}


def files(modules: Iterable[str] = ()) -> list[tuple[str, Path]]:
    """Return the files of the packages that entry points of this project name, without importing them.

    Args:
        modules: others whose packages belong to them, such as those that the rows name.

    Returns:
        (name from the package on, path) of every file, in order; a module that is no package has one.
    """
    named = {plugin(entry).module for group in GROUPS for entry in found(group)} | set(modules)
    packages = sorted({name.partition(".")[0] for name in named} - {""})
    return [row for package in packages for row in _files(package)]


def _files(package: str) -> list[tuple[str, Path]]:
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    if spec.submodule_search_locations is None:
        return [(package, Path(spec.origin))] if spec.origin and Path(spec.origin).is_file() else []
    folders = [Path(folder) for folder in spec.submodule_search_locations]
    made = "__pycache__"
    paths = [(folder, path) for folder in folders for path in sorted(folder.rglob("*")) if made not in path.parts]
    return [(f"{package}/{path.relative_to(folder).as_posix()}", path) for folder, path in paths if path.is_file()]


class Table(Mapping[str, Row], Generic[Row]):
    """A table of rows by name: those of this project, then those of other packages, read when first looked at.

    Attributes:
        built_in: the rows of this project.
        group: of the entry points that add to them.
        require: (name, what an entry point names) -> None; raises `RefusedError` where that is no row.
    """

    def __init__(self, built_in: Mapping[str, Row], group: str, require: Callable[[str, Any], None]) -> None:
        self.built_in, self.group, self.require = built_in, group, require

    def __getitem__(self, name: str) -> Row:
        return self.built_in[name] if name in self.built_in else self._found[0][name]

    def __iter__(self) -> Iterator[str]:
        return iter([*self.built_in, *self._found[0]])

    def __len__(self) -> int:
        return len(self.built_in) + len(self._found[0])

    def __hash__(self) -> int:
        return id(self)

    def plugin(self, name: str) -> Plugin | None:
        """Return where the row of that name is from; None for one of this project."""
        return None if name in self.built_in else self._found[1][name]

    def package(self, name: str) -> str:
        """Return the distribution that the row of that name is from."""
        found = self.plugin(name)
        return found.package if found else "reparam"

    @property
    def added(self) -> Mapping[str, Row]:
        """The rows of other packages."""
        return self._found[0]

    @property
    def refused(self) -> tuple[Plugin, ...]:
        """The entry points that cannot be used."""
        return self._found[2]

    @cached_property
    def _found(self) -> tuple[dict[str, Row], dict[str, Plugin], tuple[Plugin, ...]]:
        rows: dict[str, Row] = {}
        used: dict[str, Plugin] = {}
        refused = []
        for entry in found(self.group):
            try:
                taken = self.package(entry.name) if entry.name in self.built_in else ""
                other = used[entry.name].package if entry.name in used else taken
                rows[entry.name] = self._row(entry, other)
                used[entry.name] = plugin(entry)
            except RefusedError as error:
                refused.append(plugin(entry, str(error)))
        return rows, used, tuple(refused)

    def _row(self, entry: EntryPoint, taken_by: str) -> Any:
        if not is_name(entry.name):
            raise RefusedError(f"its name is not allowed; allowed: {NAMES}")
        if taken_by:
            raise RefusedError(f"package {taken_by!r} has that name already; take another")
        return load(entry, self.require)


def load(entry: EntryPoint, require: Callable[[str, Any], None]) -> Any:
    """Import what an entry point names, and check it; whatever goes wrong there ends here.

    Args:
        entry: the entry point.
        require: (its name, what it names) -> None; raises `RefusedError` where that cannot be used.

    Raises:
        RefusedError: it cannot be used, or its import raised, exits, takes longer than `PATIENCE`, or loads a
            framework.
    """
    before = FRAMEWORKS & set(sys.modules)
    try:
        # what a package prints would end up among the records
        with contextlib.redirect_stdout(sys.stderr), time_limit(PATIENCE):
            row = entry.load()
            require(entry.name, row)
    except (KeyboardInterrupt, RefusedError):
        raise
    except BaseException as error:
        raise RefusedError(f"import of {entry.value}: {in_one_line(error)}") from None
    loaded = FRAMEWORKS & set(sys.modules) - before
    if loaded:
        module = entry.value.partition(":")[0]
        raise RefusedError(
            f"the import of {module} loads {' and '.join(sorted(loaded))}; keep the row in a module that imports no "
            "framework, and name functions as 'module:function'"
        )
    return row


def in_one_line(error: BaseException) -> str:
    """Return an exception as "Class: first line of its message"."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}".rstrip(": ")
