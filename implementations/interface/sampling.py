"""The framework's own random numbers. Everything else in a backend takes noise as an argument."""

from __future__ import annotations

from implementations.interface.contract import Array

__all__ = [
    "native_categorical",
    "native_gumbel",
    "native_normal",
    "native_uniform",
    "standard_gumbel",
    "standard_logistic",
    "standard_normal",
    "standard_uniform",
]


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


def native_uniform(seed: int, shape: tuple[int, ...], like: Array) -> Array:
    """Draw from the uniform distribution on [0, 1) as the framework does in the dtype itself.

    The native samplers are what people call, kept to be judged (pitfalls G2, G4, G6); nothing else uses them.

    Args:
        seed: an integer in [0, 2^31).
        shape: the shape of the result.
        like: an array whose dtype and device the result has.

    Raises:
        Exception: the framework's own, for a dtype that it refuses.
    """
    raise NotImplementedError


def native_normal(seed: int, shape: tuple[int, ...], like: Array) -> Array:
    """Draw from the normal distribution N(0, 1) as the framework does in the dtype itself.

    Args and errors as in `native_uniform`.
    """
    raise NotImplementedError


def native_gumbel(seed: int, shape: tuple[int, ...], like: Array) -> Array:
    """Draw from the Gumbel(0, 1) distribution in the dtype itself: the framework's sampler, else -log(-log u).

    Args and errors as in `native_uniform`. The formula gives -inf where u = 0 (pitfall G2).
    """
    raise NotImplementedError


def native_categorical(seed: int, shape: tuple[int, ...], logits: Array) -> Array:
    """Draw classes of one categorical distribution with the framework's sampler in the dtype of the logits.

    Args:
        seed: an integer in [0, 2^31).
        shape: the shape of the result.
        logits: unnormalised log-probabilities [n].

    Returns:
        Indices in [0, n), an integer array of the given shape.

    Raises:
        Exception: the framework's own, for a dtype that it refuses.
    """
    raise NotImplementedError
