"""Results as pages: self-contained, escaped, without a path of the machine, and with charts that show the numbers."""

from __future__ import annotations

import html.parser
import os
import platform
import re
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from results_for_tests import MANY, bias, biased, comparison, measurement

from harness.errors import BadInputError
from harness.measuring import report
from harness.measuring.report import chart, panels
from harness.measuring.results import Bias, Comparison, Result
from harness.statistics.intervals import Estimate

ODD = "<script>alert(\"1\")</script> & 'x'"

#: Measurements of the same parameters, as all in a comparison are.
USUAL = {name: MANY[name] for name in ("two leaves", "wide intervals", "2 replicates", "no variance")}

RESULTS: dict[str, Result] = {
    **MANY,
    "odd names": measurement({ODD: (3,), "b": ()}, name=ODD, notes=(ODD,)),
    "no bias": bias(),
    "a bias": biased(name=ODD, worst=ODD, diagnosis=ODD, notes=(ODD,)),
    "undecided": bias(detectable=0.4),
    "a comparison": comparison(USUAL, seconds=0.01),
    "judged": comparison(biases={"rloo": bias(), "reinforce": biased()}),
    "odd subjects": comparison({ODD: measurement(name=ODD), "b": measurement()}, biases={ODD: biased(), "b": bias()}),
}

VOID = {"meta", "link", "line", "polyline", "polygon"}


class Page(html.parser.HTMLParser):
    """Reads a page; every element must be closed in order.

    Attributes:
        tags: of all elements.
        attributes: names and values of all elements.
        text: all of it.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", RESULTS)
def test_pages_and_fragments_are_well_formed_and_load_nothing(name: str) -> None:
    for text in (report.page(RESULTS[name]), report.fragment(RESULTS[name])):
        page = Page(text)
        assert "script" not in page.tags
        assert not re.search(r"https?:|@import|url\(", text)
        assert not {"src", "srcset", "onclick", "onload"} & {key for key, _ in page.attributes}
        assert {value for key, value in page.attributes if key == "href"} <= {"data:,"}


def test_names_are_text() -> None:
    assert ODD in Page(report.page(RESULTS["odd names"])).text
    assert ODD in Page(report.page(RESULTS["a bias"])).text


def test_an_unescaped_name_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests above can fail: without escapes the name is an element."""
    monkeypatch.setattr("harness.measuring.report.markup.escape", str)
    assert "script" in Page(report.page(RESULTS["odd names"])).tags


def test_no_path_and_no_host_is_on_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = report.write(measurement(), tmp_path / "report.html").read_text(encoding="utf-8")
    for private in (str(tmp_path), str(Path.home()) + "/", os.path.dirname(os.__file__), f">{socket.gethostname()}<"):
        assert private not in text


def test_the_provenance_says_with_what_it_was_measured() -> None:
    text = Page(report.page(measurement())).text
    for part in (f"numpy {np.__version__}", f"python {platform.python_version()}", "Seed7", "Gradients measured10,000"):
        assert part in text
    assert re.search(r"Date\d{4}-\d\d-\d\d \d\d:\d\d UTC", text)


def test_the_commit_is_that_of_the_present_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=n", "-c", "user.email=e", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    assert "Commit" not in Page(report.page(measurement())).text
    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "--message", "x")
    assert f"Commit{git('rev-parse', 'HEAD')[:12]}" in Page(report.page(measurement())).text


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (measurement(), ["Total variance 4.00", "2.00 µs per gradient", "computed alone takes 30.0 µs"]),
        (bias(), ["No bias found", "A bias of 3.1 % of |truth| would have been found."]),
        (biased(), ["BIASED", "Diagnosis: a constant factor 1.2 (1.19 to 1.21).", "a[1]"]),
        (RESULTS["judged"], ["Biased: reinforce", "Which is the best?rloo", "the total variance of one gradient"]),
    ],
)
def test_a_page_has_the_verdict(result: Result, words: list[str]) -> None:
    text = Page(report.page(result)).text
    for word in words:
        assert word in text


