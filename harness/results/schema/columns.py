"""What the columns of a table of records mean, from the records' own docstrings."""

from __future__ import annotations

import inspect
import re
from typing import get_type_hints

from harness.results.schema.base import Record


def meanings(kind: type[Record]) -> dict[str, str]:
    """Return what each field of a kind of record means, in the order of the fields.

    Args:
        kind: a class of records; those that it derives from document their own fields.
    """
    found: dict[str, str] = {}
    for owner in reversed(kind.__mro__):
        if issubclass(owner, Record):
            found |= _attributes(inspect.cleandoc(owner.__doc__ or ""))
    return {name: found.get(name, "") for name in kind.__struct_fields__}


def types(kind: type[Record]) -> dict[str, str]:
    """Return the type of each field of a kind of record, as Python writes it."""
    hints = get_type_hints(kind)
    return {name: getattr(hints[name], "__name__", "") if isinstance(hints[name], type) else str(hints[name])
            for name in kind.__struct_fields__}  # fmt: skip


def _attributes(text: str) -> dict[str, str]:
    """Return the entries of a docstring's section "Attributes"."""
    section = re.search(r"^Attributes:\n((?:[ ]{4}.*\n?|\n)*)", text, re.MULTILINE)
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", section[1], re.MULTILINE) if section else []
    return {name: " ".join(told.split()) for name, told in entries}
