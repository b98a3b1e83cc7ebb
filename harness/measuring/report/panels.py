"""Mean squared error of the mean of n gradients, against n and against the seconds that they take."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import NamedTuple

import numpy as np

from harness.measuring import phrases
from harness.measuring.report.chart import Chart, Curve, duration, power, stroke, svg
from harness.measuring.results import Bias, Measurement
from harness.statistics.intervals import Estimate

#: Points of a line.
POINTS = 41

#: Decades of gradients at the least and at most.
LEAST_DECADES, MOST_DECADES = 3, 12

#: Decades that are drawn beyond the gradients whose variance is the square of the bias.
BEYOND = 1.0


class _Line(NamedTuple):
    """Mean squared error variance / n + floor of one subject."""

    name: str
    variance: Estimate
    floor: Estimate
    seconds: float
    number: int

    def curve(self, n: Sequence[float], *, by_seconds: bool) -> Curve:
        """Return it over so many gradients; the lower end of the band is cut where it is not positive."""
        value, low, high = (
            [part / count + floor for count in n] for part, floor in zip(self.variance[:3], self.floor[:3], strict=True)
        )
        x = [count * self.seconds for count in n] if by_seconds else list(n)
        if not all(math.isfinite(each) and each > 0 for each in (*low, *high)):
            low, high = [], []
        return Curve(x, value, low, high, self.number)


def _floor(bias: Bias | None) -> Estimate:
    """Return |E g - truth|^2 of a bias that was found, else 0."""
    if bias is None or not bias.biased:
        return Estimate(0.0, 0.0, 0.0)
    return Estimate(*((part * bias.scale) ** 2 for part in bias.distance[:3]))


def _decades(lines: Sequence[_Line], replicates: int) -> float:
    """Return how many powers of 10 of gradients are drawn: those that were measured, and those that show the bias."""
    meets = [math.log10(line.variance.value / line.floor.value) + BEYOND for line in lines if line.floor.value > 0]
    return min(max(LEAST_DECADES, math.ceil(max([math.log10(replicates), *meets]))), MOST_DECADES)


def figure(measurements: Mapping[str, Measurement], biases: Mapping[str, Bias], seconds: float | None = None) -> str:
    """Return the charts, their legend and a caption as HTML.

    Args:
        measurements: of the subjects, by name.
        biases: by name; those that were found are the level below which no mean of gradients gets.
        seconds: that one estimate may take; marked where given.

    Returns:
        A figure, or a sentence where every variance is 0.
    """
    lines = [
        _Line(name, found.total_variance, _floor(biases.get(name)), found.seconds_per_gradient, number)
        for number, (name, found) in enumerate(measurements.items())
        if math.isfinite(found.total_variance.value) and found.total_variance.value > 0
    ]
    if not lines:
        return "<p>There is no chart, since no variance is above 0.</p>"
    some = next(iter(measurements.values()))
    n = [float(count) for count in np.logspace(0, _decades(lines, some.replicates), POINTS)]
    level = _detectable(lines, biases)
    what = phrases.listing([line.name for line in lines[:5]]) + (" and others" if len(lines) > 5 else "")
    panels = [
        svg(
            Chart(
                title=f"Mean squared error of the mean of gradients of {what}, against {by}",
                description="Both axes are logarithmic. " + " ".join(_sentences(lines)),
                x_label=label,
                y_label="mean squared error",
                tick=tick,
                curves=[line.curve(n, by_seconds=tick is duration) for line in lines],
                level=level,
                at=seconds if tick is duration else None,
            )
        )
        for by, label, tick in (
            ("their number", "gradients averaged", power),
            ("the seconds that they take", "time, amortised over many in a call", duration),
        )
    ]
    legend = "".join(
        f'<li><svg viewBox="0 0 28 10" aria-hidden="true"><line class="line" x1="1" x2="27" y1="5" y2="5" '
        f"{stroke(line.number)}/></svg>{escape(phrases.name(line.name))}</li>"
        for line in lines
    )
    legend = f'<ul class="legend">{legend}</ul>' if len(lines) > 1 else ""
    absent = [name for name in measurements if name not in {line.name for line in lines}]
    caption = " ".join(_caption(some, lines, absent, level, seconds))
    charts = f'<div class="panels">{"".join(panels)}</div>'
    return f"<figure>{legend}{charts}<figcaption>{escape(caption)}</figcaption></figure>"


def _detectable(lines: Sequence[_Line], biases: Mapping[str, Bias]) -> float | None:
    """Return the mean squared error of the bias that would have been found, where there is one line without one."""
    if len(lines) > 1 or len(biases) != 1:
        return None
    (bias,) = biases.values()
    size = (bias.detectable * bias.scale) ** 2
    return size if not bias.biased and bias.trusted is not False and 0 < size < math.inf else None


def _sentences(lines: Sequence[_Line]) -> Iterator[str]:
    """Yield what each line says, for those who do not see it."""
    for line in lines:
        floor = f", and does not fall below {phrases.number(line.floor.value)}" if line.floor.value > 0 else ""
        yield f"{line.name}: {phrases.number(line.variance.value)} for one gradient, and falls like 1 / n{floor}."


def _caption(
    some: Measurement, lines: Sequence[_Line], absent: Sequence[str], level: float | None, seconds: float | None
) -> Iterator[str]:
    biased = any(line.floor.value > 0 for line in lines)
    bias = " plus the square of the bias, below which no average gets" if biased else ""
    yield f"Mean squared error of the mean of n gradients: total variance / n{bias}."
    if any(math.isfinite(line.variance.low) for line in lines):
        yield f"Bands: intervals at {phrases.rate(some.confidence)}."
    if absent:
        yield f"Not drawn, since the variance is 0: {phrases.listing([phrases.name(name) for name in absent])}."
    if level is not None:
        yield "Dotted: the square of the bias that would have been found; below it, nothing is known."
    if seconds is not None:
        yield f"Dotted: {phrases.budget(seconds, 'µs')}, by which the subjects are compared."
