"""The page of calibrations: estimators ranked apart from those that need an oracle, and what rows share."""

from __future__ import annotations

from msgspec.structs import replace
from site_records import calibrations

from harness.results.schema import Recommendation
from harness.site import calibration


def ranked() -> list[Recommendation]:
    """Two that anybody has, one that needs an oracle, one that was skipped, one that is biased unlike its law."""
    first, second = (record for record in calibrations() if isinstance(record, Recommendation))
    oracle = replace(second, estimator="exact", rank=None, needs_oracle=True, mean_squared_error=0.0, ratio=0.0)
    skipped = replace(
        oracle, estimator="score_function_optimal", skipped="2^100 outcomes", mean_squared_error=None,
        seconds_per_gradient=None, low=None, high=None,
    )  # fmt: skip
    biased = replace(second, estimator="rolled", bias_seen=True, rank=3, seconds_alone=7e-4, ratio=5.0)
    return [replace(first, seconds_alone=1.5e-4, ratio=1.0), second, biased, oracle, skipped]


def test_oracles_have_a_table_of_their_own() -> None:
    section = calibration.recommendations(ranked(), ["torch"])
    assert section is not None
    practical, oracles = section.tables
    assert [row[4] for row in practical.rows] == ["pathwise", "score_function", "rolled"]
    assert [(row[3], row[4]) for row in oracles.rows] == [("–", "exact")]
    assert "need an oracle" in oracles.caption


def test_seconds_are_named_amortised_and_alone() -> None:
    section = calibration.recommendations(ranked(), ["torch"])
    assert section is not None
    table = section.tables[0]
    assert table.columns[-2:] == ("each, amortised", "alone")
    assert [row[-2:] for row in table.rows] == [("1 µs", "150 µs"), ("1 µs", "–"), ("1 µs", "700 µs")]


def test_estimators_are_counted_not_rows_and_what_is_left_is_named() -> None:
    rows = [replace(row, backend=backend) for backend in ("jax", "torch") for row in ranked()]
    section = calibration.recommendations(rows, ["jax", "torch"])
    assert section is not None
    assert "3 estimators on 1 problem in 2 backends, ranked on each problem in each backend." in section.notes
    assert "Skipped: score_function_optimal on quadratic: 2^100 outcomes." in section.notes
    assert "A bias is seen that its law does not have: rolled on quadratic in jax." in section.notes


def test_records_of_before_have_no_oracle_and_no_seconds_alone() -> None:
    rows = [record for record in calibrations() if isinstance(record, Recommendation)]
    section = calibration.recommendations(rows, ["torch"])
    assert section is not None
    assert len(section.tables) == 1
    assert all(row[-1] == "–" for row in section.tables[0].rows)


def test_coverage_says_which_rows_are_dependent() -> None:
    section = calibration.coverage(calibrations(), ["torch"])
    assert section is not None
    assert "see the same noise, and miss together" in section.notes[0]
