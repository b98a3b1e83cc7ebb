"""A chart with two logarithmic axes as inline SVG: lines with bands, in the ink of the text around it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import NamedTuple

#: After Okabe and Ito, 2008: colours that colour-blind readers tell apart, on white and on black.
COLOURS = ("#2A87D0", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#8C8C8C")

#: The strokes of lines say the same as their colours, and go on where those are used up.
DASHES = ("", "7 3", "2 3", "9 3 2 3")

#: Size of the picture, and the margins around its axes: left, right, top, bottom.
WIDTH, HEIGHT, MARGINS = 400, 270, (56, 24, 10, 44)

#: Labels on an axis at most.
LABELS = 7

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Curve(NamedTuple):
    """A line and its band; all numbers are positive and finite, but for a band that is not known, which is empty.

    Attributes:
        x: from small to large.
        y: as many.
        low: lower end of the band, as many or none.
        high: upper end.
        number: of its colour and stroke.
    """

    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    number: int = 0


class Chart(NamedTuple):
    """What is drawn.

    Attributes:
        title: of the picture, for those who do not see it.
        description: what it shows, likewise.
        x_label: of the horizontal axis.
        y_label: of the vertical axis.
        tick: the label of 10^k on the horizontal axis.
        curves: at least one.
        level: a dotted horizontal line; None where there is none.
        at: a dotted vertical line; None where there is none.
    """

    title: str
    description: str
    x_label: str
    y_label: str
    tick: Callable[[int], str]
    curves: Sequence[Curve]
    level: float | None = None
    at: float | None = None


def power(exponent: int) -> str:
    """Return 10^exponent as a label: 0.01, 100, 10⁴."""
    if -3 <= exponent <= 3:
        return f"{10**exponent:,}" if exponent >= 0 else f"{10.0**exponent:.{-exponent}f}"
    return f"10{str(exponent).translate(_SUPERSCRIPT)}"


def duration(exponent: int) -> str:
    """Return 10^exponent seconds as a label: 10 ns, 1 ms, 100 s."""
    if exponent > 3:
        return f"{power(exponent)} s"
    unit = max(exponent // 3, -4) if exponent < 0 else 0
    return f"{power(exponent - 3 * unit)} {('s', 'ms', 'µs', 'ns', 'ps')[-unit]}"


def stroke(number: int) -> str:
    """Return the colour and dashes of a line, as attributes."""
    colour, dashes = COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)]
    return f'stroke="{colour}"' + (f' stroke-dasharray="{dashes}"' if dashes else "")


class _Axis(NamedTuple):
    """Powers of 10 from `low` to `high`, on the pixels from `start` to `end`."""

    low: int
    high: int
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (self.end - self.start) * (math.log10(value) - self.low) / (self.high - self.low)

    def ticks(self) -> range:
        return range(self.low, self.high + 1, -(-(self.high - self.low + 1) // LABELS))


def _axis(values: Sequence[float], start: float, end: float) -> _Axis:
    low = math.floor(math.log10(min(values)))
    return _Axis(low, max(math.ceil(math.log10(max(values))), low + 1), start, end)


def _points(x: Sequence[float], y: Sequence[float], across: _Axis, up: _Axis) -> str:
    return " ".join(f"{across(one):.1f},{up(other):.1f}" for one, other in zip(x, y, strict=True))


def svg(chart: Chart) -> str:
    """Return a chart as one element, which takes the width of its place and the colour of the text around it."""
    left, right, top, bottom = MARGINS
    x = [value for curve in chart.curves for value in curve.x] + ([] if chart.at is None else [chart.at])
    y = [value for curve in chart.curves for part in curve[1:4] for value in part]
    across = _axis(x, left, WIDTH - right)
    up = _axis([*y, *([] if chart.level is None else [chart.level])], HEIGHT - bottom, top)
    parts = [*_frame(chart, across, up), *(_curve(curve, across, up) for curve in chart.curves)]
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img"><title>{escape(chart.title)}</title>'
        f"<desc>{escape(chart.description)}</desc>{''.join(parts)}</svg>"
    )


def _frame(chart: Chart, across: _Axis, up: _Axis) -> Iterator[str]:
    """Yield grid, labels and dotted lines."""
    for k in across.ticks():
        at = f"{across(10.0**k):.1f}"
        yield f'<line class="grid" x1="{at}" x2="{at}" y1="{up.start}" y2="{up.end}"/>'
        yield f'<text x="{at}" y="{up.start + 16}" text-anchor="middle">{chart.tick(k)}</text>'
    for k in up.ticks():
        at = f"{up(10.0**k):.1f}"
        yield f'<line class="grid" y1="{at}" y2="{at}" x1="{across.start}" x2="{across.end}"/>'
        yield f'<text x="{across.start - 7}" y="{float(at) + 4:.1f}" text-anchor="end">{power(k)}</text>'
    middle = (across.start + across.end) / 2, (up.start + up.end) / 2
    yield f'<text x="{middle[0]}" y="{HEIGHT - 6}" text-anchor="middle">{escape(chart.x_label)}</text>'
    yield f'<text transform="translate(12 {middle[1]}) rotate(-90)" text-anchor="middle">{escape(chart.y_label)}</text>'
    if chart.level is not None:
        at = f"{up(chart.level):.1f}"
        yield f'<line class="limit" x1="{across.start}" x2="{across.end}" y1="{at}" y2="{at}"/>'
    if chart.at is not None:
        at = f"{across(chart.at):.1f}"
        yield f'<line class="limit" x1="{at}" x2="{at}" y1="{up.start}" y2="{up.end}"/>'


def _curve(curve: Curve, across: _Axis, up: _Axis) -> str:
    """Return a line over its band."""
    line = f'<polyline class="line" points="{_points(curve.x, curve.y, across, up)}" {stroke(curve.number)}/>'
    if not curve.low:
        return line
    band = _points([*curve.x, *reversed(curve.x)], [*curve.low, *reversed(curve.high)], across, up)
    return f'<polygon class="band" points="{band}" fill="{COLOURS[curve.number % len(COLOURS)]}"/>{line}'
