"""Colours and shapes that are told apart by colour-blind readers too (Okabe and Ito, 2008), and the chart themes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#8C8C8C")
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "stroke")

#: Marks take these styles, so that the page can redefine their colours for a dark background.
EXACT, ABSENT, FAILED = "exact", "absent", "failed"

#: The still pictures are for a light background. The page has its own, from its style sheet.
STILL: dict[str, Any] = {
    "background": "white",
    "style": {EXACT: {"color": "#111111"}, ABSENT: {"color": "#e4e4e4"}, FAILED: {"color": "#111111"}},
    "axis": {"labelLimit": 320},
}


def colour(backends: Sequence[str]) -> alt.Color:
    """Return the colour of each backend, the same in every chart of a site."""
    scale = alt.Scale(domain=list(backends), range=_cycled(COLOURS, len(backends)))
    return alt.Color("backend:N", title="backend", scale=scale)


def shape(backends: Sequence[str]) -> alt.Shape:
    """Return the point shape of each backend, which says again what its colour says."""
    scale = alt.Scale(domain=list(backends), range=_cycled(SHAPES, len(backends)))
    return alt.Shape("backend:N", title="backend", scale=scale)


def _cycled(values: Sequence[str], count: int) -> list[str]:
    return [values[index % len(values)] for index in range(count)]
