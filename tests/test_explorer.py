"""The variance explorer: its rows against numbers worked out by hand, runs kept apart, and text that stays text."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
import site_records

from harness.results.run import Run
from harness.results.schema import Variance
from harness.site import explorer
from harness.site.build import build

HOSTILE = "</script><script>alert(1)</script><!-- & \" ' <img src=x onerror=alert(2)>"


def record(**changes: Any) -> Variance:
    """A record of a biased estimator, of one coordinate."""
    fields: dict[str, Any] = {
        "backend": "torch", "dtype": "float32", "device": "cpu", "mode": "eager", "estimator": "gumbel_softmax",
        "problem": "bernoulli", "parameter": "logits", "dimension": 1, "settings": "p=0.5 temperature=0.5",
        "samples": 2, "replicates": 1000, "seed": 0, "mean": 1.3, "mean_standard_error": 0.1, "exact_mean": 1.0,
        "bias": -0.3, "bias_standard_error": 0.1, "variance": 4.0, "variance_low": 3.5, "variance_high": 4.6,
        "confidence": 0.95, "exact_variance": 4.1, "seconds_per_gradient": 2e-6, "work_normalized_variance": 8e-6,
        "trusted": True, "bias_p_value": 1e-12, "worst_coordinate": 0, "worst_z": -3.0, "distance": 0.3,
        "distance_low": 0.1, "distance_high": 0.5, "detectable_distance": 0.6,
    }  # fmt: skip
    return Variance(**fields | changes)


def rows(*records: Variance) -> list[dict[str, Any]]:
    return explorer.rows([Run("r", {}, records)])


def ends(row: dict[str, Any], name: str) -> tuple[float | None, ...]:
    return tuple(row[f"{name}{end}"] for end in ("", "_low", "_high"))


def test_a_row_has_what_is_chosen_and_the_measured_numbers() -> None:
    (row,) = rows(record())
    assert {name: row[name] for name in explorer.CHOICES} == {
        "run": "r",
        "problem": "bernoulli",
        "settings": "p=0.5 temperature=0.5",  # of this one estimator: nothing tells which are the problem's
        "parameter": "logits",
        "dimension": 1,
        "backend": "torch",
        "dtype": "float32",
    }
    assert row["estimator"] == "gumbel_softmax"
    assert ends(row, "variance") == (4.0, 3.5, 4.6)
    assert (row["exact_variance"], row["seconds_per_gradient"], row["samples"]) == (4.1, 2e-6, 2)


def test_the_squared_bias_of_a_biased_estimator_is_that_of_a_coordinate() -> None:
    one, several = rows(record(samples=1), record(dimension=4))
    assert one["biased"] is True
    assert ends(one, "squared_bias") == pytest.approx((0.09, 0.01, 0.25))
    assert ends(several, "squared_bias") == pytest.approx((0.09 / 4, 0.01 / 4, 0.25 / 4))


def test_without_a_distance_nothing_is_known() -> None:
    unknown = dict.fromkeys(("bias_p_value", "distance", "distance_low", "distance_high", "detectable_distance"))
    (row,) = rows(record(**unknown))
    assert ends(row, "squared_bias") == ends(row, "bias") == (None, None, None)
    assert row["bias_seen"] is None


def test_an_estimator_that_is_unbiased_by_its_row_counts_with_bias_0_unless_one_is_found() -> None:
    (row,) = rows(record(estimator="score_function", bias_p_value=0.01))
    assert row["biased"] is False
    assert ends(row, "squared_bias") == (0.0, 0.0, 0.0)
    assert ends(row, "bias") == (0.3, 0.1, 0.5)  # what was measured stays
    (wrong,) = rows(record(estimator="score_function"))
    assert ends(wrong, "squared_bias") == pytest.approx((0.09, 0.01, 0.25))


def test_an_estimator_that_is_not_known_here_counts_with_its_measured_bias() -> None:
    (row,) = rows(record(estimator="of_a_third_party", bias_p_value=0.01))
    assert row["biased"] is True
    assert row["squared_bias"] == pytest.approx(0.09)


@pytest.mark.parametrize(("p_value", "seen"), [(1e-12, True), (1e-5, False), (None, None)])
def test_a_bias_is_found_by_its_p_value_alone(p_value: float | None, seen: bool | None) -> None:
    """Whatever the average over coordinates says: here it is 41 standard errors off."""
    (row,) = rows(record(bias_p_value=p_value, bias=4.1))
    assert row["bias_seen"] is seen
    assert row["detectable_distance"] == 0.6


def test_what_is_not_to_be_trusted_has_no_interval() -> None:
    (row,) = rows(record(trusted=False, tail_shape=0.9))
    assert ends(row, "variance") == (4.0, None, None)
    assert ends(row, "bias") == (0.3, None, None)
    assert ends(row, "squared_bias") == (pytest.approx(0.09), None, None)
    assert (row["trusted"], row["tail_shape"]) == (False, 0.9)
    (row,) = rows(record(trusted=None))  # too few replicates to know
    assert ends(row, "variance") == (4.0, 3.5, 4.6)


def test_an_estimator_is_told_by_what_differs_alone() -> None:
    labels = {
        row["estimator"]
        for row in rows(
            record(settings="p=0.5", estimator="score_function"),
            record(settings="p=0.5 temperature=0.5"),
            record(settings="p=0.5 temperature=0.1"),
            record(settings="p=0.5 temperature=0.5", estimator="rebar", samples=2),
            record(settings="p=0.5 temperature=0.5", estimator="rebar", samples=4),
            record(settings="p=0.5 temperature=0.5", estimator="rebar", samples=4, source="framework"),
            record(settings="p=0.5 temperature=0.5", estimator="relax"),
            record(settings="p=0.5 temperature=0.5", estimator="relax", backend="jax", mode="compiled"),
        )
    }
    assert labels == {
        "score_function",
        "gumbel_softmax temperature=0.1",
        "gumbel_softmax temperature=0.5",
        "rebar samples=2 noise=shared",
        "rebar samples=4 noise=shared",
        "rebar samples=4 noise=framework",
        "relax",
    }


def test_settings_of_the_problem_are_a_choice_and_those_of_the_estimator_are_not() -> None:
    found = rows(
        record(settings="p=0.5", estimator="score_function"),
        record(settings="p=0.9", estimator="score_function"),
        record(settings="p=0.9 temperature=0.5"),
    )
    assert [(row["settings"], row["estimator"], row["estimator_settings"]) for row in found] == [
        ("p=0.5", "score_function", ""),
        ("p=0.9", "gumbel_softmax", "temperature=0.5"),
        ("p=0.9", "score_function", ""),
    ]


def test_rows_are_told_apart_by_choices_and_estimator_and_sorted_by_number() -> None:
    found = explorer.rows([site_records.run()])
    names = [tuple(row[name] for name in (*explorer.CHOICES, "estimator")) for row in found]
    assert len(set(names)) == len(names) > 50
    assert [row["dimension"] for row in rows(*(record(dimension=d) for d in (20, 5, 100)))] == [5, 20, 100]


def test_a_device_stands_beside_its_type() -> None:
    assert [row["dtype"] for row in rows(record(), record(device="gpu"))] == ["float32", "float32 gpu"]


def test_runs_are_choices_and_never_merged() -> None:
    runs = [Run("m/new", {}, [record(variance=1.0)]), Run("m/old", {}, [record()]), Run("m/old", {}, [record()])]
    found = explorer.rows(runs)
    assert [(row["run"], row["variance"]) for row in found] == [("m/new", 1.0), ("m/old", 4.0), ("m/old (2)", 4.0)]


class Page(HTMLParser):
    """Collects tags with their attributes, and what the explorer's script reads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._texts: list[str] = []
        self._inside = False
        self.feed(path.read_text("utf-8"))

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads("".join(self._texts))
        return found

    def ids(self) -> set[str | None]:
        return {attributes.get("id") for _, attributes in self.tags}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = dict(attrs).get("id") == "explorer-data"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self._texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "script"


