"""Rosetta: the sources shown are those of the files."""

from __future__ import annotations

import ast
import html
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import numpy as np
import pytest
import site_records
from rosetta_records import changed, checks_of

import implementations
from harness.estimators import ESTIMATORS
from harness.results.run import Run
from harness.site import sources, subjects
from harness.site.build import build
from implementations import registry
from implementations.interface import contract

ROOT = Path(implementations.__file__).parent
REFERENCES = [row for row in registry.backends().values() if row.kind == "reference"]
LIBRARIES = [row for row in registry.backends().values() if row.kind == "library"]
HOSTILE = "</pre><script>alert(1)</script>&amp;\"'"


class Reader(HTMLParser):
    """Collects the text of each region of code by its label, and the ids and names of tags."""

    def __init__(self) -> None:
        super().__init__()
        self.regions: dict[str, str] = {}
        self.ids: list[str] = []
        self.tags: set[str] = set()
        self._label = ""
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        self.ids += [str(given["id"])] if "id" in given else []
        if given.get("class") == "code":
            self._label, self._depth = str(given["aria-label"]), 0
            self.regions[self._label] = ""
        self._depth += tag == "div"

    def handle_endtag(self, tag: str) -> None:
        self._depth -= tag == "div"
        if not self._depth:
            self._label = ""

    def handle_data(self, data: str) -> None:
        if self._label:
            self.regions[self._label] += data


def built(runs: Sequence[Run], folder: Path) -> str:
    build(runs, folder)
    return (folder / "rosetta.html").read_text("utf-8")


