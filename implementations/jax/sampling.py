"""The framework's own random numbers. Everything else in a backend takes noise as an argument."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

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


def _drawn_dtype(like: Array) -> jnp.dtype:
    """Return the dtype to draw in: 16-bit types are drawn in float32."""
    return jnp.promote_types(like.dtype, jnp.float32)


def standard_uniform(seed: int, shape: tuple[int, ...], like: Array) -> Array:
    """Draw from the uniform distribution on [0, 1) with the framework's generator."""
    return jax.random.uniform(jax.random.key(seed), shape, _drawn_dtype(like)).astype(like.dtype)


def standard_normal(seed: int, shape: tuple[int, ...], like: Array) -> Array:
    """Draw from the normal distribution N(0, 1) with the framework's generator."""
    return jax.random.normal(jax.random.key(seed), shape, _drawn_dtype(like)).astype(like.dtype)


def standard_gumbel(seed: int, shape: tuple[int, ...], like: Array) -> Array:
    """Draw from the Gumbel(0, 1) distribution, -log(-log u), finite for every u that the generator returns.

    jax's default mode ends at 15.94 (pitfall G4); mode "highest" draws more bits where a tail needs them.
    """
    return jax.random.gumbel(jax.random.key(seed), shape, _drawn_dtype(like), mode="highest").astype(like.dtype)


def standard_logistic(seed: int, shape: tuple[int, ...], like: Array) -> Array:
    """Draw from the logistic(0, 1) distribution, log u - log(1 - u), finite for every u that the generator returns.

    As the difference of two Gumbel draws, which has both tails; `jax.random.logistic` ends at 15.94 above and
    jumps to -87 below.
    """
    pair = standard_gumbel(seed, (2, *shape), jnp.zeros((), _drawn_dtype(like)))  # [2, *shape]
    return (pair[0] - pair[1]).astype(like.dtype)


def native_uniform(seed: int, shape: tuple[int, ...], like: Array) -> Array:
    """Draw from the uniform distribution on [0, 1) as the framework does in the dtype itself."""
    return jax.random.uniform(jax.random.key(seed), shape, like.dtype)


def native_normal(seed: int, shape: tuple[int, ...], like: Array) -> Array:
    """Draw from the normal distribution N(0, 1) as the framework does in the dtype itself."""
    return jax.random.normal(jax.random.key(seed), shape, like.dtype)


def native_gumbel(seed: int, shape: tuple[int, ...], like: Array) -> Array:
    """Draw from the Gumbel(0, 1) distribution in the dtype itself: the framework's sampler, else -log(-log u)."""
    return jax.random.gumbel(jax.random.key(seed), shape, like.dtype)


def native_categorical(seed: int, shape: tuple[int, ...], logits: Array) -> Array:
    """Draw classes of one categorical distribution with the framework's sampler in the dtype of the logits."""
    return jax.random.categorical(jax.random.key(seed), logits, shape=shape)
