"""The columns of a table that show a bias, the same wherever gradients are measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.console import Columns


def columns() -> Columns:
    """Return the columns, of rows that are records of gradients by one parameter."""
    from harness.console import number

    def distance(row: Mapping[str, Any]) -> str:
        low, high = number(row["distance_low"], 2), number(row["distance_high"], 2)
        return "-" if row["distance"] is None else f"{number(row['distance'], 2)} [{low}, {high}]"

    return {
        "distance [95 %]": distance,
        "seen from": lambda row: number(row["detectable_distance"], 2),
        "biased": _biased,
    }


def _biased(row: Mapping[str, Any]) -> str:
    from harness.variance.judging import found

    return {True: "yes", False: "no", None: "not known"}[found(row["bias_p_value"])]
