"""The categorical distribution in PyTorch, by logits, with one-hot values."""

from __future__ import annotations

import torch

from implementations.torch import gumbel, sampling
from implementations.torch.precision import at_least_float32

__all__ = ["cdf", "log_prob", "prob", "sample"]


@at_least_float32
def log_prob(value: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Log mass of a one-hot value: sum_i value_i log_softmax(logits)_i, with 0 (-inf) = 0."""
    log_probs = torch.where(value == 0, 0.0, log_softmax(logits))
    return (value * log_probs).sum(dim=-1)


@at_least_float32
def prob(value: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Mass of a one-hot value: sum_i value_i softmax(logits)_i."""
    return (value * softmax(logits)).sum(dim=-1)


@at_least_float32
def cdf(value: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Cumulative mass up to and including the class of a one-hot value: sum over j <= k of softmax(logits)_j.

    From the odds of the smaller part, so that neither the value nor 1 minus the value cancels in the derivative.
    """
    distance, _ = gumbel.distance_below_top(logits)
    weight = torch.exp(distance)
    included = value.flip(-1).cumsum(dim=-1).flip(-1) > 0  # j <= k
    inside = torch.where(included, weight, 0.0).sum(dim=-1)
    outside = torch.where(included, 0.0, weight).sum(dim=-1)
    likely = inside >= outside
    odds = torch.where(likely, outside, inside) / torch.where(likely, inside, outside)
    return torch.where(likely, 1.0, odds) / (1.0 + odds)


def sample(seed: int, sample_shape: tuple[int, ...], logits: torch.Tensor) -> torch.Tensor:
    """Draw one-hot categorical samples with the framework's own generator, by the Gumbel-max trick."""
    noise = sampling.standard_gumbel(seed, (*sample_shape, *logits.shape), logits)
    return gumbel.hard_sample(logits, noise)


def softmax(logits: torch.Tensor) -> torch.Tensor:
    """Probabilities exp(l_i) / sum_j exp(l_j) over the last axis, stable in value and gradient."""
    return gumbel.softmax(logits, torch.ones_like(logits[..., 0]))


def log_softmax(scores: torch.Tensor) -> torch.Tensor:
    """Log-probabilities over the last axis; that of a class of probability near 1 is -log1p(the others' odds).

    `torch.log_softmax` returns 0 there, with a gradient of 0.
    """
    distance, is_top = gumbel.distance_below_top(scores)
    rest = torch.where(is_top, 0.0, torch.exp(distance)).sum(dim=-1, keepdim=True)
    return distance - torch.log1p(rest)
