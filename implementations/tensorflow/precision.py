"""The precision in which kernels compute, in TensorFlow."""

from __future__ import annotations

import functools
from collections.abc import Callable

import tensorflow as tf

__all__ = ["at_least_float32"]

_NARROW = (tf.float16, tf.bfloat16)


def at_least_float32(kernel: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
    """Return the kernel with 16-bit arguments widened to float32, and its result rounded once to their type."""

    @functools.wraps(kernel)
    def widened(*arguments: tf.Tensor, **named: tf.Tensor) -> tf.Tensor:
        dtype = (*arguments, *named.values())[0].dtype
        if dtype not in _NARROW:
            return kernel(*arguments, **named)
        wide = [tf.cast(argument, tf.float32) for argument in arguments]
        wide_named = {name: tf.cast(argument, tf.float32) for name, argument in named.items()}
        result = kernel(*wide, **wide_named)
        return tf.cast(result, dtype)

    return widened
