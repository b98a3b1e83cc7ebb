"""The framework's own random numbers. Everything else in a backend takes noise as an argument."""

from __future__ import annotations

from implementations.interface.contract import Array

__all__ = ["standard_gumbel", "standard_logistic", "standard_normal", "standard_uniform"]


def standard_uniform(seed: int, shape: tuple[int, ...], like: Array) -> Array:
    """Draw from the uniform distribution on [0, 1) with the framework's generator.

    A 16-bit dtype is drawn in float32 and rounded, since the frameworks' own 16-bit uniforms have at most
    2^7 to 2^10 distinct values (pitfalls G2, G6); rounding may then give 1.

    Args:
        seed: an integer in [0, 2^31); the same seed gives the same numbers in the same framework and mode only.
        shape: the shape of the result.
        like: an array whose dtype and device the result has.
    """
    raise NotImplementedError


def standard_normal(seed: int, shape: tuple[int, ...], like: Array) -> Array:
    """Draw from the normal distribution N(0, 1) with the framework's generator.

    Args and 16-bit dtypes as in `standard_uniform`.
    """
    raise NotImplementedError


def standard_gumbel(seed: int, shape: tuple[int, ...], like: Array) -> Array:
    """Draw from the Gumbel(0, 1) distribution, -log(-log u), finite for every u that the generator returns.

    Args and 16-bit dtypes as in `standard_uniform`.
    """
    raise NotImplementedError


def standard_logistic(seed: int, shape: tuple[int, ...], like: Array) -> Array:
    """Draw from the logistic(0, 1) distribution, log u - log(1 - u), finite for every u that the generator returns.

    Args and 16-bit dtypes as in `standard_uniform`.
    """
    raise NotImplementedError
