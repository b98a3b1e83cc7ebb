"""Adam, written once per framework, so that trajectories can be compared step by step."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

__all__ = ["adam", "adam_initial"]

_B1, _B2, _EPSILON = 0.9, 0.999, 1e-8


def adam_initial(parameters: dict[str, tf.Tensor]) -> dict[str, Any]:
    """Return Adam's state before the first step: {"step": scalar 0, "first": zeros, "second": zeros}."""
    dtype = next(iter(parameters.values())).dtype
    zeros = {name: tf.zeros_like(value) for name, value in parameters.items()}
    return {"step": tf.zeros((), dtype), "first": zeros, "second": dict(zeros)}


def adam(
    parameters: dict[str, tf.Tensor],
    gradients: dict[str, tf.Tensor],
    state: dict[str, Any],
    learning_rate: tf.Tensor,
) -> tuple[dict[str, tf.Tensor], dict[str, Any]]:
    """Adam step: m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, x = x - rate m_hat / (sqrt(v_hat) + eps)."""
    step = state["step"] + 1.0
    first = {name: _B1 * m + (1.0 - _B1) * gradients[name] for name, m in state["first"].items()}
    second = {name: _B2 * v + (1.0 - _B2) * tf.square(gradients[name]) for name, v in state["second"].items()}
    # 1 - b^t = -expm1(t log b): the subtraction loses three digits of 1 - 0.999.
    first_weight = -tf.math.expm1(step * math.log(_B1))
    second_weight = -tf.math.expm1(step * math.log(_B2))
    moved = {
        name: value - learning_rate * (first[name] / first_weight) / (tf.sqrt(second[name] / second_weight) + _EPSILON)
        for name, value in parameters.items()
    }
    return moved, {"step": step, "first": first, "second": second}
