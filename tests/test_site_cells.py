"""The cells of the agreement matrix, opened: each has its details, true to the record, and what reproduces it."""

from __future__ import annotations

import ast
import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import site_records

from harness.agreement import checks, inputs, snippet
from harness.agreement.cases import find
from harness.results.run import Run
from harness.results.schema import Check
from harness.site import cells
from harness.site.build import build
from harness.site.ratios import badness, ratio
from harness.site.text import number
from implementations.interface.contract import kernels

HOSTILE = "</pre></details><script>alert(1)</script>\" ' <img src=x onerror=alert(2)>"
TRACKER = "https://github.com/pytorch/pytorch/issues/192295"


class Reader(HTMLParser):
    """Collects the texts of every cell's details by its id, and all tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.details: dict[str, str] = {}
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "details":
            self._open.append(str(dict(attrs).get("id") or ""))
            self.details.setdefault(self._open[-1], "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "details":
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open:
            self.details[self._open[-1]] += data


def check(kernel: str = "gaussian.cdf", case: str = "left tail", backend: str = "torch", **changes: Any) -> Check:
    """A comparison whose worst input is that of a real case: its first entry."""
    worst_input = "{'coordinate': [0]}"
    if kernel in kernels():
        arguments, _ = inputs.build(find(kernel, case), kernels()[kernel], "float64")
        first = {name: checks.listed(np.ravel(array)[0]) for name, array in arguments.items()}
        worst_input = checks.literal(first)
    given: dict[str, Any] = {
        "backend": backend,
        "dtype": "float64",
        "device": "cpu",
        "kernel": kernel,
        "case": case,
        "mode": "eager",
        "derivative": "value",
        "error": 2.0,
        "unit": "eps*condition",
        "budget": 8.0,
        "within_budget": True,
        "worst_input": worst_input,
    }
    return Check(**given | changes)


def built(records: list[Any], folder: Path) -> Reader:
    build([Run("r", site_records.PROVENANCE, records)], folder)
    return Reader((folder / "agreement.html").read_text("utf-8"))


def rows(folder: Path) -> list[dict[str, Any]]:
    """What the matrix is drawn from."""
    spec = json.loads((folder / "figures" / "r-agreement.json").read_text("utf-8"))
    return next(iter(spec["datasets"].values()))


def test_every_cell_of_the_matrix_has_its_details_with_the_numbers_of_its_worst_check(tmp_path: Path) -> None:
    records = [r for r in site_records.checks(np.random.default_rng(1)) if isinstance(r, Check)]
    reader = built(records, tmp_path)
    drawn = [row for row in rows(tmp_path) if row.get("cell")]
    assert len(drawn) == len({row["cell"] for row in drawn}) == len(site_records.KERNELS) * 3 * 4
    ids = [attributes["id"] for _, attributes in reader.tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    for row in drawn:
        own = [
            r
            for r in records
            if (r.kernel, r.backend, f"{r.dtype} {r.mode}") == (row["kernel"], row["backend"], row["configuration"])
        ]
        worst = max(own, key=badness)
        told = reader.details[row["cell"]]
        for fact in (
            f"{number(ratio(worst))} of its budget",
            f"{number(worst.error)} {worst.unit}",
            f"{number(worst.budget)} {worst.unit}",
            worst.derivative,
            worst.case,
            worst.worst_input,
            f"2 checks, {sum(r.comparisons for r in own):,} numbers",
            cells.command(worst),
        ):
            assert fact in told


def test_marks_lead_to_the_details(tmp_path: Path) -> None:
    built([check()], tmp_path)
    html = (tmp_path / "agreement.html").read_text("utf-8")
    (spec,) = re.findall(r'<script type="application/json" class="spec">(.*?)</script>', html, re.DOTALL)
    assert '"href"' in spec
    assert rows(tmp_path)[0]["cell"] == "cell-gaussian-cdf-torch-float64-eager"


def test_a_failing_cell_shows_what_was_observed_and_its_program(tmp_path: Path) -> None:
    bad = check(error=None, within_budget=False, observed="got nan, expected 1e-300", tracker=f"N1 {TRACKER}")
    worse = check(case="random", derivative="vjp:loc", error=80.0, within_budget=False, observed="got 1, expected 2")
    reader = built([bad, worse, check(backend="jax")], tmp_path)
    told = reader.details["cell-gaussian-cdf-torch-float64-eager"]
    assert "2 of 2 checks out of budget" in told
    for fact in (
        "got nan, expected 1e-300",
        snippet.expected(bad),
        "--snippets programs",
        snippet.snippet(bad).strip(),
    ):
        assert fact in told
    assert "vjp:loc, case random: got 1, expected 2" in told
    files = [str(attributes["href"]) for tag, attributes in reader.tags if "download" in attributes and tag == "a"]
    programs = [tmp_path / file for file in files if file.startswith("snippets/")]
    assert len(programs) == len(set(programs)) == 3
    for program in programs:
        ast.parse(program.read_text("utf-8"))
    links = {attributes.get("href") for _, attributes in reader.tags}
    assert TRACKER in links
    assert "#cell-gaussian-cdf-torch-float64-eager" in links  # of the table of checks that fail


def test_a_cell_within_budget_has_its_program_and_the_expected_digits(tmp_path: Path) -> None:
    told = built([check()], tmp_path).details["cell-gaussian-cdf-torch-float64-eager"]
    digits = snippet.expected(check())
    assert len(digits.replace("0.", "").lstrip("0")) >= 30
    assert digits in told
    assert "from implementations.torch import" in told
    assert "observed" not in told
    assert "--snippets" not in told


def test_deviations_of_libraries_open_and_lead_to_their_tracker(tmp_path: Path) -> None:
    library = check(
        backend="torch_distributions",
        error=90.0,
        within_budget=False,
        observed="got 0, expected 1.9e-13",
        deviation="listed",
        tracker=f"N1 {TRACKER}",
    )
    reader = built(
        [check(), library, msgspec.structs.replace(library, kernel="gaussian.prob", within_budget=True)], tmp_path
    )
    name = "cell-gaussian-cdf-torch-distributions-float64-eager"
    assert "import torch\n" in reader.details[name]
    assert "needs torch alone" in reader.details[name]
    links = [attributes.get("href") for _, attributes in reader.tags]
    assert f"#{name}" in links
    assert links.count(TRACKER) == 2  # in the table and in the details
    assert [key for key in reader.details if "torch-distributions" in key] == [name]


@pytest.mark.parametrize(
    "changes",
    [
        {"kernel": "gaussian.gone"},
        {"backend": "gone"},
        {"device": "tpu"},
        {"dtype": "float8"},
        {"mode": "gone"},
        {"derivative": "vjp:gone"},
        {"worst_input": "loc=0.25"},
        {"worst_input": "[1.0]"},
        {"worst_input": "{'value': 'x', 'loc': 0.0, 'scale': 1.0}"},
        {"worst_input": "{'value': 0.0}"},
        {"worst_input": "{'value': 0.0, 'loc': 0.0, 'scale': 1.0, 'tangents': {'loc': [1.0]}}"},
        {"kernel": "estimators.pathwise", "case": "gone"},
        {"kernel": "estimators.pathwise", "case": "quadratic", "derivative": "value\nimport os"},
    ],
)
def test_what_this_version_does_not_know_gets_no_program_but_its_command(
    changes: dict[str, str], tmp_path: Path
) -> None:
    record = msgspec.structs.replace(check(), **changes)
    assert not snippet.is_known(record)
    reader = built([record, check(kernel="gaussian.entropy", case="random")], tmp_path)
    if record.backend in {"torch"}:
        told = next(text for name, text in reader.details.items() if name.startswith("cell-") and "entropy" not in name)
        assert cells.command(record) in told
        assert "Download" not in told


def test_estimators_are_known() -> None:
    record = check(kernel="estimators.pathwise", case="quadratic", derivative="vjp:loc")
    assert snippet.is_known(record)
    ast.parse(snippet.snippet(record))


def test_names_that_make_the_same_id_are_told_apart() -> None:
    keys = [cells.Key(name, "torch", "float32 eager") for name in ("a.b", "a-b", "a_b")]
    found = cells.anchors(keys)
    assert len(set(found.values())) == 3
    assert found[keys[0]] == "cell-a-b-torch-float32-eager"


def test_hostile_text_stays_text_and_makes_no_program(tmp_path: Path) -> None:
    hostile = check(
        kernel="gaussian.cdf", error=None, within_budget=False, observed=HOSTILE, tracker=HOSTILE, worst_input=HOSTILE
    )
    named = msgspec.structs.replace(hostile, kernel=HOSTILE, case=HOSTILE, unit=HOSTILE, derivative=HOSTILE)
    reader = built([hostile, named, msgspec.structs.replace(named, within_budget=True, error=1.0)], tmp_path)
    html = (tmp_path / "agreement.html").read_text("utf-8")
    assert "<script>alert" not in html
    assert "onerror" not in {name for _, attributes in reader.tags for name in attributes}
    assert not (tmp_path / "snippets").exists()
    names = [name for name in reader.details if name]
    assert len(names) == 2
    assert all(re.fullmatch(r"cell-[a-z0-9-]+", name) for name in names)
    assert HOSTILE in unescape(reader.details["cell-gaussian-cdf-torch-float64-eager"])
