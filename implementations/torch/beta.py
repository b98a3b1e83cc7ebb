"""The beta distribution in PyTorch: log density."""

from __future__ import annotations

import torch

from implementations.torch.precision import at_least_float32

__all__ = ["log_prob"]


@at_least_float32
def log_prob(value: torch.Tensor, concentration1: torch.Tensor, concentration0: torch.Tensor) -> torch.Tensor:
    """Log density of the beta: (a - 1) log x + (b - 1) log(1 - x) - log B(a, b), a of x, b of 1 - x."""
    log_beta = (
        torch.lgamma(concentration1) + torch.lgamma(concentration0) - torch.lgamma(concentration1 + concentration0)
    )
    return (concentration1 - 1.0) * torch.log(value) + (concentration0 - 1.0) * torch.log1p(-value) - log_beta
