"""How many replicates an interval of a given width takes, computed before they are drawn.

A pilot of its own, on other noise, tells how wide the interval is at its size; the width falls like 1 / sqrt(n).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.errors import BadInputError, MeasurementError
from harness.results.schema import Variance

#: Replicates of the pilot.
PILOT = 65_536

#: Sizes are whole multiples of this, and at most `MOST`.
STEP = 4096
MOST = 10**10


def read(text: str) -> float:
    """Return a relative half-width that is written as "2%" or "0.02".

    Raises:
        BadInputError: it is no number, or not above 0 and at most 100 %.
    """
    number, percent, rest = text.strip().partition("%")
    try:
        value = float(number) / (100 if percent else 1)
    except ValueError:
        value = math.nan
    if rest or not 0 < value <= 1:
        raise BadInputError(f"--precision is {text!r}; allowed: above 0 % and at most 100 %; as in --precision 2%")
    return value


def replicates(pilots: Sequence[Variance], precision: float) -> int:
    """Return the replicates at which the interval of every variance reaches from 1 / (1 + precision) to 1 + precision.

    Args:
        pilots: records of the pilot, each with `PILOT` replicates.
        precision: relative half-width.

    Raises:
        MeasurementError: a variance has no interval, or a tail so heavy that none can be trusted, or it takes more
            than `MOST` replicates.
    """
    widest = 0.0
    for pilot in pilots:
        name = f"{pilot.backend} {pilot.estimator} {pilot.problem} {pilot.parameter}"
        if pilot.variance_low is None or pilot.variance_high is None or pilot.trusted is False:
            tail = "" if pilot.tail_shape is None else f" (tail shape {pilot.tail_shape:.2f})"
            raise MeasurementError(
                f"{name}: a pilot of {PILOT:,} has no interval of the variance that can be trusted{tail}, so that no "
                "size can be computed; give --replicates instead of --precision"
            )
        if pilot.variance_low > 0:
            widest = max(widest, math.log(pilot.variance_high / pilot.variance_low) / 2)
    wanted = PILOT * (widest / math.log1p(precision)) ** 2
    if wanted > MOST:
        raise MeasurementError(
            f"a precision of {precision:g} takes {wanted:.1e} replicates; at most {MOST:.0e} are drawn; "
            "give a larger --precision"
        )
    return max(math.ceil(wanted / STEP), 1) * STEP