def test_the_page_holds_every_row_of_every_run_the_latest_first(tmp_path: Path) -> None:
    runs = [site_records.run("old", 1), site_records.run("new", 2, started="2025-07-01T00:00:00+00:00")]
    build(runs, tmp_path)
    data = Page(tmp_path / "variance.html").data
    held = [dict(zip(data["columns"], cells, strict=True)) for cells in data["rows"]]
    assert held == explorer.rows(runs[::-1])
    assert data["choices"] == list(explorer.CHOICES)
    assert held[0]["run"] == "new"
    for path in tmp_path.glob("*.html"):
        assert ("explorer" in Page(path).ids()) is (path.name == "variance.html")


def test_the_files_hold_every_row(tmp_path: Path) -> None:
    run = site_records.run()
    build([run], tmp_path)
    found = explorer.rows([run])
    assert json.loads((tmp_path / "figures" / "variance-explorer.json").read_text("utf-8")) == found
    with (tmp_path / "figures" / "variance-explorer.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["variance"] for row in table] == [str(row["variance"]) for row in found]
    links = {attributes.get("href") for tag, attributes in Page(tmp_path / "variance.html").tags if tag == "a"}
    assert {"figures/variance-explorer.csv", "figures/variance-explorer.json", "#explorer"} <= links


def test_every_control_has_a_label_and_what_the_script_looks_for_is_there(tmp_path: Path) -> None:
    build([site_records.run()], tmp_path)
    page = Page(tmp_path / "variance.html")
    labels = {attributes.get("for") for tag, attributes in page.tags if tag == "label"}
    selects = {attributes["id"] for tag, attributes in page.tags if tag == "select"}
    assert selects == {f"explorer-{name}" for name in (*explorer.CHOICES, *explorer.AXES)} <= labels
    script = (tmp_path / "assets" / "explorer.js").read_text("utf-8")
    assert {f"explorer-{name}" for name in re.findall(r'\bpart\("(\w+)"\)', script)} <= page.ids()


def test_without_a_variance_there_is_no_explorer(tmp_path: Path) -> None:
    build([Run("r", {}, [site_records.failure()])], tmp_path)
    assert "explorer" not in Page(tmp_path / "variance.html").ids()
    assert not (tmp_path / "figures" / "variance-explorer.csv").exists()


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    hostile = record(
        problem=HOSTILE, estimator=HOSTILE, parameter=HOSTILE, settings=HOSTILE, backend=HOSTILE, dtype=HOSTILE
    )
    build([Run(HOSTILE, {}, [hostile, msgspec.structs.replace(hostile, samples=3)])], tmp_path)
    text = (tmp_path / "variance.html").read_text("utf-8")
    page = Page(tmp_path / "variance.html")
    assert "<script>alert" not in text
    assert "onerror" not in {name for _, attributes in page.tags for name in attributes}
    row = dict(zip(page.data["columns"], page.data["rows"][0], strict=True))
    assert {row[name] for name in ("run", "problem", "parameter", "backend", "dtype")} == {HOSTILE}
    assert row["estimator"] == f"{HOSTILE} samples=2"
    # the script writes text, never markup
    scripts = [
        (tmp_path / "assets" / name).read_text("utf-8") for name in ("charts.js", "curves.js", "plot.js", "explorer.js")
    ]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", "".join(scripts))
