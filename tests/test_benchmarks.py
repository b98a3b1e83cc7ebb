"""The asv suite: names, units and parameters for asv's pages; a planted step in its database is marked."""

from __future__ import annotations

import datetime as dt
import importlib
import itertools
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import site_records

from harness import estimators
from harness.site import asv_pages, commits, history
from harness.site.build import build
from harness.timing import curvature, subjects

pytest.importorskip("asv.benchmarks", reason="the suite needs asv: pip install 'reparam[dev]'")

from asv import util
from asv.benchmarks import Benchmarks
from asv.config import Config
from asv.results import Results
from asv.runner import BenchmarkResult

ROOT = Path(__file__).parent.parent
MODULES = ("estimators", "fisher", "kernels", "models")
KINDS = ("time_", "track_", "peakmem_")
NAME = "kernels.Time.time_call"


def suite() -> Iterator[tuple[str, type, Any]]:
    """Yield (name in asv, class, function) of every benchmark."""
    for module in MODULES:
        loaded = importlib.import_module(f"benchmarks.{module}")
        for owner in vars(loaded).values():
            if isinstance(owner, type) and owner.__module__ == loaded.__name__:
                for name, function in vars(owner).items():
                    if name.startswith(KINDS):
                        yield f"{module}.{owner.__name__}.{name}", owner, function


BENCHMARKS = {name: (owner, function) for name, owner, function in suite()}


