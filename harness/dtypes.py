"""The floating types under test: their rounding unit and range, and rounding of float64 values to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.errors import unknown


@dataclass(frozen=True)
class FloatType:
    """A binary floating type.

    Attributes:
        name: as used by records, the command line and `runtime.asarray`.
        numpy: the NumPy dtype that holds it.
        bits: its width.
        eps: distance from 1 to the next number, 2^(1 - precision).
        tiny: smallest positive normal number.
        largest: largest finite number.
    """

    name: str
    numpy: np.dtype
    bits: int
    eps: float
    tiny: float
    largest: float


def _float_type(name: str, numpy: np.dtype) -> FloatType:
    info: Any = ml_dtypes.finfo(numpy)  # type: ignore[no-untyped-call]
    return FloatType(name, numpy, int(info.bits), float(info.eps), float(info.smallest_normal), float(info.max))


DTYPES = {
    row.name: row
    for row in (
        _float_type("float16", np.dtype(np.float16)),
        _float_type("bfloat16", np.dtype(ml_dtypes.bfloat16)),
        _float_type("float32", np.dtype(np.float32)),
        _float_type("float64", np.dtype(np.float64)),
    )
}


def find(name: str) -> FloatType:
    """Return the floating type called `name`.

    Raises:
        BadInputError: there is none.
    """
    if name not in DTYPES:
        raise unknown("dtype", name, DTYPES)
    return DTYPES[name]


def computing(name: str) -> FloatType:
    """Return the type in which kernels compute: float32 for the 16-bit types, else the type itself."""
    row = find(name)
    return find("float32") if row.bits == 16 else row


def rounded(values: ArrayLike, dtype: str) -> NDArray[np.float64]:
    """Round float64 values once, to nearest even, to `dtype`, and return them in float64, where each is exact."""
    with np.errstate(over="ignore"):  # beyond the largest number lies infinity
        return np.asarray(values, np.float64).astype(find(dtype).numpy).astype(np.float64)


def ulp(values: ArrayLike, dtype: str) -> NDArray[np.float64]:
    """Return the unit in the last place of `dtype` at |values|, at least that of its smallest normal number."""
    row = find(dtype)
    magnitude = np.clip(np.abs(np.asarray(values, np.float64)), row.tiny, row.largest)
    spacing: NDArray[np.float64] = np.ldexp(row.eps, np.frexp(magnitude)[1] - 1)
    return spacing
