"""The static site, built from synthetic records: true, escaped, whole, and silent on the network."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import numpy as np
import pytest
import site_records

from harness.results.run import Run
from harness.results.schema import Check, Time, Variance
from harness.site import answers, overview, scaling, text
from harness.site import timing as timings
from harness.site.build import build
from harness.site.page import Section
from harness.site.pages import TOPICS


class Reader(HTMLParser):
    """Collects tags with their attributes, and the contents of scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag == "script"
        if self._inside:
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.scripts[-1] += data


def read(page: Path) -> Reader:
    reader = Reader()
    reader.feed(page.read_text("utf-8"))
    return reader


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build([site_records.run()], tmp_path_factory.mktemp("site")).parent


@pytest.fixture(params=["index", *(topic.name for topic in TOPICS)])
def page(site: Path, request: pytest.FixtureRequest) -> Path:
    return site / f"{request.param}.html"


def whole(folder: Path) -> str:
    """The text of every page."""
    return "".join(path.read_text("utf-8") for path in sorted(folder.glob("*.html")))


def replace_first(records: list, kind: type, **changes: object) -> list:
    position = next(n for n, record in enumerate(records) if isinstance(record, kind))
    return [*records[:position], msgspec.structs.replace(records[position], **changes), *records[position + 1 :]]


def test_every_area_has_its_section_on_its_page(site: Path) -> None:
    places = {
        "agreement": ("agreement", "article"),
        "variance": ("variance",),
        "cost": ("time", "peak-memory", "curvature", "memory", "machines"),
        "training": ("training", "race"),
        "reproductions": ("literature",),
        "method": ("truth", "errors", "provenance"),
    }
    for name, anchors in places.items():
        html = (site / f"{name}.html").read_text("utf-8")
        for anchor in anchors:
            assert f'<section id="{anchor}"' in html
    assert 'id="failures"' not in whole(site)  # none in these records
    for fact in ("0123456789ab", "20250601", "example-2-cores", "2.13.0", "2025-06-01"):
        assert fact in (site / "method.html").read_text("utf-8")


def test_the_overview_carries_a_picture_of_each_answer_and_leads_to_its_section(site: Path) -> None:
    reader = read(site / "index.html")
    assert sum(tag == "figure" for tag, _ in reader.tags) == 3
    targets = {str(attributes.get("href")) for tag, attributes in reader.tags if tag == "a"}
    for target in ("agreement.html#agreement", "variance.html#variance", "cost.html#time"):
        assert target in targets
        name, _, anchor = target.partition("#")
        assert f'id="{anchor}"' in (site / name).read_text("utf-8")


def test_every_figure_has_pictures_data_and_a_description_that_is_json(page: Path) -> None:
    reader = read(page)
    figures = [attributes["id"] for tag, attributes in reader.tags if tag == "figure"]
    assert len(figures) == len(set(figures)) >= (page.stem not in {"method", "rosetta"})
    for name in figures:
        files = {kind: page.parent / "figures" / f"{name}.{kind}" for kind in ("svg", "png", "csv", "json")}
        assert files["svg"].read_text("utf-8").startswith("<svg")
        assert files["png"].read_bytes().startswith(b"\x89PNG")
        assert len(files["csv"].read_text("utf-8").splitlines()) > 1
        assert "vega-lite" in json.loads(files["json"].read_text("utf-8"))["$schema"]
    described = [json.loads(script).get("$schema", "") for script in reader.scripts if script]
    assert sum("vega-lite" in schema for schema in described) == len(figures)


def test_links_and_assets_exist_and_none_is_remote(page: Path) -> None:
    for tag, attributes in read(page).tags:
        for name in ("src", "href", "srcset", "poster", "action"):
            target = attributes.get(name)
            if target is None or target.startswith(("#", "data:,")):
                continue
            assert not re.match(r"(?:[a-z]+:)?//", target), f"<{tag}> asks for {target}"
            assert (page.parent / target.partition("#")[0]).is_file(), target
    style = (page.parent / "assets" / "style.css").read_text("utf-8")
    assert "url(" not in style
    assert "@import" not in style
    for description in (page.parent / "figures").glob("*.json"):
        assert '"url"' not in description.read_text("utf-8")


