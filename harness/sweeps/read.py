"""Read a sweep file and check it; an error names file, line, key and the nearest valid one."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from harness import backends as known_backends
from harness.errors import BadInputError, shown, unknown
from harness.kernels import select
from harness.sweeps.axes import KINDS, SHARED, Axis, Kind, Number
from harness.sweeps.lines import Place, index
from harness.sweeps.sweep import SETTING, Sweep, Table

#: Bytes of a sweep file at most: it holds lists, and their product is made here.
LARGEST = 2**16

#: The run's folder is called after the sweep.
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")

_HINTS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text in quotes",
    "bool": "true or false",
}


@dataclass(frozen=True)
class _File:
    """What errors name.

    Attributes:
        name: of the file, as it was given.
        lines: of every key.
    """

    name: str
    lines: Mapping[Place, int]

    def line(self, path: Place) -> int:
        """Return the line of a key, or of the nearest one above it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def bad(self, path: Place, text: str) -> BadInputError:
        """Return the error at a key."""
        return BadInputError(f"{self.name}, line {self.line(path)}: {text}")


def _document(path: Path) -> tuple[str, dict[str, Any]]:
    """Return the text of a file, and what TOML it holds."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadInputError(f"the sweep file {str(path)!r} cannot be read: {reason}; give a TOML file") from None
    if len(data) > LARGEST:
        raise BadInputError(
            f"{path}: more than {LARGEST:,} bytes; allowed: {LARGEST:,}; give lists, their product is made of them"
        )
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadInputError(f"{path}, line {line}: not text in UTF-8 ({error.reason}); save it as UTF-8") from None
    try:
        return text.replace("\r\n", "\n"), tomllib.loads(text)
    except RecursionError:
        raise BadInputError(
            f"{path}: lists nested too deeply; a sweep has lists of values and no lists in them"
        ) from None
    except ValueError as error:
        found = re.fullmatch(r"(?s)(.*) \(at line (\d+), column (\d+)\)", str(error))
        reason = found[1] if found else str(error).removesuffix(" (at end of document)")
        last = text.rstrip("\n").count("\n") + 1
        place = f"line {found[2]}, column {found[3]}" if found else f"line {last}, where the file ends"
        raise BadInputError(f"{path}, {place}: not TOML: {reason}; see https://toml.io") from None


def _header(path: Place) -> str:
    """Return a table as it is written: "[[variance]]", or "the top of the file"."""
    names = ".".join(str(part) for part in path if isinstance(part, str))
    return f"[[{names}]]" if names else "the top of the file"


def _require_keys(file: _File, path: Place, given: Iterable[str], allowed: Iterable[str]) -> None:
    names = list(allowed)
    for key in given:
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1, cutoff=0.5)
            nearest = f"nearest: {near[0]}; " if near else ""
            raise file.bad(
                (*path, key), f"unknown key {shown(key)} in {_header(path)}; {nearest}allowed: {', '.join(names)}"
            )


def _listed(file: _File, path: Place, raw: Any) -> list[Any]:
    """Return the values of a key, one or a list."""
    values = raw if isinstance(raw, list) else [raw]
    if not values:
        raise file.bad(path, f"{path[-1]} is an empty list; give at least one value, or leave the key out")
    return values


def _typed(file: _File, path: Place, value: Any, element: Any) -> Any:
    """Return a value if it has the type of an element."""
    try:
        return msgspec.convert(value, element)
    except (msgspec.ValidationError, ValueError) as error:
        text = str(error).partition(" - at")[0]
        wanted = re.sub(r"`(\w+)`", lambda match: _HINTS.get(match[1], match[1]), text.partition(", got")[0])
        wanted = wanted[:1].lower() + wanted[1:]
        raise file.bad(path, f"{path[-1]} is {shown(value)}; {wanted}") from None


def _values(file: _File, path: Place, axis: Axis, raw: Any) -> tuple[Any, ...]:
    """Return the values of an axis, checked; patterns spelled out unless they are kept."""
    key = str(path[-1])
    given = [_typed(file, path, value, axis.element) for value in _listed(file, path, raw)]
    known = list(axis.known()) if axis.known else []
    found: list[Any] = []
    covered: dict[str, Any] = {}
    for value in given:
        if value in found:
            raise file.bad(path, f"{key} has {shown(value)} twice; leave one out")
        matches = [value]
        try:
            if axis.pattern:
                matches = select([value], known, key)
            elif known and value not in known:
                raise unknown(key, value, known)
            if key == "backend":
                known_backends.chosen([value])
        except BadInputError as error:
            raise file.bad(path, str(error)) from None
        if axis.kept and (twice := next((match for match in matches if match in covered), None)):
            raise file.bad(
                path, f"{key} {shown(value)} has {twice} in it, and so has {shown(covered[twice])}; leave one out"
            )
        covered |= dict.fromkeys(matches, value)
        found += [value] if axis.kept else [match for match in matches if match not in found]
    return tuple(found)


def _setting(file: _File, path: Place, raw: Any) -> tuple[float, ...]:
    found: list[float] = []
    for value in _listed(file, path, raw):
        number = _typed(file, path, value, Number)
        if number in found:
            raise file.bad(path, f"{path[-1]} has {shown(value)} twice; leave one out")
        found.append(number)
    return tuple(found)


def _settings(file: _File, path: Place, kind: Kind, raw: Any) -> dict[str, tuple[float, ...]]:
    if not isinstance(raw, dict):
        raise file.bad(path, f"set is {shown(raw)}; write it as set = {{ name = [1.0, 2.0] }}")
    if kind.settings is None:
        raise file.bad(path, f"{_header(path[:-1])} has no settings; leave set out")
    _require_keys(file, path, raw, kind.settings())
    return {name: _setting(file, (*path, name), values) for name, values in raw.items()}


def _tables(file: _File, path: Place, raw: Any) -> list[dict[str, Any]]:
    if not isinstance(raw, list) or not raw or not all(isinstance(row, dict) for row in raw):
        raise file.bad(path, f"{path[-1]} is no list of tables; head each of them {_header(path)}")
    return raw


def _exclude(file: _File, path: Place, kind: Kind, table: Table, raw: dict[str, Any]) -> Mapping[str, Any]:
    """Return the values that an exclude names, by key of `Table.lists`."""
    axes = {key: axis for key, axis in kind.axes.items() if key in table.values}
    _require_keys(file, path, raw, [*axes, *(("set",) if table.settings else ())])
    found = {key: _values(file, (*path, key), axes[key], raw[key]) for key in axes if key in raw}
    if "set" in raw:
        settings = _settings(file, (*path, "set"), kind, raw["set"])
        found |= {f"{SETTING}{name}": values for name, values in settings.items()}
    if not found:
        raise file.bad(path, f"{_header(path)} is empty and would leave everything out; say what, or take it away")
    for key, values in found.items():
        own = table.lists.get(key, ())
        for value in values:
            if value not in own:
                raise file.bad(
                    (*path, key.split(".")[0]),
                    f"{_header(path)} leaves out {key} {shown(value)}, which is not in {_header(path[:1])}; "
                    f"there: {', '.join(map(str, own[:8])) or 'no such key'}",
                )
    return found


def _table(file: _File, name: str, number: int, raw: dict[str, Any], shared: dict[str, tuple[Any, ...]]) -> Table:
    path, kind = (name, number), KINDS[name]
    own = ("set",) if kind.settings else ()
    _require_keys(file, path, raw, [*kind.axes, *own, "fitting", "exclude"])
    for key, axis in kind.axes.items():
        if axis.required and key not in raw:
            raise file.bad(path, f"[[{name}]] has no {key}; give one, or a list")
    own_values = {key: _values(file, (*path, key), axis, raw[key]) for key, axis in kind.axes.items() if key in raw}
    values = {key: value for key, value in (shared | own_values).items() if key in kind.axes}
    if "backend" not in values:
        values["backend"] = tuple(known_backends.chosen())
    table = Table(
        name,
        file.line(path),
        {key: values[key] for key in kind.axes if key in values},
        _settings(file, (*path, "set"), kind, raw["set"]) if "set" in raw else {},
        fitting=_typed(file, (*path, "fitting"), raw.get("fitting", False), bool),
    )
    rows = _tables(file, (*path, "exclude"), raw["exclude"]) if "exclude" in raw else []
    excludes = tuple(
        (file.line((*path, "exclude", index)), _exclude(file, (*path, "exclude", index), kind, table, row))
        for index, row in enumerate(rows)
    )
    return replace(table, excludes=excludes)


def read(path: Path) -> Sweep:
    """Read a sweep file.

    Args:
        path: of a TOML file; `harness/sweeps/example.toml` is one.

    Returns:
        The sweep, every name, number and type checked. Whether they fit together is seen where cells are made.

    Raises:
        BadInputError: the file cannot be read, or says something that it may not say.
    """
    from harness.profiles import PROFILES

    text, document = _document(path)
    file = _File(str(path), index(text))
    _require_keys(file, (), document, ["name", *SHARED, *KINDS])
    name = document.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        given = f"name is {shown(name)}" if "name" in document else "there is no name"
        raise file.bad(("name",), f'{given}; allowed: up to 40 of a-z, 0-9, - and _; as in name = "estimators"')
    if name in PROFILES:
        raise file.bad(("name",), f"name is {name!r}, which is a profile's; give another one")
    shared = {key: _values(file, (key,), axis, document[key]) for key, axis in SHARED.items() if key in document}
    tables = tuple(
        _table(file, kind, number, raw, shared)
        for kind in KINDS
        if kind in document
        for number, raw in enumerate(_tables(file, (kind,), document[kind]))
    )
    if not tables:
        raise file.bad((), f"there is nothing to measure; add a table: {', '.join(f'[[{kind}]]' for kind in KINDS)}")
    return Sweep(name, str(path), tables)
