"""Noise, drawn once for every backend: NumPy Philox in float64, keyed by what it is for.

The same key gives the same numbers on every machine of the same NumPy version, whatever was drawn before and
in whatever order; a backend receives them rounded to its dtype (`runtime.asarray` rounds once).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from harness.errors import unknown

#: The generator's uniforms are multiples of 2^-53; 0 stands for all below this, whose quantile would be 0.
LEAST_UNIFORM = 2.0**-54

#: Base noise by name: the methods of numpy.random.Generator that draw it in float64.
KINDS = {"normal": "standard_normal", "uniform": "random", "logistic": "logistic", "gumbel": "gumbel"}

#: Seeds of the frameworks' own generators are below it.
SEEDS = 2**31


def generator(seed: int, *key: str | int) -> np.random.Generator:
    """Return the generator for one purpose.

    Args:
        seed: the run's seed, an integer of at least 0.
        *key: what it is for, such as ("variance", "quadratic", "pathwise", block). Different keys give
            independent streams: the 128-bit Philox key is their BLAKE2 hash.
    """
    text = "\x1f".join(map(str, (seed, *key)))
    words = np.frombuffer(hashlib.blake2b(text.encode(), digest_size=16).digest(), "<u8")
    return np.random.Generator(np.random.Philox(key=words))


def integer(seed: int, *key: str | int) -> int:
    """Return a seed below `SEEDS` for a framework's own generator, for one purpose as in `generator`."""
    return int(generator(seed, *key).integers(SEEDS))


def draw(kind: str, shape: tuple[int, ...], random: np.random.Generator) -> NDArray[np.float64]:
    """Draw base noise in float64.

    Args:
        kind: a key of `KINDS`.
        shape: shape of the result.
        random: from `generator`.

    Raises:
        BadInputError: there is no such kind.
    """
    if kind not in KINDS:
        raise unknown("noise", kind, KINDS)
    method = getattr(random, KINDS[kind])
    return np.asarray(method(size=shape))


def gamma_variates(uniform: NDArray[np.float64], concentrations: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return standard gamma variates, the quantiles of uniform noise.

    Args:
        uniform: [replicates, samples, *event], or [replicates, samples, draws, *event] of several concentrations.
        concentrations: [*event] each, one for each draw.
    """
    every = np.stack(concentrations) if len(concentrations) > 1 else concentrations[0]
    return np.asarray(special.gammaincinv(every, np.maximum(uniform, LEAST_UNIFORM)))
