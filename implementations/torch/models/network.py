"""Dense layers in PyTorch."""

from __future__ import annotations

import torch

__all__ = ["dense"]


def dense(parameters: dict[str, torch.Tensor], name: str, inputs: torch.Tensor) -> torch.Tensor:
    """Affine layer: inputs @ kernel + bias, with the parameters NAME.kernel and NAME.bias."""
    return inputs @ parameters[f"{name}.kernel"] + parameters[f"{name}.bias"]
