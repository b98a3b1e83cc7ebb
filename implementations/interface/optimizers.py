"""Adam, written once per framework, so that trajectories can be compared step by step."""

from __future__ import annotations

from typing import Any

from implementations.interface.contract import Array, Arrays

__all__ = ["adam", "adam_initial"]


def adam_initial(parameters: Arrays) -> dict[str, Any]:
    """Return Adam's state before the first step: {"step": scalar 0, "first": zeros, "second": zeros}."""
    raise NotImplementedError


def adam(
    parameters: Arrays, gradients: Arrays, state: dict[str, Any], learning_rate: Array
) -> tuple[Arrays, dict[str, Any]]:
    """Adam step: m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, x = x - rate m_hat / (sqrt(v_hat) + eps).

    With b1 = 0.9, b2 = 0.999, eps = 1e-8, m_hat = m / (1 - b1^t), v_hat = v / (1 - b2^t), t counted from 1.

    Args:
        parameters: {name: [*param]}.
        gradients: the same names and shapes.
        state: as returned by `adam_initial` or by this function.
        learning_rate: scalar.

    Returns:
        New parameters and new state; the arguments are not changed.

    Reference:
        Kingma and Ba, Adam, 2015, algorithm 1.
    """
    raise NotImplementedError
