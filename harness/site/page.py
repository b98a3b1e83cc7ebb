"""What a page is made of: sections of text, figures and tables, as data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import altair as alt
import pandas as pd

from harness.results.schema import Record
from harness.site.details import Fold

Kind = TypeVar("Kind", bound=Record)


@dataclass(frozen=True)
class Figure:
    """A chart, its still pictures and its data share one name.

    Attributes:
        name: unique within a run; files are called after it.
        title: the figure's caption.
        alt: what the picture shows, for those who do not see it.
        spec: Vega-Lite description, data included.
        data: what it is drawn from: the records, or the differences between them.
    """

    name: str
    title: str
    alt: str
    spec: dict[str, Any]
    data: pd.DataFrame


@dataclass(frozen=True)
class Table:
    """Rows under a caption.

    The first column names the row; `text` names the columns that are words, not numbers; `anchors` are the places in
    the page to which the rows lead, if they lead anywhere.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    text: frozenset[str] = frozenset()
    folded: bool = False
    anchors: Sequence[str] = ()


@dataclass(frozen=True)
class Section:
    """One area of one run.

    Attributes:
        anchor: its id in the page.
        title: its heading.
        notes: paragraphs of plain text: how to read it, and what the numbers say.
        figures: its charts.
        tables: its tables.
        folds: what it lets a reader open.
    """

    anchor: str
    title: str
    notes: Sequence[str]
    figures: Sequence[Figure] = field(default_factory=tuple)
    tables: Sequence[Table] = field(default_factory=tuple)
    folds: Sequence[Fold] = field(default_factory=tuple)


def of(records: Iterable[Record], kind: type[Kind]) -> list[Kind]:
    """Return the records of one kind, in their order."""
    return [record for record in records if isinstance(record, kind)]


def figure(name: str, title: str, alt_text: str, chart: Any, data: pd.DataFrame) -> Figure:
    """Return a figure of an Altair chart, whatever the number of its rows."""
    with alt.data_transformers.enable("default", max_rows=None):
        spec: dict[str, Any] = chart.to_dict()
    return Figure(name, title, alt_text, spec, data)
