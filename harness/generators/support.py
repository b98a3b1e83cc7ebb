"""The smallest and the largest value that a sampler can return, from the known grid of its uniform numbers.

A uniform generator with b bits returns the multiples of 2^-b from 0 to 1 - 2^-b. What the other samplers reach
is found by feeding the ends of that grid through their formulas, one rounding per operation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from scipy.special import erfinv

from harness import dtypes as floats
from harness.generators.truth import PROBS

Ends = tuple[float, float]

#: Bits of a uniform number: of its significand, or one less where the bits fill the fraction of a number in [1, 2).
_OF_FRACTION = {"float16": 10, "bfloat16": 7, "float32": 23, "float64": 52}
_OF_SIGNIFICAND = {"float32": 24, "float64": 53}
_BITS_OF = {"torch": _OF_SIGNIFICAND, "jax": _OF_FRACTION, "tensorflow": _OF_FRACTION}
BITS = {(backend, dtype): bits for backend, row in _BITS_OF.items() for dtype, bits in row.items()}


def _number(value: float, dtype: str) -> float:
    return float(floats.rounded(value, dtype))


def _gumbel(u: float, dtype: str) -> float:
    """Return -log(-log u), each logarithm rounded."""
    return _number(-math.log(-_number(math.log(u), dtype)), dtype)


def _box_muller(u: float, dtype: str) -> Ends:
    """Return the ends of sqrt(-2 log u) cos(2 pi v), whose cosine reaches -1 and 1."""
    radius = _number(math.sqrt(-2 * math.log(u)), dtype)
    return -radius, radius


def _uniform(backend: str, dtype: str) -> Ends:
    return 0.0, 1 - 2.0 ** -BITS[backend, dtype]


def _uniform_wrapped(_: str, dtype: str) -> Ends:
    return 0.0, 1 - floats.find(dtype).eps / 2


def _normal_torch(_: str, dtype: str) -> Ends:
    return _box_muller(2.0 ** -BITS["torch", "float64" if dtype == "float64" else "float32"], dtype)


def _normal_tensorflow(_: str, dtype: str) -> Ends:
    return _box_muller(1e-7, dtype)


def _normal_jax(backend: str, dtype: str) -> Ends:
    """Return sqrt(2) erfinv(u) at the ends of u = low + (1 - low) v, where low is the number after -1."""
    low = _number(-1 + floats.find(dtype).eps / 2, dtype)
    width = _number(1 - low, dtype)
    high = _number(_number(_uniform(backend, dtype)[1] * width, dtype) + low, dtype)
    root = _number(math.sqrt(2), dtype)
    low_end, high_end = (_number(root * _number(float(erfinv(u)), dtype), dtype) for u in (low, high))
    return low_end, high_end


def _gumbel_of_grid(backend: str, dtype: str) -> Ends:
    bits = BITS[backend, dtype]
    return _gumbel(2.0**-bits, dtype), _gumbel(1 - 2.0**-bits, dtype)


def _gumbel_torch_16(_: str, dtype: str) -> Ends:
    return _gumbel(2.0**-24, dtype), _gumbel(1 - floats.find(dtype).eps / 2, dtype)


def _gumbel_from_tiny(backend: str, dtype: str) -> Ends:
    return _gumbel(floats.find(dtype).tiny, dtype), _gumbel(_uniform(backend, dtype)[1], dtype)


def _gumbel_64_bits(_: str, dtype: str) -> Ends:
    """Return -log(-log u) and -log(-log1p(-u)) at u = 2^-64."""
    return _number(-math.log(64 * math.log(2)), dtype), _number(64 * math.log(2), dtype)


def _gumbel_two_words(_: str, dtype: str) -> Ends:
    """Return -log(-log1p(-u)) at u = 1 - 2^-bits, and at the smallest normal number."""
    return _number(-math.log(52 * math.log(2)), dtype), _number(-math.log(floats.find(dtype).tiny), dtype)


def _classes(*_: str) -> Ends:
    return 0.0, float(len(PROBS) - 1)


@dataclass(frozen=True)
class Support:
    """One row: the samplers whose ends are found in one way.

    Attributes:
        backend: pattern of its name.
        generator: pattern, "reference" or "native".
        distribution: its name.
        dtype: pattern of the dtype in which the sampler draws.
        ends: (backend, dtype in which it draws) -> the smallest and the largest finite value.
        reason: how that is known.
    """

    backend: str
    generator: str
    distribution: str
    dtype: str
    ends: Callable[..., Ends]
    reason: str


#: The first row that fits holds. A sampler in no row has ends that are not known.
SUPPORT = (
    Support("*", "*", "categorical", "*", _classes, "the class indices"),
    Support("torch", "native", "uniform", "*float16", _uniform_wrapped, "float32 draw, rounded; 1 becomes 0"),
    Support("torch", "*", "uniform", "*", _uniform, "grid of the uniform bits"),
    Support("jax", "*", "uniform", "*", _uniform, "grid of the uniform bits"),
    Support("tensorflow", "*", "uniform", "*", _uniform, "grid of the uniform bits"),
    Support("torch", "*", "normal", "*", _normal_torch, "Box-Muller, radius from the least 1 - u"),
    Support("jax", "*", "normal", "*", _normal_jax, "erfinv at the ends of the uniform grid"),
    Support("tensorflow", "*", "normal", "*", _normal_tensorflow, "Box-Muller, u raised to 1e-7 in every dtype"),
    Support("torch", "native", "gumbel", "*float16", _gumbel_torch_16, "-log(-log u); -inf at u = 0"),
    Support("torch", "native", "gumbel", "*", _gumbel_of_grid, "-log(-log u); -inf at u = 0"),
    Support("tensorflow", "native", "gumbel", "*", _gumbel_of_grid, "-log(-log u); -inf at u = 0"),
    Support("tensorflow", "reference", "gumbel", "*", _gumbel_from_tiny, "-log(-log u), u = 0 read as tiny"),
    Support("jax", "native", "gumbel", "*", _gumbel_from_tiny, "mode low: u from tiny to 1 (pitfall G4)"),
    Support("jax", "reference", "gumbel", "float32", _gumbel_64_bits, "mode highest: 64-bit u"),
    Support("jax", "reference", "gumbel", "float64", _gumbel_two_words, "mode highest: two words, plus tiny"),
)


def drawn_dtype(generator: str, dtype: str) -> str:
    """Return the dtype in which a sampler draws: the reference samplers draw 16-bit types in float32."""
    return "float32" if generator == "reference" and dtype != "float64" else dtype


def reachable(
    backend: str, device: str, generator: str, distribution: str, dtype: str
) -> tuple[float | None, float | None, str]:
    """Return the smallest and the largest value that can be reached, and how that is known.

    They are exact up to a few units in the last place of the framework's log, erfinv and square root.

    Args:
        backend: its name.
        device: "cpu" or "gpu"; another device has other samplers, of which nothing is known.
        generator: "reference" or "native".
        distribution: its name.
        dtype: floating type of the result.

    Returns:
        (None, None, "not known") where it is not known.
    """
    drawn = drawn_dtype(generator, dtype)
    for row in SUPPORT:
        here: list[Any] = [(backend, row.backend), (generator, row.generator), (drawn, row.dtype)]
        if device == "cpu" and distribution == row.distribution and all(fnmatchcase(*pair) for pair in here):
            low, high = floats.rounded(np.asarray(row.ends(backend, drawn)), dtype)
            return float(low), float(high), row.reason
    return None, None, "not known"
