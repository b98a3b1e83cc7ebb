"""What all tables together refuse."""

from __future__ import annotations

from harness.estimators import ESTIMATORS
from harness.problems import PROBLEMS
from implementations import registry
from implementations.entries import Plugin


def refused() -> list[Plugin]:
    """Return the entry points that cannot be used, each with its reason."""
    return [row for table in (registry.TABLE, ESTIMATORS, PROBLEMS) for row in table.refused]