def test_a_measurement_is_shown_with_its_bias(tmp_path: Path) -> None:
    text = report.write(measurement(), tmp_path / "r.html", bias=biased()).read_text(encoding="utf-8")
    page = Page(text)
    assert page.text.index("BIASED") < page.text.index("Total variance 4.00")
    assert "Gradients judged12,000" in page.text


def test_a_notebook_gets_fewer_rows_than_a_page() -> None:
    many = MANY["300 leaves"]
    assert "layer299.weight" in report.page(many)
    assert "layer20.weight" not in many._repr_html_()
    assert "... and 280 more parameters" in many._repr_html_()


def test_to_html_returns_the_path(tmp_path: Path) -> None:
    assert measurement().to_html(tmp_path / "r.html") == tmp_path / "r.html"


def test_an_unwritable_path_is_one_line(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none" / "r.html", Path("zero\0byte.html"), tmp_path / ("n" * 400)):
        with pytest.raises(BadInputError, match="cannot be written") as caught:
            report.write(measurement(), path)
        assert "\n" not in str(caught.value)


def test_pages_need_nothing_that_a_plain_installation_lacks() -> None:
    program = """
import sys
for name in ("altair", "jinja2", "vl_convert", "pygments", "mpmath", "psutil", "cpuinfo", "torch", "jax"):
    sys.modules[name] = None
sys.path.insert(0, "tests")
import results_for_tests as results
from harness.measuring import report
print(len(report.page(results.comparison())), file=sys.stderr)
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_what_is_no_result_is_refused() -> None:
    with pytest.raises(TypeError, match="allowed: a Measurement"):
        report.page(Result())


# ---- the charts

_POLYLINE = re.compile(r'<polyline class="line" points="([^"]*)"')
_POLYGON = re.compile(r'<polygon class="band" points="([^"]*)"')


def points(text: str) -> np.ndarray:
    return np.array([[float(part) for part in pair.split(",")] for pair in text.split()])


def scale(text: str, axis: str) -> tuple[np.ndarray, np.ndarray]:
    """Return pixels and exponents of the grid lines of an axis, from their labels."""
    pattern = (
        r'<line class="grid" x1="([\d.]+)" [^>]*/><text [^>]*>([^<]*)<'
        if axis == "x"
        else r'<line class="grid" y1="([\d.]+)" [^>]*/><text [^>]*>([^<]*)<'
    )
    found = re.findall(pattern, text)
    back = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    units = {"ps": -12, "ns": -9, "µs": -6, "ms": -3, "s": 0, "": 0}

    def exponent(label: str) -> float:
        number, _, unit = label.partition(" ")
        power = int(number[2:].translate(back)) if re.fullmatch(r"10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", number) else None
        return units[unit] + (np.log10(float(number.replace(",", ""))) if power is None else power)

    return np.array([float(pixel) for pixel, _ in found]), np.array([exponent(label) for _, label in found])


def values(text: str, line: np.ndarray) -> np.ndarray:
    """Return the numbers that the points of a line show, read against the labels as a person does."""
    read = []
    for column, axis in enumerate("xy"):
        pixels, exponents = scale(text, axis)
        slope, offset = np.polyfit(pixels, exponents, 1)
        read.append(10 ** (slope * line[:, column] + offset))
    return np.array(read).T


def drawn(text: str) -> list[str]:
    return re.findall(r"<svg viewBox=\"0 0 400.*?</svg>", text, re.DOTALL)


def test_lines_show_variance_over_n_against_samples_and_seconds() -> None:
    first, second = drawn(panels.figure({"a": measurement()}, {}))
    samples = values(first, points(_POLYLINE.findall(first)[0]))
    np.testing.assert_allclose(samples[:, 1] * samples[:, 0], 4.0, rtol=0.03)
    np.testing.assert_allclose(samples[[0, -1], 0], [1, 1e4], rtol=0.03)
    seconds = values(second, points(_POLYLINE.findall(second)[0]))
    np.testing.assert_allclose(seconds[:, 0], samples[:, 0] * 2e-6, rtol=0.05)
    np.testing.assert_allclose(seconds[:, 1], samples[:, 1], rtol=0.05)


def test_a_bias_is_the_floor_of_its_line() -> None:
    first, _ = drawn(panels.figure({"a": measurement()}, {"a": biased()}))
    found = values(first, points(_POLYLINE.findall(first)[0]))
    np.testing.assert_allclose(found[:, 1], 4.0 / found[:, 0] + 0.4**2, rtol=0.05)
    assert found[-1, 1] < 1.1 * 0.4**2


def test_a_bias_that_was_not_found_is_no_floor() -> None:
    first, _ = drawn(panels.figure({"a": measurement()}, {"a": bias()}))
    found = values(first, points(_POLYLINE.findall(first)[0]))
    np.testing.assert_allclose(found[:, 1] * found[:, 0], 4.0, rtol=0.05)
    assert first.count('class="limit"') == 1  # what would have been found


def require_band_around_line(text: str) -> None:
    """Assert that the band goes along its lower end, below the line, and back along its upper one."""
    first = drawn(text)[0]
    line, band = points(_POLYLINE.findall(first)[0]), points(_POLYGON.findall(first)[0])
    low, high = band[: len(line)], band[len(line) :][::-1]
    assert (low[:, 1] > line[:, 1]).all()  # pixels are counted from above
    assert (high[:, 1] < line[:, 1]).all()


def test_bands_are_around_lines_and_a_swapped_one_is_caught() -> None:
    require_band_around_line(panels.figure({"a": measurement(total_variance=Estimate(4.0, 3.0, 5.0))}, {}))
    swapped = panels.figure({"a": measurement(total_variance=Estimate(4.0, 5.0, 3.0))}, {})
    with pytest.raises(AssertionError):
        require_band_around_line(swapped)


@pytest.mark.parametrize("name", USUAL)
def test_nothing_is_drawn_outside_of_the_axes(name: str) -> None:
    left, right, top, bottom = chart.MARGINS
    for part in drawn(panels.figure({"a": USUAL[name]}, {"a": biased()}, seconds=1e-9)):
        for line in map(points, _POLYLINE.findall(part) + _POLYGON.findall(part)):
            assert left - 0.1 <= line[:, 0].min() <= line[:, 0].max() <= chart.WIDTH - right + 0.1
            assert top - 0.1 <= line[:, 1].min() <= line[:, 1].max() <= chart.HEIGHT - bottom + 0.1


def test_a_comparison_has_a_line_and_a_name_for_each_subject() -> None:
    text = panels.figure(USUAL, {}, seconds=0.01)
    shown = [name for name in USUAL if name != "no variance"]
    assert len(_POLYLINE.findall(drawn(text)[0])) == len(shown)
    assert text.count("<li>") == len(shown)
    assert "Not drawn, since the variance is 0: no variance." in text
    assert [part.count('class="limit"') for part in drawn(text)] == [0, 1]


def test_colours_and_strokes_tell_28_lines_apart() -> None:
    assert len({chart.stroke(number) for number in range(28)}) == 28


def test_each_chart_says_what_it_shows() -> None:
    for part in drawn(panels.figure({ODD: measurement()}, {ODD: biased()})):
        page = Page(part)
        assert {"title", "desc"} <= set(page.tags)
        assert ("role", "img") in page.attributes
        assert f"{ODD}: 4.00 for one gradient, and falls like 1 / n, and does not fall below 0.160." in page.text


@pytest.mark.parametrize("exponent", range(-14, 7))
def test_labels_say_their_numbers(exponent: int) -> None:
    svg = chart.svg(
        chart.Chart("t", "d", "x", "y", chart.duration, [chart.Curve([10.0**exponent] * 2, [1.0, 2.0], [], [])])
    )
    pixels, exponents = scale(svg, "x")
    assert exponents.tolist() == pytest.approx([exponent, exponent + 1])
    assert len(pixels) == 2


@pytest.mark.parametrize("found", [RESULTS["judged"], RESULTS["no bias"]])
def test_no_chart_without_variance(found: Result) -> None:
    assert ("<figure>" in report.page(found)) is isinstance(found, Comparison)
    assert isinstance(found, Comparison | Bias)
    assert "There is no chart" in report.page(MANY["no variance"])
