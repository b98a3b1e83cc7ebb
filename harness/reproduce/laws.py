"""Laws of whole curves: slopes on doubly logarithmic axes, ratios of curves, orders."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from harness.reproduce.quantities import QUANTILE
from harness.reproduce.rows import Law, Paper
from harness.reproduce.verdict import deviation
from harness.results.schema import Reproduction, finite

Curve = Sequence[Reproduction]


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _log_error(point: Reproduction) -> float:
    """Return the standard error of the logarithm of a point."""
    return (_number(point.high) - _number(point.low)) / (2 * QUANTILE * _number(point.measured))


def _record(
    law: Law, curve: Curve, measured: float, half: float, exact: float, limit: float, agrees: bool
) -> Reproduction:
    """Return the law in the place of its curve's last point: half is that of the 95 % interval."""
    away = deviation(measured, measured - half, measured + half, exact, logarithmic=False)
    return msgspec.structs.replace(
        curve[-1],
        curve=law.text,
        x=None,
        estimator="",
        settings="",
        measured=finite(measured),
        low=finite(measured - half),
        high=finite(measured + half),
        exact=finite(exact),
        deviation=None if away is None else finite(away),
        limit=limit,
        agrees=agrees and away is not None and away <= limit,
    )


def slope(law: Law, curves: Sequence[Curve], limit: float) -> Reproduction:
    """Fit log y = a + b log x by weighted least squares, and hold b against that of the exact values.

    The law's own number, which is that of a limit, must be within the law's slack of the exact values' slope.
    """
    (curve,) = curves
    log_x = np.log([_number(point.x) for point in curve])
    weights = 1 / np.array([_log_error(point) for point in curve])
    log_y, log_exact = (
        np.log([_number(value) for value in values])
        for values in ([point.measured for point in curve], [point.exact for point in curve])
    )
    (measured, _), covariance = np.polyfit(log_x, log_y, 1, w=weights, cov="unscaled")
    exact = float(np.polyfit(log_x, log_exact, 1, w=weights)[0])
    half = QUANTILE * math.sqrt(covariance[0, 0])
    return _record(law, curve, float(measured), half, exact, limit, abs(exact - law.value) <= law.slack)


def last_ratio(law: Law, curves: Sequence[Curve], limit: float) -> Reproduction:
    """Hold the ratio of two curves at the last x against the law's number; errors of both are added."""
    above, below = (curve[-1] for curve in curves)
    ratio = _number(above.measured) / _number(below.measured)
    half = QUANTILE * ratio * (_log_error(above) + _log_error(below))
    return _record(law, curves[0], ratio, half, law.value, limit, True)


def first_product(law: Law, curves: Sequence[Curve], limit: float) -> Reproduction:
    """Hold x y at the first x against the exact one, which must be within the slack of the law's number."""
    point = curves[0][0]
    x, exact = _number(point.x), _number(point.exact)
    measured, half = x * _number(point.measured), x * (_number(point.high) - _number(point.low)) / 2
    return _record(law, curves[0], measured, half, x * exact, limit, abs(x * exact - law.value) <= law.slack)


def first_value(law: Law, curves: Sequence[Curve], limit: float) -> Reproduction:
    """Hold y at the first x against the law's number."""
    point = curves[0][0]
    half = (_number(point.high) - _number(point.low)) / 2
    return _record(law, curves[0], _number(point.measured), half, law.value, limit, True)


def never_above(law: Law, curves: Sequence[Curve], limit: float) -> Reproduction:
    """Hold the largest ratio of two curves against the exact one at the same x, which must not exceed the law's."""
    pairs = list(zip(*curves, strict=True))
    above, below = max(pairs, key=lambda pair: _number(pair[0].measured) / _number(pair[1].measured))
    ratio = _number(above.measured) / _number(below.measured)
    half = QUANTILE * ratio * (_log_error(above) + _log_error(below))
    exact = max(_number(one.exact) / _number(other.exact) for one, other in pairs)
    return _record(law, curves[0], ratio, half, exact, limit, exact <= law.value)


def judged(name: str, paper: Paper, points: Sequence[Reproduction], limit: float) -> list[Reproduction]:
    """Return the laws of a paper as records, for each backend, dtype and device in which every point was measured.

    Args:
        name: of the reproduction.
        paper: its row.
        points: of any reproductions.
        limit: of a deviation that agrees.
    """
    own = [point for point in points if point.name == name and point.x is not None]
    places = dict.fromkeys((point.backend, point.dtype, point.device) for point in own)
    found = []
    planned = paper.comparisons - len(paper.laws)
    for place in places:
        measured = sum((point.backend, point.dtype, point.device) == place for point in own)
        for law in paper.laws if measured == planned else ():
            curves = [
                sorted(
                    (
                        point
                        for point in own
                        if (point.backend, point.dtype, point.device) == place
                        and (point.figure, point.curve) == (law.figure, curve)
                        and _number(point.x) >= law.least_x
                    ),
                    key=lambda point: _number(point.x),
                )
                for curve in law.curves
            ]
            found.append(law.judge(law, curves, limit))
    return found
