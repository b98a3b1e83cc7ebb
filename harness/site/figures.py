"""Files of a figure: still pictures, data, and the description that they are drawn from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

import altair as alt
import vl_convert

from harness.site.page import Figure
from harness.site.palette import STILL

#: Pixels of the still picture per unit of the description.
_SCALE = 1.5


@dataclass(frozen=True)
class Drawn:
    """A figure whose files are written.

    Attributes:
        id: unique in the site.
        figure: what was drawn.
        files: kind of file ("SVG", "PNG", "CSV", "JSON") -> its path relative to the site.
        width: of the still picture, in pixels, so that a page keeps its place.
        height: of it.
    """

    id: str
    figure: Figure
    files: dict[str, str]
    width: int
    height: int


def draw(figure: Figure, run: str, output: Path) -> Drawn:
    """Write a figure's files below figures/ and return where they are.

    Args:
        figure: the figure.
        run: a name that is safe in file names, unique in the site.
        output: the site's folder.
    """
    name = f"{run}-{figure.name}"
    folder = output / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    still = figure.spec | {"config": figure.spec.get("config", {}) | STILL}
    version = "_".join(alt.SCHEMA_VERSION.split(".")[:2])
    svg = vl_convert.vegalite_to_svg(still, vl_version=version)
    (folder / f"{name}.svg").write_text(svg, "utf-8")
    (folder / f"{name}.png").write_bytes(vl_convert.svg_to_png(svg, scale=_SCALE))
    figure.data.to_csv(folder / f"{name}.csv", index=False)
    (folder / f"{name}.json").write_text(json.dumps(still), "utf-8")
    files = {kind: f"figures/{name}.{kind.lower()}" for kind in ("SVG", "PNG", "CSV", "JSON")}
    size = ET.fromstring(svg).attrib
    return Drawn(name, figure, files, round(float(size["width"])), round(float(size["height"])))


@cache
def bundle() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script without dependencies, of the version that Altair writes."""
    version = "_".join(alt.SCHEMA_VERSION.split(".")[:2])
    script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", version)
    # a classic script, since browsers refuse modules from disk; the function keeps its names to itself
    return f"(function () {{\n{script}\n}})();\n"
