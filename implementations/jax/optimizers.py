"""Adam, written once per framework, so that trajectories can be compared step by step."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from implementations.interface.contract import Arrays

__all__ = ["adam", "adam_initial"]

_B1, _B2, _EPS = 0.9, 0.999, 1e-8


def adam_initial(parameters: Arrays) -> dict[str, Any]:
    """Return Adam's state before the first step: {"step": scalar 0, "first": zeros, "second": zeros}."""
    return {
        "step": jnp.zeros((), jnp.int32),
        "first": jax.tree.map(jnp.zeros_like, parameters),
        "second": jax.tree.map(jnp.zeros_like, parameters),
    }


def adam(
    parameters: Arrays, gradients: Arrays, state: dict[str, Any], learning_rate: Array
) -> tuple[Arrays, dict[str, Any]]:
    """Adam step: m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, x = x - rate m_hat / (sqrt(v_hat) + eps).

    The corrections 1 - b^t are -expm1(t log b), without cancellation at small t.
    """
    step = state["step"] + 1
    first = jax.tree.map(lambda m, g: _B1 * m + (1 - _B1) * g, state["first"], gradients)
    second = jax.tree.map(lambda v, g: _B2 * v + (1 - _B2) * jnp.square(g), state["second"], gradients)

    def moved(x: Array, m: Array, v: Array) -> Array:
        t = step.astype(x.dtype)
        m_hat = m / -jnp.expm1(t * math.log(_B1))
        v_hat = v / -jnp.expm1(t * math.log(_B2))
        return x - learning_rate * m_hat / (jnp.sqrt(v_hat) + _EPS)

    return jax.tree.map(moved, parameters, first, second), {"step": step, "first": first, "second": second}
