"""`reparam check --plugin`: what every text of this project is held to, for the rows of another package.

Findings are records of the agreement check: `derivative` says what was looked at, `case` on which problem.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from harness.agreement import plan
from harness.errors import BadInputError, unknown, without_folders
from harness.estimators import ESTIMATORS
from harness.kernels import matches
from harness.plugins import backends, estimators, problems
from harness.plugins.findings import Settings, finding
from harness.problems import PROBLEMS
from harness.results.schema import Check
from implementations import registry
from implementations.entries import Plugin, Table, in_one_line

_TABLES: tuple[Table[object], ...] = (registry.TABLE, ESTIMATORS, PROBLEMS)  # type: ignore[assignment]

_JUDGES = {
    "reparam.backends": backends.judge,
    "reparam.estimators": estimators.judge,
    "reparam.problems": problems.judge,
}


def every() -> list[Plugin]:
    """Return all rows of other packages, also those that are not used."""
    return [plugin for table in _TABLES for plugin in (*filter(None, map(table.plugin, table.added)), *table.refused)]


def find(name: str) -> list[Plugin]:
    """Return the rows that go by a name: that of an entry point, or of a distribution.

    Raises:
        BadInputError: there is none.
    """
    known = every()
    found = [row for row in known if name == row.name or _normal(name) == _normal(row.package)]
    if not found:
        names = dict.fromkeys(text for row in known for text in (row.name, row.package))
        if not names:
            names = dict.fromkeys(["none is installed here; begin one with: reparam new estimator my_estimator"])
        raise unknown("plug-in", name, names)
    return found


def chosen(kernels: Sequence[str]) -> tuple[list[Plugin], list[str]]:
    """Return the estimators and problems that patterns cover, and the patterns that cover nothing but such.

    Args:
        kernels: names, modules or globs, such as "estimators.my_estimator"; none means all.
    """
    rows = {
        f"{row.group.removeprefix('reparam.')}.{row.name}": row for row in every() if row.group != registry.TABLE.group
    }
    covering = {pattern: {name for name in rows if matches(name, pattern)} for pattern in kernels}
    named = set().union(*covering.values()) if kernels else set(rows)
    own = [
        pattern for pattern, names in covering.items() if names and not any(matches(k, pattern) for k in plan.names())
    ]
    return [row for name, row in rows.items() if name in named], own


def judge(plugins: Sequence[Plugin], settings: Settings) -> list[Check]:
    """Judge rows of other packages.

    Args:
        plugins: of `find` or `every`.
        settings: how.

    Raises:
        BadInputError: the scheduler cannot be used, or is lost.
    """
    return [record for plugin in plugins for record in _judge(plugin, settings)]


def _judge(plugin: Plugin, settings: Settings) -> Iterator[Check]:
    kind = plugin.group.removeprefix("reparam.")
    yield finding(f"{kind}.{plugin.name}", "load", wrong=plugin.refused)
    if plugin.refused:
        return
    try:
        yield from _JUDGES[plugin.group](plugin.name, settings)
    except BadInputError:
        raise
    except (Exception, SystemExit) as error:  # what a row computes here, such as exact values, ends its own judgement
        yield finding(f"{kind}.{plugin.name}", "call", wrong=without_folders(in_one_line(error)))


def failures(name: str, settings: Settings | None = None) -> list[str]:
    """Return what `reparam check --plugin` finds wrong, a line each: for the tests of the package itself."""
    found = judge(find(name), settings or Settings())
    return [describe(record) for record in found if not record.within_budget]


def describe(record: Check) -> str:
    """Return one line on a finding."""
    words = (record.kernel, record.backend, record.derivative, record.case)
    return f"{' '.join(word for word in words if word)}: {record.observed or 'as it should be'}"


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
