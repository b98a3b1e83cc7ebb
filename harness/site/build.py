"""Builds the static site: pages, one shared script, figures and their data. It opens from disk, without a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from harness.backends import is_library
from harness.results.run import Run
from harness.results.schema import (
    Article,
    Check,
    Coverage,
    Failure,
    Memory,
    Race,
    Ratio,
    Recommendation,
    Record,
    Reproduction,
    Throughput,
    Time,
    Train,
    TrainingVariance,
    Variance,
)
from harness.site import (
    agreement,
    article,
    calibration,
    failures,
    geometry,
    provenance,
    reproductions,
    timing,
    training,
    trajectory,
    variance,
)
from harness.site.answers import answers, not_measured
from harness.site.figures import Drawn, bundle, draw
from harness.site.page import Section, Table
from harness.site.text import slug

#: The areas in the order of the page: the kind of record that they show, and what makes their section.
AREAS: tuple[tuple[type[Record], Callable[[Sequence[Record], Sequence[str]], Section | None]], ...] = (
    (Check, agreement.section),
    (Variance, variance.section),
    (Recommendation, calibration.recommendations),
    (Coverage, calibration.coverage),
    (Throughput, calibration.throughput),
    (Time, timing.section),
    (Train, training.section),
    (TrainingVariance, trajectory.section),
    (Ratio, geometry.products),
    (Memory, geometry.memory),
    (Race, geometry.rivals),
    (Reproduction, reproductions.section),
    (Article, article.section),
    (Failure, failures.section),
)

_ASSETS = ("style.css", "site.js")


@dataclass(frozen=True)
class Shown:
    """A section with its figures drawn, and the run that it is from."""

    section: Section
    figures: list[Drawn]
    run: Run


@dataclass(frozen=True)
class Page:
    """One page of the site: where it goes, and what is on it."""

    file: str
    title: str
    runs: Sequence[Run]
    records: Sequence[Record]
    shown: Sequence[Shown]


def build(runs: Sequence[Run], output: Path) -> Path:
    """Build the site.

    Unlike runs are never merged: the index shows, area by area, the latest run that measured it; where there are
    several runs each has a page of its own as well.

    Args:
        runs: in any order.
        output: the folder to write to; files of the same names are replaced.

    Returns:
        The index page.
    """
    ordered = sorted(runs, key=_started, reverse=True)
    measured = {record.backend for run in runs for record in run.records}
    backends = sorted(name for name in measured if not is_library(name))
    output.mkdir(parents=True, exist_ok=True)
    names = _unique_names(ordered)
    shown = [_show(run, name, backends, output) for run, name in zip(ordered, names, strict=True)]
    pages = [_index(ordered, shown)]
    if len(ordered) > 1:
        pages += [
            Page(f"run-{name}.html", f"Run {run.name}", [run], run.records, list(own.values()))
            for run, name, own in zip(ordered, names, shown, strict=True)
        ]
    links = [(page.file, page.title) for page in pages]
    environment = Environment(
        loader=PackageLoader("harness.site"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    for page in pages:
        html = environment.get_template("page.html").render(_context(page, links))
        (output / page.file).write_text(html, "utf-8")
    _write_assets(environment, output)
    return output / "index.html"


def _started(run: Run) -> tuple[str, str]:
    return str(run.provenance.get("started", "")), run.name


def _unique_names(runs: Sequence[Run]) -> list[str]:
    names: list[str] = []
    for run in runs:
        base = slug(run.name)
        taken = sum(name == base or name.startswith(f"{base}--") for name in names)
        names.append(f"{base}--{taken + 1}" if taken else base)
    return names


def _show(run: Run, name: str, backends: Sequence[str], output: Path) -> dict[type[Record], Shown]:
    sections = {kind: make(run.records, backends) for kind, make in AREAS}
    return {
        kind: Shown(section, [draw(figure, name, output) for figure in section.figures], run)
        for kind, section in sections.items()
        if section
    }


def _index(runs: Sequence[Run], shown: Sequence[dict[type[Record], Shown]]) -> Page:
    chosen = [next((own[kind] for own in shown if kind in own), None) for kind, _ in AREAS]
    latest = [item for item in chosen if item]
    kinds = [kind for (kind, _), item in zip(AREAS, chosen, strict=True) if item]
    records = [
        record
        for kind, item in zip(kinds, latest, strict=True)
        for record in item.run.records
        if isinstance(record, kind)
    ]
    return Page("index.html", "Reparam", runs, records, latest)


def _context(page: Page, links: Sequence[tuple[str, str]]) -> dict[str, Any]:
    tables: list[Table] = [provenance.runs_table(page.runs)] if page.runs else []
    return {
        "page": page,
        "links": links,
        "answers": answers(page.records),
        "gaps": not_measured(page.records),
        "tables": tables + [provenance.details_table(run) for run in page.runs],
    }


def _write_assets(environment: Environment, output: Path) -> None:
    folder = output / "assets"
    folder.mkdir(exist_ok=True)
    (folder / "vega.js").write_text(bundle(), "utf-8")
    loader = environment.loader
    if loader is None:
        raise RuntimeError("the environment has no loader")
    for name in _ASSETS:
        (folder / name).write_text(loader.get_source(environment, name)[0], "utf-8")
