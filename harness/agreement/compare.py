"""The distance of results from the truth, in units of their budget."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness import dtypes
from harness.agreement.budgets import BITS, NORMWISE, ROUNDED
from harness.oracle.truth import Truth

Array = NDArray[np.float64]


def errors(got: Array, truth: Truth, dtype: str, unit: str) -> Array:
    """Return the error of each number in `unit`: inf where it is NaN or infinite and the truth is not.

    A truth of NaN asks for NaN, a truth of infinity (or above the largest number) for infinity. An infinite condition
    is that of a choice which the dtype does not determine: any number is right, NaN is not.

    Args:
        got: results in float64.
        truth: of the same shape.
        dtype: in which they were computed.
        unit: one of `harness.agreement.budgets`.
    """
    row = dtypes.find(dtype)
    if unit == BITS:
        nearest = dtypes.rounded(truth.high, dtype)
        wrong = (got != nearest) | (np.signbit(got) != np.signbit(nearest))
        determined = np.isfinite(truth.condition) | np.isnan(got)
        return np.asarray(wrong & determined, np.float64)
    if unit == NORMWISE:
        off: Array = np.linalg.norm(np.ravel((got - truth.high) - truth.low)) / (row.eps * truth.condition)
        return np.nan_to_num(off, nan=np.inf)
    computed = dtypes.computing(dtype)
    with np.errstate(all="ignore"):
        unit_size = (
            dtypes.ulp(truth.high, dtype) + 32 * computed.eps * truth.condition
            if unit == ROUNDED
            else row.eps * truth.condition
        )
        difference = np.abs((got - truth.high) - truth.low)
        # subnormal numbers may be flushed to 0 (pitfall F1)
        excess = np.maximum(difference - computed.tiny, 0)
        scaled = np.where(excess > 0, excess / unit_size, 0.0)
        scaled = np.where(np.isnan(difference), np.inf, scaled)
        # infinity is the rounding of what lies beyond the largest number, give or take the rounding errors
        beyond = np.abs(truth.high) + 8 * row.eps * np.nan_to_num(truth.condition) >= row.largest
        infinite = np.isinf(got) & (np.sign(got) == np.sign(truth.high))
    scaled = np.where(beyond & infinite, 0.0, scaled)
    return np.where(np.isnan(truth.high), np.where(np.isnan(got), 0.0, np.inf), scaled)
