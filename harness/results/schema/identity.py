"""Which fields of a record are its numbers, and which are how long it took: these differ from one time to the next."""

from __future__ import annotations

from typing import Any

import msgspec

from harness.results.schema.base import Record
from harness.results.schema.calibration import Recommendation, Stream, Throughput
from harness.results.schema.timing import Memory, Peak, Ratio
from harness.results.schema.variance import Variance

#: Fields that rest on seconds or on peaks of memory without saying so in their names.
_MEASURED_COST: dict[type[Record], frozenset[str]] = {
    Variance: frozenset({"work_normalized_variance"}),
    Recommendation: frozenset({"rank", "gradients", "mean_squared_error", "low", "high", "as_good_as_the_best"}),
    Throughput: frozenset(
        {"gradients_per_second", "loop_ratio", "loop_ratio_low", "loop_ratio_high", "floor_ratio", "floor_ratio_low",
         "floor_ratio_high"}
    ),
    Stream: frozenset({"bytes"}),
    Ratio: frozenset({"ratio", "ratio_low", "ratio_high"}),
    Memory: frozenset({"bytes", "ratio"}),
    Peak: frozenset({"bytes", "ratio"}),
}  # fmt: skip

#: Seconds that are given and not measured.
_GIVEN = frozenset({"budget_seconds"})


def is_cost(kind: type[Record], name: str) -> bool:
    """Return whether a field holds time or memory that was measured, or rests on it."""
    return ("seconds" in name and name not in _GIVEN) or name in _MEASURED_COST.get(kind, frozenset())


def numbers(record: Record) -> dict[str, Any]:
    """Return what two measurements of the same cell must share to the bit: every field but measured time and memory."""
    fields: dict[str, Any] = msgspec.to_builtins(record)
    return {name: value for name, value in fields.items() if not is_cost(type(record), name)}
