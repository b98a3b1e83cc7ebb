"""What tests/same_numbers.py compares: the last bit, every cell, and no time."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
import site_records
from same_numbers import first_difference, left_out
from work_for_tests import record

from harness.results.schema import Record

CELLS: dict[str, list[Record]] = {
    "a": [record(1), record(2)],
    "b": [record(0)],
    "c": site_records.trajectories(),
}


def changed(key: str, number: int, **fields: Any) -> dict[str, list[Record]]:
    """Return the cells, one record of one of them changed."""
    records = list(CELLS[key])
    records[number] = msgspec.structs.replace(records[number], **fields)
    return CELLS | {key: records}


def test_equal_cells_in_another_order_do_not_differ() -> None:
    assert first_difference(CELLS, dict(reversed(CELLS.items()))) == ""


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (changed("a", 1, measured=math.nextafter(2.0, 3.0)),
         "cell 'a', record 2: measured is 2.0 and 2.0000000000000004"),
        (changed("b", 0, measured=-0.0), "cell 'b', record 1: measured is 0.0 and -0.0"),
        (changed("a", 0, measured_low=1.0), "cell 'a', record 1: measured_low is None and 1.0"),
        (changed("a", 0, formula="other"), "cell 'a', record 1: formula is 'formula 1' and 'other'"),
        ({"a": CELLS["a"], "c": CELLS["c"]}, "cell 'b' is missing in the second"),
        (CELLS | {"d": []}, "cell 'd' is in the second only"),
        (CELLS | {"a": CELLS["a"][:1]}, "cell 'a' has 2 and 1 records"),
        (CELLS | {"a": CELLS["a"][::-1]}, "cell 'a', record 1: formula is 'formula 1' and 'formula 2'"),
        (CELLS | {"b": [site_records.failure()]}, "cell 'b', record 1: Article and Failure"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_difference_is_named(other: dict[str, list[Record]], said: str) -> None:
    assert first_difference(CELLS, other) == said


def test_times_are_left_out_and_said() -> None:
    assert first_difference(CELLS, changed("c", 0, seconds_per_gradient=9.0)) == ""
    assert left_out(CELLS) == {"Article": [], "TrainingVariance": ["seconds_per_gradient"]}
    timed = left_out({"variances": site_records.run().records})
    assert timed["Variance"] == ["seconds_per_gradient", "work_normalized_variance"]
    assert timed["Train"] == ["seconds"]
