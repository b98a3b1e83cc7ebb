"""The Bernoulli distribution in PyTorch, by its logit, and its binary concrete relaxation."""

from __future__ import annotations

import torch

from implementations.torch import sampling
from implementations.torch.gaussian import saturated_quotient, scale_from_softplus, sigmoid
from implementations.torch.precision import at_least_float32

__all__ = ["cdf", "hard_sample", "log_prob", "prob", "relaxed_sample", "sample", "straight_through_sample"]

#: exp(-800) is 0 in every dtype, so the sigmoid is 0 or 1 from there on.
_SATURATION = 800.0


@at_least_float32
def log_prob(value: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Log mass of 0 or 1: value * log_sigmoid(logits) + (1 - value) * log_sigmoid(-logits).

    One softplus, since log_sigmoid(x) = -softplus(-x).
    """
    return -scale_from_softplus((1.0 - 2.0 * value) * logits)


@at_least_float32
def prob(value: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Mass of 0 or 1: sigmoid(logits) at 1 and sigmoid(-logits) at 0."""
    return sigmoid((2.0 * value - 1.0) * logits)


@at_least_float32
def cdf(value: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Cumulative mass: 0 below 0, sigmoid(-logits) on [0, 1), and 1 from 1 on."""
    at_zero = torch.where(value < 0, 0.0, sigmoid(-logits))
    return torch.where(value >= 1, 1.0, at_zero)


@at_least_float32
def hard_sample(logits: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Exact sample by thresholding: 1 where logits + noise > 0, else 0. Its gradient is 0."""
    return (logits + noise > 0).to(logits.dtype)


@at_least_float32
def relaxed_sample(logits: torch.Tensor, noise: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    """Binary concrete sample: sigmoid((logits + noise) / temperature)."""
    return sigmoid(saturated_quotient(logits + noise, temperature, -_SATURATION, _SATURATION))


@at_least_float32
def straight_through_sample(logits: torch.Tensor, noise: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    """Sample of 0 or 1 forward, binary concrete gradient backward: (hard - stop(soft)) + soft."""
    soft = relaxed_sample(logits, noise, temperature)
    return (hard_sample(logits, noise) - soft.detach()) + soft


def sample(seed: int, sample_shape: tuple[int, ...], logits: torch.Tensor) -> torch.Tensor:
    """Draw Bernoulli samples with the framework's own generator."""
    uniform = sampling.standard_uniform(seed, (*sample_shape, *logits.shape), logits)
    return (uniform < sigmoid(logits)).to(logits.dtype)
