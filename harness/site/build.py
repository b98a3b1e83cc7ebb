"""Builds the static site: pages, one shared script, figures and their data. It opens from disk, without a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from harness.backends import is_library
from harness.results.run import Run
from harness.results.schema import Record
from harness.site import history, machines, method, overview, provenance, rosetta, sources
from harness.site.answers import Answer, answers, not_measured
from harness.site.details import programs
from harness.site.explorer import Explorer, explorer
from harness.site.figures import Drawn, bundle, draw
from harness.site.page import Section, Table
from harness.site.pages import AREAS, OVERVIEW, TOPICS, Topic
from harness.site.text import moment, slug

_ASSETS = (
    "style.css",
    "cells.css",
    "rosetta.css",
    "charts.js",
    "site.js",
    "curves.js",
    "plot.js",
    "explorer.js",
    "cells.js",
    "rosetta.js",
)


@dataclass(frozen=True)
class Shown:
    """A section with its figures drawn, and the run that it is from, if a run measured it."""

    section: Section
    figures: list[Drawn]
    run: Run | None = None


#: The sections of a run, or the latest of several, by the kind of their records.
Sections = dict[type[Record], Shown]


@dataclass(frozen=True)
class Page:
    """One page of the site.

    Attributes:
        file: where it goes.
        title: its heading.
        lead: what a reader finds there.
        shown: its sections.
        command: what measures its subject, for where nothing was; "" where that cannot be.
        answers: to the three questions, with where each is shown, and the picture that carries it, if it has one.
        gaps: what was not measured.
        runs: whose provenance it shows.
        explorer: of the variances, if it has one.
        notes: paragraphs before the groups.
        groups: source texts, by module.
    """

    file: str
    title: str
    lead: str
    shown: Sequence[Shown] = ()
    command: str = ""
    answers: Sequence[tuple[Answer, str, Drawn | None]] = ()
    gaps: Sequence[str] = ()
    runs: Sequence[Run] = ()
    explorer: Explorer | None = None
    notes: Sequence[str] = ()
    groups: Sequence[rosetta.Group] = ()


def build(runs: Sequence[Run], output: Path, asv: Path | None = None) -> Path:
    """Build the site.

    Unlike runs are never merged: pages show, area by area, the latest run that measured it; where there are several
    runs each has a page of its own as well.

    Args:
        runs: in any order.
        output: the folder to write to; files of the same names are replaced.
        asv: asv.conf.json with its results, if there are any.

    Returns:
        The overview.
    """
    ordered = sorted(runs, key=_started, reverse=True)
    measured = {record.backend for run in runs for record in run.records}
    backends = sorted(name for name in measured if not is_library(name))
    output.mkdir(parents=True, exist_ok=True)
    names = _unique_names(ordered)
    shown = [_show(run, name, backends, output) for run, name in zip(ordered, names, strict=True)]
    latest = _latest(shown)
    told = history.make(asv, backends, output)
    further = [(machines.TOPIC, machines.section(ordered, backends)), (history.TOPIC, told.section)]
    pages = [_overview(latest, backends, output), *_topics(latest, ordered, further, explorer(ordered, output), output)]
    links = [*((page.file, page.title) for page in pages), *told.links]
    if len(ordered) > 1:
        pages += [_of_run(run, name, own) for run, name, own in zip(ordered, names, shown, strict=True)]
    environment = Environment(
        loader=PackageLoader("harness.site"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["moment"] = moment
    environment.filters["coloured"] = sources.coloured
    files = [(f"run-{name}.html", f"Run {run.name}") for run, name in zip(ordered, names, strict=True)]
    context = {"links": links, "run_pages": files if len(files) > 1 else []}
    for page in pages:
        html = environment.get_template("page.html").render(_context(page) | context)
        (output / page.file).write_text(html, "utf-8")
    _write_assets(environment, output)
    return output / OVERVIEW.file


def _started(run: Run) -> tuple[str, str]:
    return str(run.provenance.get("started", "")), run.name


def _unique_names(runs: Sequence[Run]) -> list[str]:
    names: list[str] = []
    for run in runs:
        base = slug(run.name)
        taken = sum(name == base or name.startswith(f"{base}--") for name in names)
        names.append(f"{base}--{taken + 1}" if taken else base)
    return names


def _show(run: Run, name: str, backends: Sequence[str], output: Path) -> Sections:
    sections = {area.kind: area.make(run.records, backends) for area in AREAS}
    for section in filter(None, sections.values()):
        for program in programs(section.folds):
            (output / program.file).parent.mkdir(exist_ok=True)
            (output / program.file).write_text(program.text, "utf-8")
    return {
        kind: Shown(section, [draw(figure, name, output) for figure in section.figures], run)
        for kind, section in sections.items()
        if section
    }


def _latest(shown: Sequence[Sections]) -> Sections:
    """Return the sections of each kind from the first of the runs, the latest, that has it."""
    chosen = {area.kind: next((own[area.kind] for own in shown if area.kind in own), None) for area in AREAS}
    return {kind: item for kind, item in chosen.items() if item}


def _records(sections: Sections) -> list[Record]:
    return [
        record
        for kind, item in sections.items()
        if item.run is not None
        for record in item.run.records
        if isinstance(record, kind)
    ]


def _overview(latest: Sections, backends: Sequence[str], output: Path) -> Page:
    records = _records(latest)
    places = {item.section.anchor: f"{area.topic}.html" for area in AREAS if (item := latest.get(area.kind))}
    drawn = [draw(made, "latest", output) if made else None for made in overview.pictures(records, backends)]
    told = [
        (answer, f"{places.get(answer.anchor, '')}#{answer.anchor}", picture)
        for answer, picture in zip(answers(records), drawn, strict=True)
    ]
    return Page(OVERVIEW.file, OVERVIEW.title, OVERVIEW.lead, answers=told, gaps=not_measured(records))


def _drawn(section: Section, output: Path) -> Shown:
    """Return a section that is of no run."""
    return Shown(section, [draw(figure, section.anchor, output) for figure in section.figures])


def _topics(
    latest: Sections,
    runs: Sequence[Run],
    further: Sequence[tuple[str, Section | None]],
    explored: Explorer | None,
    output: Path,
) -> list[Page]:
    pages = []
    for topic in TOPICS:
        if topic.name == "rosetta":
            pages.append(_rosetta(topic, runs))
            continue
        shown = [latest[area.kind] for area in AREAS if area.topic == topic.name and area.kind in latest]
        shown += [_drawn(section, output) for name, section in further if section and name == topic.name]
        about_runs = topic.name == "method"
        own = [Shown(section, []) for section in method.sections()] if about_runs else []
        gaps = not_measured(_records(latest)) if about_runs else ()
        pages.append(
            Page(
                topic.file,
                topic.title,
                topic.lead,
                own + shown,
                "" if shown else topic.command,
                gaps=gaps,
                runs=runs if about_runs else (),
                explorer=explored if topic.name == "variance" else None,
            )
        )
    return pages


def _rosetta(topic: Topic, runs: Sequence[Run]) -> Page:
    found = rosetta.measured(runs)
    command = "" if found.checks or found.times else topic.command
    return Page(topic.file, topic.title, topic.lead, command=command, notes=found.notes, groups=rosetta.groups(found))


def _of_run(run: Run, name: str, own: Sections) -> Page:
    return Page(
        f"run-{name}.html",
        f"Run {run.name}",
        "Everything that one run measured.",
        list(own.values()),
        answers=[(answer, f"#{answer.anchor}", None) for answer in answers(run.records)],
        gaps=not_measured(run.records),
        runs=[run],
    )


def _context(page: Page) -> dict[str, Any]:
    tables: list[Table] = [provenance.runs_table(page.runs)] if page.runs else []
    return {"page": page, "tables": tables + [provenance.details_table(run) for run in page.runs]}


def _write_assets(environment: Environment, output: Path) -> None:
    folder = output / "assets"
    folder.mkdir(exist_ok=True)
    (folder / "vega.js").write_text(bundle(), "utf-8")
    loader = environment.loader
    if loader is None:
        raise RuntimeError("the environment has no loader")
    for name in _ASSETS:
        (folder / name).write_text(loader.get_source(environment, name)[0], "utf-8")