def test_ids_are_unique_and_links_within_the_page_lead_somewhere(page: Path) -> None:
    tags = read(page).tags
    ids = [attributes["id"] for _, attributes in tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    targets = {str(attributes["href"])[1:] for _, attributes in tags if str(attributes.get("href")).startswith("#")}
    assert targets <= set(ids)


def test_pictures_have_alternative_texts_and_tables_captions(page: Path) -> None:
    tags = read(page).tags
    assert all(attributes.get("alt") for tag, attributes in tags if tag == "img")
    assert all(attributes.get("scope") in {"row", "col"} for tag, attributes in tags if tag == "th")
    names = [tag for tag, _ in tags]
    assert names.count("caption") == names.count("table")


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    build([site_records.hostile()], tmp_path)
    html, reader = whole(tmp_path), Reader()
    reader.feed(html)
    assert "<script>alert" not in html
    assert "onerror" not in {name for _, attributes in reader.tags for name in attributes}
    assert "&lt;script&gt;alert" in html
    assert all("<" not in script for script in reader.scripts)
    assert any(
        site_records.HOSTILE in json.dumps(json.loads(script), ensure_ascii=False).replace('\\"', '"')
        for script in reader.scripts
        if script
    )
    for picture in (tmp_path / "figures").glob("*.svg"):
        assert "<script" not in picture.read_text("utf-8")


def test_no_path_of_the_machine_is_shown(tmp_path: Path) -> None:
    failure = site_records.failure("OSError: /home/alice/reparam/harness/data.py: no such file")
    provenance = site_records.PROVENANCE | {"command": r"/opt/venv/bin/reparam run --output C:\Users\alice\results"}
    build([Run("r", provenance, [failure])], tmp_path)
    page = whole(tmp_path)
    assert "alice" not in page
    assert "/opt/venv" not in page
    assert "…/data.py: no such file" in page
    assert "…/reparam run" in page


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("a ratio 1/2 and vjp:loc", "a ratio 1/2 and vjp:loc"),
        ("see https://example.org/a/b", "see https://example.org/a/b"),
        ("~/project/x.py", "…/x.py"),
    ],
)
def test_only_absolute_paths_are_cut(raw: str, clean: str) -> None:
    assert text.without_paths(raw) == clean


def test_one_failing_check_turns_the_first_answer_to_no() -> None:
    records = site_records.checks(np.random.default_rng(2))
    before = answers.answers(records)[0]
    assert (before.state, before.verdict) == ("good", "Yes, within budget")
    after = answers.answers(replace_first(records, Check, error=12.0, within_budget=False))[0]
    assert (after.state, after.verdict) == ("bad", "No: 1 check fails")
    assert "1.5 of its budget" in after.sentence
    assert f"of {len(records):,} checks" in after.sentence


def test_a_result_that_is_not_finite_is_the_worst_and_is_drawn_as_failing(tmp_path: Path) -> None:
    records = site_records.checks(np.random.default_rng(3))
    records = replace_first(records, Check, error=None, within_budget=False)
    assert "not finite" in answers.answers(records)[0].sentence
    build([Run("r", site_records.PROVENANCE, records)], tmp_path)
    spec = json.loads((tmp_path / "figures" / "r-agreement.json").read_text("utf-8"))
    cells = next(iter(spec["datasets"].values()))
    assert [cell["times"] for cell in cells if cell.get("failing")] == ["not finite"]


def test_a_cell_without_a_check_is_shown_as_not_measured(tmp_path: Path) -> None:
    records = site_records.checks(np.random.default_rng(4))
    left = [r for r in records if not (r.backend == "torch" and r.dtype == "float64" and r.kernel == "gaussian.cdf")]
    build([Run("r", site_records.PROVENANCE, left)], tmp_path)
    spec = json.loads((tmp_path / "figures" / "r-agreement.json").read_text("utf-8"))
    absent = [cell for cell in next(iter(spec["datasets"].values())) if cell["state"] == "not measured"]
    assert {(cell["kernel"], cell["backend"]) for cell in absent} == {("gaussian.cdf", "torch")}
    assert {cell["configuration"] for cell in absent} == {"float64 compiled", "float64 eager"}


