"""Classifier of ten digits in PyTorch: 784-256-128-10, tanh between."""

from __future__ import annotations

import torch

from implementations.interface.models.classifier import hidden
from implementations.torch import categorical
from implementations.torch.models.network import dense

__all__ = ["loss", "outputs"]

Tensors = dict[str, torch.Tensor]


def outputs(parameters: Tensors, inputs: torch.Tensor) -> Tensors:
    """Map images to the parameters of `families.CATEGORICAL`: {"logits"}."""
    rows = inputs
    for name in hidden(parameters):
        rows = torch.tanh(dense(parameters, name, rows))
    return {"logits": dense(parameters, "logits", rows)}


def loss(parameters: Tensors, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Negative log-likelihood of the labels, a mean over examples: the cross-entropy."""
    return -categorical.log_prob(targets, outputs(parameters, inputs)["logits"]).mean()