@pytest.fixture(params=sorted(BENCHMARKS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_kernels_estimators_fisher_products_and_models_are_all_in() -> None:
    assert {name.partition(".")[0] for name in BENCHMARKS} == set(MODULES)


def test_name_unit_and_version_are_said(name: str) -> None:
    owner, function = BENCHMARKS[name]
    assert len(function.pretty_name) <= 46, "asv's grid cuts it"
    assert getattr(function, "unit", None) or owner.unit
    assert owner.version.isdigit()
    assert owner.__doc__


def test_names_are_unique() -> None:
    titles = [function.pretty_name for _, function in BENCHMARKS.values()]
    assert len(set(titles)) == len(titles)


def test_every_parameter_has_a_name(name: str) -> None:
    owner, _ = BENCHMARKS[name]
    assert len(owner.param_names) == len(owner.params)
    assert "backend" in owner.param_names


def test_what_is_timed_exists() -> None:
    for name, known in (
        ("kernels.Time.time_call", subjects.names()),
        ("estimators.Time.time_block", list(estimators.ESTIMATORS)),
        ("models.Time.time_step", [name.removeprefix("models.") for name in subjects.MODELS]),
        ("fisher.Time.time_products", [curvature.GRADIENT, *curvature.PRODUCTS]),
    ):
        assert set(BENCHMARKS[name][0].params[0]) <= set(known)


def test_the_suite_stays_small() -> None:
    """Each set of parameters loads a framework in a process of its own: some 4 s each in a quick run of six minutes."""
    measured = sum(
        math.prod(
            len(values) for label, values in zip(owner.param_names, owner.params, strict=True) if label != "device"
        )
        for owner, _ in BENCHMARKS.values()
    )
    assert measured <= 66


def test_one_threshold_holds_for_each_benchmark(name: str) -> None:
    """Of those that match asv takes the largest, so a narrow one would be lost beside a wide one."""
    thresholds = Config.load(str(ROOT / "asv.conf.json")).regressions_thresholds
    assert sum(re.match(pattern, name) is not None for pattern in thresholds) == 1


def test_the_published_database_has_a_history() -> None:
    every = commits.read(ROOT / "results" / "asv")
    assert len({point.commit for series in every for point in series.points}) >= 5
    assert {series.machine for series in every} == {"intel-xeon-2-cores"}


def database(folder: Path, kernels: dict[str, list[float]]) -> Path:
    """Write a database of asv with these seconds, one for each commit, and return its folder."""
    described = {
        "name": NAME,
        "pretty_name": "Kernel: time of forward and backward",
        "unit": "seconds",
        "version": "2",
        "type": "time",
        "param_names": ["kernel", "backend"],
        "params": [[repr(kernel) for kernel in kernels], ["'torch'", "'jax'"]],
    }
    path = Benchmarks.get_benchmark_file_path(str(folder))
    util.write_json(path, {NAME: described}, Benchmarks.api_version)
    util.write_json(str(folder / "example" / "machine.json"), {"machine": "example"}, 1)
    for place, values in enumerate(zip(*kernels.values(), strict=True)):
        result = Results(
            {"machine": "example"},
            {},
            f"{place:x}" * 40,
            1_700_000_000_000 + place * 3_600_000,
            "3.11",
            "virtualenv",
            {},
        )
        samples = [[value * factor for factor in (0.98, 0.99, 1, 1.01, 1.02)] for value in values]
        both = [*itertools.chain.from_iterable((own, None) for own in samples)]  # jax is not measured
        numbers = [None if own is None else 1 for own in both]
        told = BenchmarkResult([math.nan if own is None else 1.0 for own in both], both, numbers, 0, "", None)
        result.add_result(described, told, dt.datetime.now(dt.UTC))
        result.save(str(folder))
    return folder


FLAT = [1.00e-3, 1.01e-3, 0.99e-3, 1.00e-3, 1.01e-3, 1.00e-3, 0.99e-3, 1.00e-3]
PLANTED = [1.00e-3, 1.01e-3, 0.99e-3, 1.00e-3, 1.01e-3, 1.50e-3, 1.52e-3, 1.49e-3]


def test_the_database_is_read_as_asv_wrote_it(tmp_path: Path) -> None:
    (series,) = commits.read(database(tmp_path, {"gumbel.gumbel_softmax": FLAT}))
    assert series.parameters == {"kernel": "gumbel.gumbel_softmax", "backend": "torch"}
    assert series.entry == f"{NAME}('gumbel.gumbel_softmax', 'torch')"
    assert [point.value for point in series.points] == pytest.approx(FLAT)
    assert [point.commit[-1] for point in series.points] == list("01234567")
    assert all(point.low is None or point.low < point.value < (point.high or 0) for point in series.points)


def test_a_planted_step_is_marked_and_nothing_else(tmp_path: Path) -> None:
    every = commits.read(database(tmp_path, {"gaussian.log_prob": FLAT, "gumbel.gumbel_softmax": PLANTED}))
    steady, slower = (commits.steps(series, 0.2) for series in every)
    assert steady == []
    (step,) = slower
    assert step.regression
    assert (step.before.commit[-1], step.after.commit[-1]) == ("4", "5")
    section = commits.section(every, {".*": 0.2}, ["torch"])
    assert section is not None
    assert "asv marks 1 regression." in section.notes[1]
    (table,) = section.tables
    assert [row[-1] for row in table.rows] == ["regression"]
    (figure,) = section.figures
    assert list(figure.data.query("regression")["commit"]) == ["5" * commits.SHORT]
    assert list(figure.data.query("regression")["relative"]) == pytest.approx([1.5])


def test_without_a_step_nothing_is_marked(tmp_path: Path) -> None:
    every = commits.read(database(tmp_path, {"gaussian.log_prob": FLAT}))
    section = commits.section(every, {".*": 0.2}, ["torch"])
    assert section is not None
    assert section.tables == []
    assert "asv marks 0 regressions." in section.notes[1]
    assert not section.figures[0].data["regression"].any()


def test_an_improvement_and_what_was_made_good_are_no_regression(tmp_path: Path) -> None:
    every = commits.read(database(tmp_path, {"a.b": PLANTED[::-1], "c.d": [*FLAT[:3], *PLANTED[5:], *FLAT[:2]]}))
    found = [step for series in every for step in commits.steps(series, 0.2)]
    assert len(found) == 3
    assert not any(step.regression for step in found)


def test_the_threshold_is_the_largest_that_matches(tmp_path: Path) -> None:
    (series,) = commits.read(database(tmp_path, {"gaussian.log_prob": FLAT}))
    assert commits.threshold(series, {".*": 0.2, ".*log_prob.*": 0.3, "estimators.*": 0.9}) == 0.3
    assert commits.threshold(series, {}) == commits.THRESHOLD


def test_one_commit_is_no_history(tmp_path: Path) -> None:
    every = commits.read(database(tmp_path, {"gaussian.log_prob": FLAT[:1]}))
    assert commits.section(every, {}, ["torch"]) is None


def test_a_folder_without_a_checkout_has_no_history(tmp_path: Path) -> None:
    assert history.find(tmp_path) is None
    assert history.make(None, ["torch"], tmp_path) == history.History()


def test_without_asv_one_line_says_how_to_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "find_spec", lambda _: None)
    made = history.make(ROOT / "asv.conf.json", ["torch"], tmp_path)
    assert made.section is not None
    assert made.section.notes == ["asv is not installed, so that the changes over commits are not shown: "
                                  "pip install 'reparam[dev]'"]  # fmt: skip
    assert not made.links


def test_the_site_has_the_section_and_asv_s_pages_without_a_network(tmp_path: Path) -> None:
    config = history.find(ROOT / "results")
    page = build([site_records.run()], tmp_path, config)
    assert 'href="asv/index.html"' in page.read_text("utf-8")
    assert 'id="commits"' in (tmp_path / "cost.html").read_text("utf-8")
    html = (tmp_path / "asv" / "index.html").read_text("utf-8")
    for source in re.findall(r'(?:src|<link[^>]*href)="([^"]*)"', html):
        assert not source.startswith("http")
        assert (tmp_path / "asv" / source).exists(), source
    assert html.index("jquery-3.3.1.min.js") < html.index("data.js") < html.index("offline.js") < html.index("asv.js")


def test_asv_that_fails_is_said_in_a_line(tmp_path: Path) -> None:
    config = tmp_path / "asv.conf.json"
    config.write_text('{"version": 1, "repo": "nowhere", "branches": ["main"]}', "utf-8")
    reason = asv_pages.publish(config, tmp_path / "site")
    assert reason.startswith("asv publish failed: ")
    assert str(tmp_path) not in reason