def test_the_second_answer_follows_the_variances() -> None:
    records = site_records.variances(np.random.default_rng(5))
    before = answers.answers(records)[1]
    # score function against pathwise on norm_squared in 16 dimensions: 360 / 4, each with 1 % noise
    assert "score_function has" in before.sentence
    assert "variance of pathwise on norm_squared" in before.sentence
    assert "of gumbel_softmax and straight_through_gumbel" in before.sentence
    assert "standard deviations of a gradient" in before.sentence  # what would have been found elsewhere
    quiet = replace_first(records, Variance, variance=1e-4)
    after = answers.answers(quiet)[1]
    assert "variance of pathwise on quadratic" in after.sentence


def test_a_biased_estimator_is_not_called_the_quietest() -> None:
    records = [
        msgspec.structs.replace(r, variance=1e-9, bias_p_value=1e-12) if r.estimator == "pathwise" else r
        for r in site_records.variances(np.random.default_rng(6))
    ]
    answer = answers.answers(records)[1]
    assert "variance of pathwise" not in answer.sentence
    assert "of gumbel_softmax, pathwise and straight_through_gumbel" in answer.sentence


def test_rounding_is_neither_a_bias_nor_a_variance_to_compare_with() -> None:
    """An exact gradient in float32, 2.5e-9 off and with a variance of 1e-16: not biased, and not 1e16 times quieter."""
    records = [
        msgspec.structs.replace(r, variance=1e-16, bias=2.5e-9, bias_standard_error=0.0, bias_p_value=1.0)
        if r.estimator == "pathwise"
        else r
        for r in site_records.variances(np.random.default_rng(6))
        if r.dtype == "float32"
    ]
    answer = answers.answers(records)[1]
    assert "of gumbel_softmax and straight_through_gumbel" in answer.sentence
    assert "e1" not in answer.verdict


def test_the_third_answer_counts_clear_wins_only() -> None:
    def timing(backend: str, seconds: float, spread: float) -> Time:
        row = next(r for r in site_records.times(np.random.default_rng(7)) if r.backend == backend)
        return msgspec.structs.replace(
            row, seconds=seconds, seconds_low=seconds - spread, seconds_high=seconds + spread
        )

    clear = answers.answers([timing("jax", 1.0, 0.1), timing("torch", 2.0, 0.1)])[2]
    assert clear.verdict == "jax is always fastest"
    close = answers.answers([timing("jax", 1.0, 0.6), timing("torch", 2.0, 0.6)])[2]
    assert close.verdict == "Too close to call"
    assert "too close to call 1" in close.sentence


@pytest.mark.parametrize("make", overview.PICTURES)
def test_what_was_not_measured_has_no_picture(make) -> None:
    assert make([], site_records.BACKENDS) is None


def test_the_pictures_of_the_answers_show_the_worst_the_widest_and_the_faster() -> None:
    records = site_records.run().records
    right, noisy, costs = (made.data for made in overview.pictures(records, site_records.BACKENDS))
    checks = [record for record in records if isinstance(record, Check) and record.backend == "jax"]
    worst = max(record.error / record.budget for record in checks if record.kernel == "gaussian.cdf")
    assert right.query("backend == 'jax' and kernel == 'gaussian.cdf'")["error"].item() == pytest.approx(worst)
    assert noisy["variance"].is_monotonic_increasing
    assert set(noisy["problem"]) == {"norm_squared"}
    largest = [r for r in records if isinstance(r, Time) and r.size == 100_000]
    backward = {r.kernel for r in largest if r.derivative == "vjp"}
    times = [r for r in largest if r.derivative == ("vjp" if r.kernel in backward else "value")]
    assert len(costs) == len({(r.kernel, r.backend) for r in times})
    for row in costs.itertuples():
        assert row.seconds == min(r.seconds for r in times if (r.backend, r.kernel) == (row.backend, row.kernel))


def timing(size: int, seconds: float, spread: float = 1.0) -> Time:
    return Time(
        backend="jax",
        dtype="float32",
        device="cpu",
        kernel="gaussian.cdf",
        mode="eager",
        derivative="value",
        size=size,
        repeats=20,
        seconds_first_call=1.0,
        seconds=seconds,
        seconds_low=seconds / spread,
        seconds_high=seconds * spread,
    )


