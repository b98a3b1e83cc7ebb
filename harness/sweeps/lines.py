"""On which line of a TOML file a key stands. `tomllib` says it of syntax errors only."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

#: Keys and positions in arrays of tables, from the top of the document.
Place = tuple[str | int, ...]

# strings and comments first, so that brackets and line ends inside them do not count
_TOKENS = re.compile(
    r'"{3}(?:\\.|[^\\])*?"{3,5}|' r"'{3}.*?'{3,5}|" r'"(?:\\.|[^"\\\n])*"|' r"'[^'\n]*'|" r"#[^\n]*|[\[\]{}\n]",
    re.DOTALL,
)


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line on which each header or assignment begins, and its text."""
    depth, begin, line, next_line = 0, 0, 1, 1
    for token in _TOKENS.finditer(text + "\n"):
        found = token.group()
        next_line += found.count("\n")
        depth += (found in "[{") - (found in "]}")
        if found == "\n" and depth == 0:
            statement = text[begin : token.start()].strip()
            if statement and not statement.startswith("#"):
                yield line, statement
            begin, line = token.end(), next_line


def _only_path(value: dict[str, Any]) -> tuple[str, ...]:
    """Return the keys that lead to the only value or empty table of a header."""
    keys = []
    inside: Any = value
    while isinstance(inside, (dict, list)) and inside:
        if isinstance(inside, dict):
            key, inside = next(iter(inside.items()))
            keys.append(key)
        else:
            inside = inside[0]
    return tuple(keys)


def _below(value: Any, path: Place) -> Iterator[Place]:
    """Yield the path of every key of inline tables and arrays."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inside in inner:
        yield (*path, key)
        yield from _below(inside, (*path, key))


def index(text: str) -> dict[Place, int]:
    """Return the line of every key of a valid TOML document; a position in an array has the line of its key.

    Args:
        text: of the document, which `tomllib` has read.
    """
    found: dict[Place, int] = {}
    counts: dict[Place, int] = {}
    here: Place = ()
    for line, statement in _statements(text):
        value = tomllib.loads(statement)
        if not statement.startswith("["):
            for path in _below(value, here):
                found.setdefault(path, line)
            continue
        here = ()
        names = _only_path(value)
        for position, name in enumerate(names, start=1):
            here = (*here, name)
            if position == len(names) and statement.startswith("[["):
                counts[here] = counts.get(here, 0) + 1
            if here in counts:
                here = (*here, counts[here] - 1)
        found.setdefault(here, line)
    return found
