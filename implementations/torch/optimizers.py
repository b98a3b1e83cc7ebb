"""Adam as a pure function of dicts of tensors; `torch.optim.Adam` changes its parameters in place."""

from __future__ import annotations

import math
from typing import Any

import torch

from implementations.torch.gaussian import expm1

__all__ = ["adam", "adam_initial"]

_FIRST_DECAY, _SECOND_DECAY, _EPSILON = 0.9, 0.999, 1e-8

Tensors = dict[str, torch.Tensor]


def adam_initial(parameters: Tensors) -> dict[str, Any]:
    """Return Adam's state before the first step: {"step": scalar 0, "first": zeros, "second": zeros}."""
    like = next(iter(parameters.values()))
    return {
        "step": torch.zeros((), dtype=like.dtype, device=like.device),
        "first": {name: torch.zeros_like(value) for name, value in parameters.items()},
        "second": {name: torch.zeros_like(value) for name, value in parameters.items()},
    }


def adam(
    parameters: Tensors, gradients: Tensors, state: dict[str, Any], learning_rate: torch.Tensor
) -> tuple[Tensors, dict[str, Any]]:
    """Adam step: m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, x = x - rate m_hat / (sqrt(v_hat) + eps).

    1 - b^t is -expm1(t log b), which in float32 keeps the digits that 1 - 0.999 loses.
    """
    step = state["step"] + 1
    first_weight = -expm1(step * math.log(_FIRST_DECAY))
    second_weight = -expm1(step * math.log(_SECOND_DECAY))
    first = {
        name: _FIRST_DECAY * moment + (1.0 - _FIRST_DECAY) * gradients[name] for name, moment in state["first"].items()
    }
    second = {
        name: _SECOND_DECAY * moment + (1.0 - _SECOND_DECAY) * torch.square(gradients[name])
        for name, moment in state["second"].items()
    }
    updated = {
        name: value
        - learning_rate * (first[name] / first_weight) / (torch.sqrt(second[name] / second_weight) + _EPSILON)
        for name, value in parameters.items()
    }
    return updated, {"step": step, "first": first, "second": second}
