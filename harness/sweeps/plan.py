"""The cells of a sweep: the product of its lists without what is left out, made by the plans of the commands."""

from __future__ import annotations

import importlib
import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any, NamedTuple

from harness.errors import BadInputError, shown
from harness.execution.work import Cell
from harness.sweeps.axes import KINDS
from harness.sweeps.sweep import SETTING, Sweep, Table

#: Points of one table at most: more than this is a slip, or wants another file.
MOST = 200_000

#: One combination of values, by axis and setting.
Point = Mapping[str, Any]


class Planned(NamedTuple):
    """A cell, and what kind of work it is."""

    kind: str
    cell: Cell


@dataclass
class Tally:
    """What was not made into cells.

    Attributes:
        excluded: points that excludes leave out.
        misfits: points of tables with `fitting` that were left out, by reason.
        repeated: the numbers of cells that another point has made already, among all.
    """

    excluded: int = 0
    misfits: Counter[str] = field(default_factory=Counter)
    repeated: set[int] = field(default_factory=set)

    def notes(self) -> list[str]:
        """Return what there is to say of it."""
        found = [f"{count:,} combinations left out, since they do not fit: {why}" for why, count in
                 self.misfits.most_common(3)]  # fmt: skip
        more = len(self.misfits) - len(found)
        if more > 0:
            found.append(f"and {sum(self.misfits.values()) - sum(n for _, n in self.misfits.most_common(3)):,} more")
        if self.repeated:
            found.append(f"{len(self.repeated):,} cells are in the sweep twice, and are measured once")
        return found


def _loaded(place: str) -> Callable[..., Any]:
    module, _, name = place.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def points(table: Table) -> Iterator[Point]:
    """Yield every combination of the values of a table, those that are excluded too; by backend first."""
    for values in product(*table.lists.values()):
        yield dict(zip(table.lists, values, strict=True))


def _arguments(table: Table, point: Point) -> dict[str, Any]:
    """Return the arguments of the plan function."""
    axes = KINDS[table.kind].axes
    found = {
        axis.argument: (point[key],) if axis.many else point[key] for key, axis in axes.items() if key in table.values
    }
    if KINDS[table.kind].settings:
        found["settings"] = {name: point[f"{SETTING}{name}"] for name in table.settings}
    return found


def _written(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else f"{value}"


def _mend(kind: str, point: Point, reason: str) -> str:
    """Return the exclude that leaves a point out, of those axes that the reason speaks of."""
    words = set(re.findall(r"[\w.]+", reason))
    named = {key: value for key, value in point.items() if key.removeprefix(SETTING) in words or value in words}
    chosen = named or dict(point)
    own = [f"{key} = {_written(value)}" for key, value in chosen.items() if not key.startswith(SETTING)]
    inner = [f"{key.removeprefix(SETTING)} = {value}" for key, value in chosen.items() if key.startswith(SETTING)]
    keys = ", ".join([*own, *([f"set = {{ {', '.join(inner)} }}"] if inner else [])])
    return f"leave it out with [[{kind}.exclude]] {keys}, or everything that does not fit with fitting = true"


class _Reached:
    """Which values of a table came to cells, and why others did not."""

    def __init__(self, table: Table) -> None:
        self.values = {(key, value) for key, values in table.lists.items() for value in values}
        self.why: dict[tuple[str, Any], str] = {}

    def made(self, point: Point) -> None:
        self.values.difference_update(point.items())

    def misfit(self, point: Point, reason: str) -> None:
        for pair in point.items():
            self.why.setdefault(pair, reason)


def _excluded(table: Table, point: Point) -> bool:
    return any(all(point[key] in values for key, values in row.items()) for _, row in table.excludes)


def _cells(table: Table, tally: Tally, file: str) -> Iterator[Cell]:
    kind = KINDS[table.kind]
    make, finish = _loaded(kind.plan), _loaded(kind.finish) if kind.finish else None
    reached = _Reached(table)
    total = math.prod(map(len, table.lists.values()))
    place = f"{file}, line {table.line}: [[{table.kind}]]"
    if total > MOST:
        raise BadInputError(f"{place} comes to {total:,} combinations; allowed: {MOST:,}; give shorter lists")
    for point in points(table):
        if _excluded(table, point):
            tally.excluded += 1
            continue
        try:
            made = make(**_arguments(table, point))
        except BadInputError as error:
            if not table.fitting:
                raise BadInputError(f"{place}: {error}; {_mend(table.kind, point, str(error))}") from None
            tally.misfits[str(error)] += 1
            reached.misfit(point, str(error))
            continue
        reached.made(point)
        yield from made if finish is None else map(finish, made)
    for key, value in reached.values:
        if (key, value) in reached.why:
            raise BadInputError(f"{place}: {key} {shown(value)} fits nowhere: {reached.why[key, value]}; take it away")


def _made(sweep: Sweep, tally: Tally) -> Iterator[Planned]:
    return (Planned(table.kind, cell) for table in sweep.tables for cell in _cells(table, tally, sweep.file))


def planned(sweep: Sweep, tally: Tally) -> Iterator[Planned]:
    """Yield the cells of a sweep, each once, as they are made.

    Args:
        sweep: as it was read.
        tally: counts what was not made into cells, filled when all cells were yielded.

    Raises:
        BadInputError: values do not fit together; the message names them and the exclude that mends it.
    """
    seen: set[int] = set()  # hashes, of 64 bits: the keys of a large sweep would take several times their memory
    for number, found in enumerate(_made(sweep, tally)):
        mark = hash(found.cell.key)
        if mark in seen:
            tally.repeated.add(number)
        else:
            seen.add(mark)
            yield found


class Cells(Collection[Cell]):
    """The cells of a sweep, each once, made anew each time that they are gone through: none is held in memory.

    Attributes:
        tally: what was not made into cells.
    """

    def __init__(self, sweep: Sweep) -> None:
        """Make all cells once, to count them.

        Args:
            sweep: as it was read.

        Raises:
            BadInputError: values do not fit together.
        """
        self._sweep, self.tally = sweep, Tally()
        self._count = sum(1 for _ in planned(sweep, self.tally))

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Cell]:
        made = enumerate(_made(self._sweep, Tally()))
        return (found.cell for number, found in made if number not in self.tally.repeated)

    def __contains__(self, cell: object) -> bool:
        return any(cell == own for own in self)
