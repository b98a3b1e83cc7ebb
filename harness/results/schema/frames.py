"""From numbers to fields, and from records to rows."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from harness.results.schema.base import Record

if TYPE_CHECKING:
    import pandas as pd


def finite(value: float) -> float | None:
    """Return the number, or None where it is not finite."""
    return float(value) if math.isfinite(value) else None


def flat(record: Record) -> dict[str, Any]:
    """Return a record as a flat dict of built-in types, without its kind."""
    row: dict[str, Any] = msgspec.to_builtins(record)
    row.pop("kind")
    return row


def frame(records: Iterable[Record]) -> pd.DataFrame:
    """Return records of one kind as a DataFrame, one row each, columns in the order of the fields."""
    import pandas as pd

    return pd.DataFrame([flat(record) for record in records])
