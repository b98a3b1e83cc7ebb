"""Heteroscedastic regression in PyTorch: 10-64-64, heads loc and scale, tanh between."""

from __future__ import annotations

import torch

from implementations.torch import gaussian
from implementations.torch.models.network import dense

__all__ = ["loss", "outputs"]

Tensors = dict[str, torch.Tensor]


def outputs(parameters: Tensors, inputs: torch.Tensor) -> Tensors:
    """Map features to the parameters of `families.NORMAL`: {"loc", "scale"}, scale = softplus(...)."""
    hidden = torch.tanh(dense(parameters, "hidden_1", inputs))
    hidden = torch.tanh(dense(parameters, "hidden_2", hidden))
    return {
        "loc": dense(parameters, "loc", hidden),
        "scale": gaussian.scale_from_softplus(dense(parameters, "scale", hidden)),
    }


def loss(parameters: Tensors, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Negative log-likelihood of normal targets, a mean over examples."""
    distribution = outputs(parameters, inputs)
    return -gaussian.log_prob(targets, distribution["loc"], distribution["scale"]).sum(dim=-1).mean()
