"""From which numbers each argument is drawn, as data, and whether an input lies where the contract holds.

Numbers are 0, or normal in the dtype: subnormal numbers are outside the domain (pitfall F1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness import dtypes, validation
from harness.dtypes import FloatType
from implementations.interface.contract import Kernel

Array = NDArray[np.float64]

#: Noise and logits beyond this are drawn by no framework: scores reach about 100 (`validation.DOMAINS`).
LARGEST_NOISE = 100.0
#: A point of the simplex adds up to 1 up to so many rounding units.
ROUNDINGS = 64.0


#: Kernels with exp(-exp(-z)) in them, z = (value - loc) / scale.
DOUBLE_EXPONENTIALS = ("gumbel.cdf", "gumbel.prob", "gumbel.log_prob")


class Span(NamedTuple):
    """What an argument may be.

    Attributes:
        limits: least and greatest number in a dtype.
        kind: "number"; or of a vector "one_hot", "simplex" or "log_simplex"; "logits" may hold -inf; "choice", 0 or 1.
    """

    limits: Callable[[FloatType], tuple[float, float]]
    kind: str = "number"


def _everything(row: FloatType) -> tuple[float, float]:
    return -row.largest, row.largest


def _unit(_: FloatType) -> tuple[float, float]:
    return 0.0, 1.0


#: By domain of the contract.
DOMAINS: dict[str, Span] = {
    "real": Span(_everything),
    "positive": Span(lambda row: (row.tiny, row.largest)),
    "non_negative": Span(lambda row: (0.0, row.largest)),
    "unit_interval": Span(_unit),
    "open_unit_interval": Span(lambda row: (row.tiny, 1 - row.eps / 2)),
    "probabilities": Span(_unit, "simplex"),
    # twice 100 / largest, so that it stays inside when it is rounded
    "temperature": Span(lambda row: (200.0 / row.largest, row.largest)),
    "binary": Span(_unit, "choice"),
    "one_hot": Span(_unit, "one_hot"),
}

#: By argument, for what the contract says in words only.
ARGUMENTS: dict[str, Span] = {
    "noise": Span(lambda _: (-LARGEST_NOISE, LARGEST_NOISE)),
    "log_value": Span(lambda row: (-row.largest, 0.0), "log_simplex"),
}
#: Where an argument called "logits..." has a core axis.
LOGITS = Span(_everything, "logits")


#: What must be 1 of a vector of this kind.
TOTALS: dict[str, Callable[[Array], float]] = {
    "one_hot": lambda array: float(array.sum()),
    "simplex": lambda array: float(array.sum()),
    "log_simplex": lambda array: float(np.exp(np.minimum(array, 1.0)).sum()),
}


def span(kernel: Kernel, name: str, vector: bool) -> Span:
    """Return what an argument of a kernel may be.

    Args:
        kernel: the contract's row.
        name: the argument.
        vector: whether it has a core axis.
    """
    if name in kernel.domain:
        return DOMAINS[kernel.domain[name]]
    if vector and name.startswith("logits"):
        return LOGITS
    return ARGUMENTS.get(name, DOMAINS["real"])


def limits(row: Span, dtype: str, reach: float | None = None) -> tuple[float, float]:
    """Return the least and the greatest number of a span, both in the dtype.

    Args:
        row: the span.
        dtype: its name.
        reach: decades around 1 outside which nothing is searched; None for all.
    """
    float_type = dtypes.find(dtype)
    low, high = row.limits(float_type)
    if reach is not None:
        bound = min(10.0**reach, float_type.largest)
        least = max(1 / bound, low) if low > 0 else max(-bound, low)
        low, high = least, min(bound, high)
    low, high = dtypes.rounded([low, high], dtype).tolist()
    return low, high


def normal(values: Array, dtype: str) -> Array:
    """Round to the dtype, and subnormal numbers to 0 or the smallest normal number, whichever is nearer."""
    row = dtypes.find(dtype)
    near = dtypes.rounded(values, dtype)
    size = np.abs(near)
    lifted = np.copysign(np.where(size < row.tiny / 2, 0.0, row.tiny), near)
    return np.asarray(np.where(size < row.tiny, lifted, near) + 0.0)  # -0 is 0


def mended(values: Array, row: Span, dtype: str, reach: float | None = None) -> Array:
    """Return the input inside a span that is next to `values`."""
    low, high = limits(row, dtype, reach)
    inside = np.clip(np.where(np.isnan(values), 1.0, values), low, high)
    if row.kind == "logits":
        inside = np.where(np.isneginf(values), -np.inf, inside)
    if row.kind == "choice":
        inside = np.rint(inside)
    if row.kind == "one_hot":
        inside = np.eye(inside.size)[int(np.argmax(inside))]
    if row.kind == "simplex" and not abs(inside.sum() - 1) <= dtypes.find(dtype).eps:
        inside = inside / inside.sum() if inside.sum() > 0 else np.full(inside.shape, 1 / inside.size)
    if row.kind == "log_simplex" and not abs(np.exp(inside).sum() - 1) <= dtypes.find(dtype).eps:
        inside = inside - np.logaddexp.reduce(inside)
    rounded = normal(inside, dtype)
    if reach is not None and row.kind in ("number", "logits"):
        rounded = np.where(np.abs(rounded) < 10.0**-reach, 0.0 if low <= 0 else low, rounded)
    return np.asarray(rounded)


def valid(kernel: Kernel, arguments: Mapping[str, Array], dtype: str) -> bool:
    """Tell whether an input lies in the domain: each argument by itself, and the scores of a relaxation finite."""
    row = dtypes.find(dtype)
    for name, array in arguments.items():
        kind = span(kernel, name, bool(array.ndim)).kind
        finite = array[np.isfinite(array)]
        held = kind == "logits" and finite.size and not np.isposinf(array).any()
        if not (finite.size == array.size or held) or ((finite != 0) & (np.abs(finite) < row.tiny)).any():
            return False
        if name in kernel.domain and not validation.DOMAINS[kernel.domain[name]].contains(array, dtype).all():
            return False
        if kind in TOTALS and abs(TOTALS[kind](array) - 1) > ROUNDINGS * row.eps:
            return False
    return _scores_are_finite(arguments, row) and _oracle_reaches(kernel, arguments)


def _oracle_reaches(kernel: Kernel, arguments: Mapping[str, Array]) -> bool:
    """exp(-exp(-z)) at high precision needs as many digits as exp(-z) has: without end far below z = -1000."""
    if kernel.name not in DOUBLE_EXPONENTIALS:
        return True
    value, loc, scale = (float(arguments[name]) for name in ("value", "loc", "scale"))
    return value / scale - loc / scale > -1000


def _scores_are_finite(arguments: Mapping[str, Array], row: FloatType) -> bool:
    """(logits + noise) / T and logits - T y stay finite: the domain of the temperature promises no more."""
    if "temperature" not in arguments:
        return True
    temperature = arguments["temperature"]
    parts = [array[np.isfinite(array)] for name, array in arguments.items() if name != "temperature"]
    largest = sum(float(np.abs(part).max(initial=0.0)) for part in parts)
    with np.errstate(over="ignore"):
        return bool(largest * max(1 / float(temperature), float(temperature), 1.0) <= row.largest / 8)
