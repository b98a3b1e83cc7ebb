"""The precision in which kernels compute, in JAX."""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax.numpy as jnp
from jax import Array

__all__ = ["at_least_float32"]

_NARROW = (jnp.float16, jnp.bfloat16)


def at_least_float32(kernel: Callable[..., Array]) -> Callable[..., Array]:
    """Return the kernel with 16-bit arguments widened to float32, and its result rounded once to their type."""

    @functools.wraps(kernel)
    def widened(*arguments: Array, **named: Array) -> Array:
        dtype = (*arguments, *named.values())[0].dtype
        if dtype not in _NARROW:
            return kernel(*arguments, **named)
        wide = [argument.astype(jnp.float32) for argument in arguments]
        wide_named = {name: argument.astype(jnp.float32) for name, argument in named.items()}
        result = kernel(*wide, **wide_named)
        return result.astype(dtype)

    return widened
