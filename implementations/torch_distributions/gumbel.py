"""The Gumbel distribution by `torch.distributions.Gumbel`, and the lines of `torch.nn.functional.gumbel_softmax`."""

from __future__ import annotations

import torch
from torch.distributions import Categorical, Gumbel

__all__ = [
    "cdf",
    "gumbel_softmax",
    "gumbel_softmax_from_probs",
    "hard_sample",
    "log_prob",
    "noise_from_uniform",
    "prob",
    "straight_through_gumbel_softmax",
]


def noise_from_uniform(uniform: torch.Tensor) -> torch.Tensor:
    """Transform uniform noise into standard Gumbel noise: -log(-log u).

    By `torch.distributions.Gumbel.icdf`.
    """
    return Gumbel(torch.zeros_like(uniform), torch.ones_like(uniform), validate_args=False).icdf(uniform)


def log_prob(value: torch.Tensor, loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Log density of the Gumbel: -z - exp(-z) - log(scale) with z = (value - loc) / scale.

    By `torch.distributions.Gumbel.log_prob`.
    """
    return Gumbel(loc, scale, validate_args=False).log_prob(value)


def prob(value: torch.Tensor, loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Density of the Gumbel: exp(-z - exp(-z)) / scale with z = (value - loc) / scale.

    The exponential of `torch.distributions.Gumbel.log_prob`.
    """
    return log_prob(value, loc, scale).exp()


def cdf(value: torch.Tensor, loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Cumulative distribution of the Gumbel: exp(-exp(-z)) with z = (value - loc) / scale.

    By `torch.distributions.Gumbel.cdf`.
    """
    return Gumbel(loc, scale, validate_args=False).cdf(value)


def gumbel_softmax(logits: torch.Tensor, noise: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    """Relaxed one-hot sample from logits: softmax((logits + noise) / temperature) over the last axis.

    The line of `torch.nn.functional.gumbel_softmax`, which draws its noise itself.
    """
    return ((logits + noise) / temperature[..., None]).softmax(dim=-1)


def gumbel_softmax_from_probs(probs: torch.Tensor, noise: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    """Relaxed one-hot sample from probabilities: softmax((log(probs) + noise) / temperature) over the last axis.

    `gumbel_softmax` of the logits of `torch.distributions.Categorical`.
    """
    return gumbel_softmax(Categorical(probs=probs, validate_args=False).logits, noise, temperature)


def hard_sample(logits: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Exact one-hot sample by the Gumbel-max trick: one_hot(argmax(logits + noise)).

    The lines of `torch.nn.functional.gumbel_softmax` with `hard=True`, at temperature 1.
    """
    return _one_hot((logits + noise).softmax(dim=-1))


def straight_through_gumbel_softmax(
    logits: torch.Tensor, noise: torch.Tensor, temperature: torch.Tensor
) -> torch.Tensor:
    """One-hot sample forward, Gumbel-softmax gradient backward: (hard - stop(soft)) + soft.

    The lines of `torch.nn.functional.gumbel_softmax` with `hard=True`, which draws its noise itself.
    """
    soft = gumbel_softmax(logits, noise, temperature)
    return _one_hot(soft) - soft.detach() + soft


def _one_hot(soft: torch.Tensor) -> torch.Tensor:
    index = soft.max(dim=-1, keepdim=True)[1]
    return torch.zeros_like(soft).scatter_(-1, index, 1.0)
