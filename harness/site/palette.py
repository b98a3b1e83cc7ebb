"""Colours and shapes that colour-blind readers tell apart too (after Okabe and Ito, 2008), and the stills' theme."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import altair as alt

Value = TypeVar("Value")

COLOURS = ("#2A87D0", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#8C8C8C")
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right")

#: Marks take these styles, so that the page can redefine their colours for a dark background.
EXACT, ABSENT, FAILED = "exact", "absent", "failed"

#: The still pictures are for a light background. The page has its own, from its style sheet.
STILL: dict[str, Any] = {
    "background": "white",
    "style": {EXACT: {"color": "#111111"}, ABSENT: {"color": "#d3d0c8"}, FAILED: {"color": "#111111"}},
    "axis": {"labelLimit": 320, "labelSeparation": 6},
    "title": {"fontSize": 12, "anchor": "start"},
}


def colour(backends: Sequence[str]) -> alt.Color:
    """Return the colour of each backend, the same in every chart of a site."""
    scale = alt.Scale(domain=list(backends), range=cycled(COLOURS, len(backends)))
    legend = alt.Legend(orient="top", symbolOpacity=1, symbolSize=90)
    return alt.Color("backend:N", title="backend", scale=scale, legend=legend)


def shape(backends: Sequence[str]) -> alt.Shape:
    """Return the point shape of each backend, which says again what its colour says."""
    scale = alt.Scale(domain=list(backends), range=cycled(SHAPES, len(backends)))
    return alt.Shape("backend:N", title="backend", scale=scale)


def cycled(values: Sequence[Value], count: int) -> list[Value]:
    """Return so many values, from the beginning again where there are too few."""
    return [values[index % len(values)] for index in range(count)]
