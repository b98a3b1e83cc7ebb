"""A point of a figure as a record, judged."""

from __future__ import annotations

import math
from typing import Any

from harness.reproduce import verdict
from harness.reproduce.quantities import Shown
from harness.reproduce.rows import Figure
from harness.results.schema import Reproduction, finite
from harness.statistics.intervals import CONFIDENCE


def judged(
    title: str,
    figure: Figure,
    quantity: str,
    shown: Shown,
    exact: float,
    limit: float,
    *,
    logarithmic: bool = False,
    forgiven: float = 0.0,
    degrees: float = math.inf,
    p_value: float | None = None,
    **fields: Any,
) -> Reproduction:
    """Return a point.

    Args:
        title: of the figure.
        figure: its axes.
        quantity: what stands on the y axis, in words.
        shown: the measurement and its 95 % interval.
        exact: what it should be.
        limit: of a deviation that agrees.
        logarithmic: whether the interval is extended on the log scale.
        forgiven: deviation that rounding explains.
        degrees: of freedom, where the interval is Student's.
        p_value: of a bias, where that decides and not the interval.
        **fields: the other fields of the record.
    """
    if p_value is None:
        away = verdict.deviation(*shown, exact, logarithmic, forgiven, degrees)
    else:
        away = verdict.deviation_of(p_value)
    return Reproduction(
        figure=title,
        quantity=quantity,
        axis=figure.x,
        log_x=figure.log_x,
        log_y=figure.log_y,
        measured=finite(shown.value),
        low=finite(shown.low),
        high=finite(shown.high),
        confidence=CONFIDENCE,
        exact=finite(exact),
        deviation=None if away is None else finite(away),
        limit=limit,
        agrees=away is not None and away <= limit,
        **fields,
    )
