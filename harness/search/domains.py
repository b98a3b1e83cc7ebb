"""From which numbers each argument is drawn, as data, and whether an input lies where the contract holds.

Numbers are 0, or normal in the dtype: subnormal numbers are outside the domain (pitfall F1).

The default region holds the magnitudes from sqrt(tiny) to sqrt(largest) of the type in which kernels compute, less a
decade at either end for the factors in front, where a dtype has them, and 0 where the domain does; the same holds for
the scores of a relaxation, and for quotients by a scale. The formulas contain squares of scales and quotients, and so
do their derivatives: beyond that region an intermediate number may leave the range of the dtype where the result does
not. What holds there is written down case by case in the conformance cases, and may be searched by choice.
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


def _fourth_roots(row: FloatType) -> tuple[float, float]:
    computing = dtypes.computing(row.name)
    return max(2 * computing.tiny**0.25, row.tiny), min(computing.largest**0.25 / 2, row.largest)


#: By kernel and argument, where a formula that is fixed asks for more than the contract's domain.
RESTRICTED: dict[tuple[str, str], Span] = {
    # log(scale^2) as the article writes it: its second derivative divides by the square of the square
    ("article.kl_standard_normal", "scale"): Span(_fourth_roots),
}

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
    if (kernel.name, name) in RESTRICTED:
        return RESTRICTED[kernel.name, name]
    if name in kernel.domain:
        return DOMAINS[kernel.domain[name]]
    if vector and name.startswith("logits"):
        return LOGITS
    return ARGUMENTS.get(name, DOMAINS["real"])


def default_reach(dtype: str) -> float:
    """Return the decades around 1 of the default region: 100 x^2 and its inverse are normal numbers there."""
    row = dtypes.computing(dtype)
    return float(np.log10(min(row.largest, 1 / row.tiny)) / 2 - 1)


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
    if reach is not None:
        rounded = np.where(np.abs(rounded) < 10.0**-reach, 0.0 if low <= 0 else low, rounded)
    return np.asarray(rounded)


def valid(kernel: Kernel, arguments: Mapping[str, Array], dtype: str, reach: float | None = None) -> bool:
    """Tell whether an input lies in the domain: each argument by itself, and scores and quotients together.

    Args:
        kernel: the contract's row.
        arguments: one batch entry's cores.
        dtype: its name.
        reach: decades around 1 outside which nothing is searched; None for all.
    """
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
    bound = row.largest / 8 if reach is None else min(row.largest / 8, 10.0**reach)
    if not _scores_are_within(arguments, bound):
        return False
    return reach is None or _quotients_are_within(arguments, 10.0**reach)


def _scores_are_within(arguments: Mapping[str, Array], bound: float) -> bool:
    """(logits + noise) / T and logits - T y stay inside: the domain of the temperature promises no more."""
    if "temperature" not in arguments:
        return True
    temperature = arguments["temperature"]
    parts = [array[np.isfinite(array)] for name, array in arguments.items() if name != "temperature"]
    largest = sum(float(np.abs(part).max(initial=0.0)) for part in parts)
    with np.errstate(over="ignore"):
        return bool(largest * max(1 / float(temperature), float(temperature), 1.0) <= bound)


#: (numerators, denominator): their difference over it is squared by the formulas, and so lies in the region, too.
QUOTIENTS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("value", "loc"), "scale"),
    (("loc_q", "loc_p"), "scale_p"),
    (("scale_q",), "scale_p"),
    (("scale_p",), "scale_q"),
)


def _quotients_are_within(arguments: Mapping[str, Array], bound: float) -> bool:
    for numerators, denominator in QUOTIENTS:
        if all(name in arguments for name in (*numerators, denominator)):
            total = sum(np.abs(arguments[name]) for name in numerators)
            with np.errstate(over="ignore"):
                if not np.all(total / arguments[denominator] <= bound):
                    return False
    return True