def test_exponents_are_between_the_two_largest_sizes() -> None:
    times = [timing(10, 5.0), timing(100, 0.01, spread=10.0), timing(1_000, 1.0)]
    ((small, large, found),) = scaling.exponents(times)
    assert (small.size, large.size) == (100, 1_000)
    np.testing.assert_allclose(found, (2.0, 1.0, 3.0))


def test_the_faster_mode_counts_with_the_backward_pass() -> None:
    def record(mode: str, derivative: str, seconds: float) -> Time:
        return msgspec.structs.replace(timing(10, seconds), mode=mode, derivative=derivative)

    slow, fast = record("eager", "vjp", 5.0), record("compiled", "vjp", 3.0)
    assert scaling.faster([record("eager", "value", 1.0), slow, fast]) == [fast]
    assert scaling.faster([timing(10, 5.0), timing(10, 4.0)]) == [timing(10, 4.0)]


def test_one_size_has_no_exponent() -> None:
    assert scaling.exponents([timing(10, 5.0)]) == []
    section = timing_section([timing(10, 5.0)])
    assert any("Scaling exponents: not measured" in note for note in section.notes)


def timing_section(times: list[Time]) -> Section:
    section = timings.section(times, ["jax"])
    assert section is not None
    return section


@pytest.mark.parametrize("runs", [[], [Run("empty", site_records.PROVENANCE, [])]])
def test_nothing_measured_is_said(runs: list[Run], tmp_path: Path) -> None:
    html = build(runs, tmp_path).read_text("utf-8")
    assert "Nothing was measured." in html
    assert html.count('<p class="verdict">Not measured</p>') == 3
    assert "<figure" not in whole(tmp_path)
    for topic in TOPICS:
        told = (tmp_path / topic.file).read_text("utf-8")
        assert f"<code>{topic.command}</code>" in told


def test_the_gpu_is_not_measured_until_it_is() -> None:
    records = site_records.checks(np.random.default_rng(8))
    assert any(line.startswith("GPU: not measured") for line in answers.not_measured(records))
    records = replace_first(records, Check, device="gpu")
    assert not any(line.startswith("GPU") for line in answers.not_measured(records))


def test_unlike_runs_are_not_merged(tmp_path: Path) -> None:
    random = np.random.default_rng(9)
    old = [msgspec.structs.replace(r, error=80.0, within_budget=False) for r in site_records.checks(random)[:8]]
    runs = [
        Run("b", site_records.PROVENANCE | {"started": "2025-06-02T00:00:00+00:00"}, site_records.checks(random)[:8]),
        Run("B", site_records.PROVENANCE, [*old, *site_records.articles(random)]),
    ]
    page = build(runs, tmp_path)
    html = page.read_text("utf-8")
    assert "Yes, within budget" in html  # agreement from the later run, the article from the only run that has it
    assert 'id="article"' in (tmp_path / "agreement.html").read_text("utf-8")
    pages = sorted(path.name for path in tmp_path.glob("*.html"))
    assert pages == sorted(["index.html", "run-b--2.html", "run-b.html", *(topic.file for topic in TOPICS)])
    assert "No: 8 checks fail" in (tmp_path / "run-b--2.html").read_text("utf-8")
    for name in pages:
        for _, attributes in read(tmp_path / name).tags:
            target = attributes.get("href") or attributes.get("src") or "#"
            assert target.startswith(("#", "data:,")) or (tmp_path / target.partition("#")[0]).is_file()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (12.345, "12.3"),
        (0.001234, "0.00123"),
        (4200.0, "4,200"),
        (1.2e-5, "1.20e-5"),
        (3e7, "3.00e7"),
        (None, "–"),
    ],
)
def test_numbers_keep_three_significant_digits(value: float | None, shown: str) -> None:
    assert text.number(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(2e-9, "2 ns"), (1.5e-5, "15 µs"), (0.25, "250 ms"), (2.0, "2 s")])
def test_times_carry_their_unit(value: float, shown: str) -> None:
    assert text.seconds(value) == shown
