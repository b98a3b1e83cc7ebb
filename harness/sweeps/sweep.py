"""A sweep file as it was read and checked: tables of lists, and what it says in one way of saying it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Stands before a setting's name, which may be an axis's name too.
SETTING = "set."


@dataclass(frozen=True)
class Table:
    """One table of a sweep, checked, with every value a list and the shared defaults filled in.

    Attributes:
        kind: a key of `KINDS`.
        line: of its header in the file.
        values: by axis, in the order of the kind's axes; an axis that is not given is left to the plan function.
        settings: values of each setting.
        excludes: what is left out of the product: the line, and values by key of `lists`.
        fitting: whether pairs that do not fit are left out instead of being an error.
    """

    kind: str
    line: int
    values: Mapping[str, tuple[Any, ...]]
    settings: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    excludes: tuple[tuple[int, Mapping[str, tuple[Any, ...]]], ...] = ()
    fitting: bool = False

    @property
    def lists(self) -> dict[str, tuple[Any, ...]]:
        """Return the lists whose product is measured, settings by `SETTING` and their name."""
        return {**self.values, **{f"{SETTING}{name}": values for name, values in self.settings.items()}}


@dataclass(frozen=True)
class Sweep:
    """A sweep file, checked.

    Attributes:
        name: of the sweep.
        file: as it was given, for messages.
        tables: in the order of the file, kind by kind.
    """

    name: str
    file: str
    tables: tuple[Table, ...]

    def contents(self) -> dict[str, Any]:
        """Return what the file says, in one way of saying it, for the provenance."""
        return {
            "name": self.name,
            "tables": [
                {
                    "kind": table.kind,
                    **{key: list(values) for key, values in table.values.items()},
                    "set": {key: list(values) for key, values in sorted(table.settings.items())},
                    "exclude": [
                        {key: list(values) for key, values in sorted(row.items())} for _, row in table.excludes
                    ],
                    "fitting": table.fitting,
                }
                for table in self.tables
            ],
        }

    @property
    def backends(self) -> tuple[str, ...]:
        """Return every backend of the sweep, once."""
        return tuple(dict.fromkeys(name for table in self.tables for name in table.values["backend"]))

    @property
    def devices(self) -> tuple[str, ...]:
        """Return every device of the sweep, once."""
        return tuple(dict.fromkeys(name for table in self.tables for name in table.values.get("device", ("cpu",))))

    @property
    def seed(self) -> int:
        """Return the first seed."""
        return next((table.values["seed"][0] for table in self.tables if "seed" in table.values), 0)