def parsed(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return built([site_records.run()], tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def reader(page: str) -> Reader:
    return parsed(page)


def names_and_places() -> dict[str, tuple[str, str]]:
    """Return the module and the function of every kernel and every estimator, by the name of its entry."""
    kernels = {name: (kernel.module, kernel.function) for name, kernel in contract.kernels().items()}
    estimators = {f"estimators.{name}": (f"estimators.{row.module}", name) for name, row in ESTIMATORS.items()}
    return kernels | estimators


def lines_of(row: registry.Backend, module: str, function: str) -> str | None:
    """Return the lines of a function as they stand in its file, None where the backend does not offer it."""
    path = ROOT.parent.joinpath(*row.package.split("."), *module.split(".")).with_suffix(".py")
    text = path.read_text("utf-8") if path.exists() else ""
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            return "\n".join(text.splitlines()[first - 1 : node.end_lineno])
    return None


@pytest.mark.parametrize("row", [*REFERENCES, *LIBRARIES], ids=lambda row: row.name)
def test_every_kernel_and_estimator_is_shown_as_it_stands_in_its_file(row: registry.Backend, reader: Reader) -> None:
    shown = 0
    for name, (module, function) in names_and_places().items():
        lines = lines_of(row, module, function) if function in registry.public(row.package, module) else None
        label = f"{name} in {row.name}"
        assert (lines is not None) == (label in reader.regions), label
        if lines is not None:
            shown += 1
            assert f"\n{lines}\n" in f"\n{reader.regions[label].strip()}\n", label
    assert shown == len(names_and_places()) or row.kind == "library"
    assert set(names_and_places()) <= set(reader.ids)


def test_whatever_else_is_checked_has_an_entry_too(reader: Reader) -> None:
    assert set(subjects.subjects()) <= set(reader.ids)
    for name in ("models.vae.loss_bernoulli", "fisher.gauss_newton", "solvers.conjugate_gradient"):
        assert f"{name} in torch" in reader.regions


def test_the_formula_is_the_interface_s(page: str) -> None:
    text = html.unescape(re.sub(r"<[^>]+>", "", page))
    for module, function in names_and_places().values():
        said = sources.docstring("implementations.interface", module, function)
        assert said in text, (module, function)


def test_a_text_comes_with_what_it_uses_of_its_file(reader: Reader) -> None:
    icdf = reader.regions["gaussian.icdf in tensorflow"]
    for part in ("import tensorflow as tf", "def _standard_quantile(", "def _ratio(", "#: Coefficients of Wichura"):
        assert part in icdf
    assert "def _hazard(" not in icdf  # of log_cdf
    assert "def softplus(" in reader.regions["gaussian.scale_from_softplus in jax"]
    assert "@softplus.defjvp" in reader.regions["gaussian.scale_from_softplus in jax"]


MODULE = '''"""A module."""

import math
import sys

__all__ = ["apart", "given"]

#: Why three.
THREE = 3.0  # exactly
UNUSED = 4.0


# what is given
@wrap
def given(x, UNUSED):
    """Given: x + 3."""
    # not sys
    return _helper(x) + apart(x)


def wrap(function):
    return function


def _helper(x):
    def inner():
        return math.sin(THREE)

    return inner() + x


@_helper.derivative
def _rule(x):
    return _second(x)


def _second(x):
    return x


def apart(x):
    return _third(x)


def _third(x):
    return x


_helper.register(_rule)
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "rosetta_for_tests"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "gumbel.py").write_text(MODULE)  # it could not be imported
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def test_what_a_function_uses_is_found_and_nothing_else(package: Path) -> None:
    found = sources.read(package.name, "gumbel", "given", frozenset({"given", "apart"}))
    assert found.path == "rosetta_for_tests/gumbel.py"
    assert found.text.splitlines()[:3] == ["# what is given", "@wrap", "def given(x, UNUSED):"]
    assert MODULE.splitlines()[found.line - 1] == "# what is given"
    assert found.elsewhere == ("apart",)
    starts = [line for line in found.rest.splitlines() if line and not line.startswith(" ")]
    assert starts == [
        "import math",
        "#: Why three.",
        "THREE = 3.0  # exactly",
        "def wrap(function):",
        "def _helper(x):",
        "@_helper.derivative",
        "def _rule(x):",
        "def _second(x):",
        "_helper.register(_rule)",
    ]
    assert "def _third(x):" in sources.read(package.name, "gumbel", "given").rest


def test_a_function_that_is_not_there_is_an_error(package: Path) -> None:
    for module, function in (("gumbel", "math"), ("gumbel", "nothing"), ("nowhere", "given")):
        with pytest.raises(LookupError, match=f"{package.name}.{module} has no {function}"):
            sources.read(package.name, module, function)


def test_colours_change_no_character() -> None:
    for path in sorted(ROOT.rglob("*.py")):
        text = path.read_text("utf-8")
        assert "".join(part for _, part in sources.coloured(text)) == text, path
    classes = {part: name for name, part in sources.coloured('def f(x):\n    """Doc."""\n    return 1  # why\n')}
    assert (classes['"""Doc."""'], classes["# why"], classes["1"], classes["f"]) == ("c", "c", "m", "f")


def test_changing_a_source_changes_the_page(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = "gumbel.cdf"
    text = 'import nothing_that_exists\n\n__all__ = ["cdf"]\n\n\ndef cdf(value, loc, scale):\n    return {}\n'
    row = registry.Backend("third", package.name, "none", "reference", "none")
    monkeypatch.setattr(registry, "backends", lambda: {"third": row})
    monkeypatch.setattr(registry, "find", lambda _: row)
    regions = []
    for body in ("loc + scale", f"loc - scale  # {HOSTILE}"):
        (package / "gumbel.py").write_text(text.format(body))
        shown = parsed(built([], tmp_path / "site"))
        regions.append(shown.regions[f"{kernel} in third"])
    assert "return loc + scale\n" in f"{regions[0].strip()}\n"
    assert f"return loc - scale  # {HOSTILE}" in regions[1]
    page = (tmp_path / "site" / "rosetta.html").read_text("utf-8")
    assert "<script>alert" not in page
    assert "third does not have it: no adapter yet." in page  # of all other kernels


def test_hostile_records_stay_text(tmp_path: Path) -> None:
    records = [
        msgspec.structs.replace(check, dtype=HOSTILE, device=HOSTILE) for check in checks_of("gaussian.cdf", "torch")
    ]
    times = [
        msgspec.structs.replace(time, mode=HOSTILE, derivative=HOSTILE)
        for time in site_records.times(np.random.default_rng(0))
    ]
    marked = site_records.PROVENANCE | {"commit": HOSTILE, "started": HOSTILE, "source": HOSTILE}
    page = built([Run(HOSTILE, marked, [*records, *times])], tmp_path)
    assert "<script>alert" not in page
    assert page.count(html.escape("<script>alert(1)</script>")) > 10
    assert "checks in " + HOSTILE in html.unescape(page)


@pytest.mark.parametrize("row", LIBRARIES, ids=lambda row: row.name)
def test_a_library_without_the_kernel_gives_its_reason(row: registry.Backend, page: str, reader: Reader) -> None:
    text = html.unescape(page)
    for entry in text.split('<details class="entry" id="')[1:]:
        name = entry.partition('"')[0]
        if name in contract.kernels() and registry.gap(row.name, name):
            assert f"{row.name} does not have it: {registry.gap(row.name, name)}." in entry
            assert f"{name} in {row.name}" not in reader.regions


def test_links_lead_to_entries(page: str, reader: Reader, tmp_path: Path) -> None:
    assert len(reader.ids) == len(set(reader.ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(reader.ids)
    records = changed(site_records.checks(np.random.default_rng(4)), "gumbel.log_prob", error=80.0, within_budget=False)
    build([Run("r", site_records.PROVENANCE, records)], tmp_path)
    targets = re.findall(r'href="rosetta.html#([^"]+)"', (tmp_path / "agreement.html").read_text("utf-8"))
    assert "gumbel.log_prob" in targets
    assert set(targets) <= set(reader.ids)


def test_the_page_is_light_and_loads_nothing_but_its_own(page: str) -> None:
    assert len(page.encode()) < 1_000_000
    assert re.findall(r'<script src="([^"]+)"', page) == ["assets/rosetta.js"]
    assert page.count('<details class="entry"') == len(subjects.subjects())


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def palette(style: str, scheme: int) -> dict[str, str]:
    """Return the colours that a style sheet names, of the light (0) or of the dark (1) scheme."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"--(\w+): (#\w+)", style):
        found.setdefault(name, []).append(value)
    return {name: values[scheme] for name, values in found.items()}


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_of_code_are_readable(scheme: int) -> None:
    folder = Path(sources.__file__).parent / "templates"
    style, own = ((folder / name).read_text("utf-8") for name in ("style.css", "rosetta.css"))
    assert "url(" not in own
    assert "@import" not in own
    colours = palette(style, scheme) | palette(own, scheme)
    used = {*re.findall(r"\.code \.\w[^{]*\{ color: var\(--(\w+)\)", own), "ink", "soft"}
    assert len(used) == 7
    for name in used:
        lighter, darker = sorted((luminance(colours[name]), luminance(colours["paper"])), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, name
