"""The floating types under test: their rounding unit and range, and rounding of float64 values to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.errors import unknown
from harness.requirements import require


@dataclass(frozen=True)
class FloatType:
    """A binary floating type.

    Attributes:
        name: as used by records, the command line and `runtime.asarray`.
        bits: its width.
        eps: distance from 1 to the next number, 2^(1 - precision).
        tiny: smallest positive normal number.
        largest: largest finite number.
    """

    name: str
    bits: int
    eps: float
    tiny: float
    largest: float

    @property
    def numpy(self) -> np.dtype:
        """The NumPy dtype that holds it. That of bfloat16 is defined by the package ml_dtypes.

        Raises:
            BadInputError: ml_dtypes is needed and is not installed.
        """
        if self.name != _BFLOAT16:
            return np.dtype(self.name)
        require("ml_dtypes", needed_by=f"dtype {self.name}")
        import ml_dtypes

        found: np.dtype = np.dtype(ml_dtypes.bfloat16)
        return found


_BFLOAT16 = "bfloat16"


def _of_numpy(dtype: type[np.floating]) -> FloatType:
    info = np.finfo(dtype)
    return FloatType(str(info.dtype), int(info.bits), float(info.eps), float(info.smallest_normal), float(info.max))


DTYPES = {
    row.name: row
    for row in (
        _of_numpy(np.float16),
        # float32 with 8 bits of precision in place of 24; NumPy itself does not have it
        FloatType(_BFLOAT16, bits=16, eps=2.0**-7, tiny=2.0**-126, largest=(2.0 - 2.0**-7) * 2.0**127),
        _of_numpy(np.float32),
        _of_numpy(np.float64),
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
