"""Truths of the oracles that compute in `np.longdouble`."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.oracle.truth import Truth


def truth_of(value: Any, condition: Any) -> Truth:
    """Split long doubles into pairs of float64.

    Args:
        value: np.longdouble array.
        condition: what one rounding unit may cost, of the same shape.
    """
    wide = np.asarray(value, np.longdouble)
    high = wide.astype(np.float64)
    low = (wide - high).astype(np.float64)
    return Truth(high, low, np.broadcast_to(np.asarray(condition, np.float64), high.shape))
