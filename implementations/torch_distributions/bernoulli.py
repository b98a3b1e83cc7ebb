"""The Bernoulli distribution by `torch.distributions.Bernoulli`, and the lines of its `RelaxedBernoulli`."""

from __future__ import annotations

import torch
from torch.distributions import Bernoulli, RelaxedBernoulli
from torch.distributions.transforms import SigmoidTransform
from torch.distributions.utils import clamp_probs

__all__ = ["log_prob", "prob", "relaxed_sample"]


def log_prob(value: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Log mass of 0 or 1: value * log_sigmoid(logits) + (1 - value) * log_sigmoid(-logits).

    By `torch.distributions.Bernoulli.log_prob`.
    """
    return Bernoulli(logits=logits, validate_args=False).log_prob(value)


def prob(value: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Mass of 0 or 1: sigmoid(logits) at 1 and sigmoid(-logits) at 0.

    The exponential of `torch.distributions.Bernoulli.log_prob`.
    """
    return log_prob(value, logits).exp()


def relaxed_sample(logits: torch.Tensor, noise: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    """Binary concrete sample: sigmoid((logits + noise) / temperature).

    The lines of `torch.distributions.RelaxedBernoulli.rsample`, which draws its noise itself.
    """
    probs = clamp_probs(RelaxedBernoulli(temperature, logits=logits, validate_args=False).probs)
    return SigmoidTransform()((noise + probs.log() - (-probs).log1p()) / temperature)
