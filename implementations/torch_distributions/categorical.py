"""The categorical distribution by `torch.distributions.OneHotCategorical`."""

from __future__ import annotations

import torch
from torch.distributions import OneHotCategorical

__all__ = ["log_prob", "prob"]


def log_prob(value: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Log mass of a one-hot value: sum_i value_i log_softmax(logits)_i, with 0 (-inf) = 0.

    By `torch.distributions.OneHotCategorical.log_prob`.
    """
    return OneHotCategorical(logits=logits, validate_args=False).log_prob(value)


def prob(value: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Mass of a one-hot value: sum_i value_i softmax(logits)_i.

    The exponential of `torch.distributions.OneHotCategorical.log_prob`.
    """
    return log_prob(value, logits).exp()
