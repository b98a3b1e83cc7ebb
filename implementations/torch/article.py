"""The source article's formulas in PyTorch, taken literally, so that their distance from the mathematics shows."""

from __future__ import annotations

import torch

from implementations.torch import gumbel
from implementations.torch.precision import at_least_float32

__all__ = ["gumbel_softmax", "gumbel_softmax_without_noise", "kl_standard_normal"]


@at_least_float32
def kl_standard_normal(loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """The article's KL term: loc^2 + scale^2 - log(scale^2) - 1, which is twice the KL of N(loc, scale^2) from N(0, 1).

    Term by term as the article writes it, cancellation near 0 included.
    """
    return torch.square(loc) + torch.square(scale) - torch.log(torch.square(scale)) - 1.0


@at_least_float32
def gumbel_softmax(probs: torch.Tensor, noise: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    """The article's Gumbel step: softmax((probs + noise) / temperature), noise on the probabilities."""
    return gumbel.softmax(probs + noise, temperature)


@at_least_float32
def gumbel_softmax_without_noise(probs: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    """The article's code line: softmax(probs / temperature), which leaves the noise out and so is deterministic."""
    return gumbel.softmax(probs, temperature)
