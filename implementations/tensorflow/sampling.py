"""The framework's own random numbers. Everything else in a backend takes noise as an argument.

The stateless generators: the same seed gives the same numbers, whatever was drawn before.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

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


def standard_uniform(seed: int, shape: tuple[int, ...], like: tf.Tensor) -> tf.Tensor:
    """Draw from the uniform distribution on [0, 1) with the framework's generator."""
    return tf.cast(tf.random.stateless_uniform(shape, (seed, 0), dtype=_drawn_dtype(like)), like.dtype)


def standard_normal(seed: int, shape: tuple[int, ...], like: tf.Tensor) -> tf.Tensor:
    """Draw from the normal distribution N(0, 1) with the framework's generator."""
    return tf.cast(tf.random.stateless_normal(shape, (seed, 0), dtype=_drawn_dtype(like)), like.dtype)


def standard_gumbel(seed: int, shape: tuple[int, ...], like: tf.Tensor) -> tf.Tensor:
    """Draw from the Gumbel(0, 1) distribution, -log(-log u), finite for every u that the generator returns."""
    return tf.cast(-tf.math.log(-tf.math.log(_positive_uniform(seed, shape, like))), like.dtype)


def standard_logistic(seed: int, shape: tuple[int, ...], like: tf.Tensor) -> tf.Tensor:
    """Draw from the logistic(0, 1) distribution, log u - log(1 - u), finite for every u that the generator returns."""
    uniform = _positive_uniform(seed, shape, like)
    return tf.cast(tf.math.log(uniform) - tf.math.log1p(-uniform), like.dtype)


def native_uniform(seed: int, shape: tuple[int, ...], like: tf.Tensor) -> tf.Tensor:
    """Draw from the uniform distribution on [0, 1) as the framework does in the dtype itself."""
    return tf.random.stateless_uniform(shape, (seed, 0), dtype=like.dtype)


def native_normal(seed: int, shape: tuple[int, ...], like: tf.Tensor) -> tf.Tensor:
    """Draw from the normal distribution N(0, 1) as the framework does in the dtype itself."""
    return tf.random.stateless_normal(shape, (seed, 0), dtype=like.dtype)


def native_gumbel(seed: int, shape: tuple[int, ...], like: tf.Tensor) -> tf.Tensor:
    """Draw from the Gumbel(0, 1) distribution in the dtype itself: the framework's sampler, else -log(-log u)."""
    return -tf.math.log(-tf.math.log(native_uniform(seed, shape, like)))


def native_categorical(seed: int, shape: tuple[int, ...], logits: tf.Tensor) -> tf.Tensor:
    """Draw classes of one categorical distribution with the framework's sampler in the dtype of the logits."""
    draws = tf.random.stateless_categorical(logits[tf.newaxis], math.prod(shape), (seed, 0))  # [1, draws]
    return tf.reshape(draws, shape)


def _drawn_dtype(like: tf.Tensor) -> tf.DType:
    return tf.float64 if like.dtype == tf.float64 else tf.float32


def _positive_uniform(seed: int, shape: tuple[int, ...], like: tf.Tensor) -> tf.Tensor:
    """Draw from (0, 1): the generator's 0 is read as the smallest normal number; it never returns 1."""
    dtype = _drawn_dtype(like)
    uniform = tf.random.stateless_uniform(shape, (seed, 0), dtype=dtype)
    return tf.maximum(uniform, np.finfo(dtype.as_numpy_dtype).tiny)
