"""The Gumbel distribution and the Gumbel-softmax relaxation in PyTorch, with a softmax whose derivative is stable."""

from __future__ import annotations

import math

import torch

from implementations.torch import sampling
from implementations.torch.gaussian import expm1, saturated_quotient
from implementations.torch.precision import at_least_float32

__all__ = [
    "cdf",
    "gumbel_softmax",
    "gumbel_softmax_from_probs",
    "hard_sample",
    "log_prob",
    "noise_from_uniform",
    "prob",
    "sample",
    "straight_through_gumbel_softmax",
]

#: Below z = -8 and above 1600 the square root of the density is 0 in every dtype, whatever the scale multiplies.
_LOW, _HIGH = -8.0, 1600.0
#: 1 / (k + 2)!, enough terms at |t| = 1/2. Every term makes graphs of second derivatives longer.
_REMAINDER_SERIES = {
    torch.float32: tuple(1.0 / math.factorial(k + 2) for k in range(8)),
    torch.float64: tuple(1.0 / math.factorial(k + 2) for k in range(14)),
}


def noise_from_uniform(uniform: torch.Tensor) -> torch.Tensor:
    """Transform uniform noise into standard Gumbel noise: -log(-log u)."""
    limits = torch.finfo(uniform.dtype)
    inside = uniform.clamp(min=limits.tiny, max=1.0 - limits.eps / 2)
    return _quantile(inside)


@at_least_float32
def _quantile(inside: torch.Tensor) -> torch.Tensor:
    upper = inside > 0.5
    near_one = torch.log1p(torch.where(upper, inside - 1.0, 0.0))
    return -torch.log(-torch.where(upper, near_one, torch.log(inside)))


@at_least_float32
def log_prob(value: torch.Tensor, loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Log density of the Gumbel: -z - exp(-z) - log(scale) with z = (value - loc) / scale.

    -z - exp(-z) = -1 - (exp(-z) - 1 + z), whose derivative does not cancel at the mode.
    """
    return -1.0 - exponential_remainder((loc - value) / scale) - torch.log(scale)


@at_least_float32
def prob(value: torch.Tensor, loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Density of the Gumbel: exp(-z - exp(-z)) / scale with z = (value - loc) / scale.

    Two equal factors around the division, so that neither underflows where the density of a small scale does not.
    """
    standard = saturated_quotient(value - loc, scale, _LOW, _HIGH)
    root = torch.exp(-0.5 - 0.5 * exponential_remainder(-standard))
    return (root / scale) * root


@at_least_float32
def cdf(value: torch.Tensor, loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Cumulative distribution of the Gumbel: exp(-exp(-z)) with z = (value - loc) / scale."""
    standard = saturated_quotient(value - loc, scale, _LOW, _HIGH)
    return torch.exp(-torch.exp(-standard))


@at_least_float32
def gumbel_softmax(logits: torch.Tensor, noise: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    """Relaxed one-hot sample from logits: softmax((logits + noise) / temperature) over the last axis."""
    return softmax(logits + noise, temperature)


@at_least_float32
def gumbel_softmax_from_probs(probs: torch.Tensor, noise: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    """Relaxed one-hot sample from probabilities: softmax((log(probs) + noise) / temperature) over the last axis.

    A probability of 0 is held at 0: its gradient is 0, the one-sided derivative at a temperature below 1.
    """
    possible = probs > 0
    logits = torch.where(possible, torch.log(torch.where(possible, probs, 1.0)), -torch.inf)
    return softmax(logits + noise, temperature)


@at_least_float32
def hard_sample(logits: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Exact one-hot sample by the Gumbel-max trick: one_hot(argmax(logits + noise))."""
    scores = logits + noise
    return first_largest(scores).to(scores.dtype)


@at_least_float32
def straight_through_gumbel_softmax(
    logits: torch.Tensor, noise: torch.Tensor, temperature: torch.Tensor
) -> torch.Tensor:
    """One-hot sample forward, Gumbel-softmax gradient backward: (hard - stop(soft)) + soft."""
    soft = gumbel_softmax(logits, noise, temperature)
    return (hard_sample(logits, noise) - soft.detach()) + soft


def sample(seed: int, sample_shape: tuple[int, ...], loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Draw Gumbel samples with the framework's own generator."""
    shape = (*sample_shape, *torch.broadcast_shapes(loc.shape, scale.shape))
    return loc + scale * sampling.standard_gumbel(seed, shape, scale)


def exponential_remainder(exponent: torch.Tensor) -> torch.Tensor:
    """Second remainder of the exponential series: exp(t) - 1 - t, at least 0, with derivative expm1(t).

    Below |t| = 1/2 by its own series, t^2 sum_k t^k / (k + 2)!, since expm1(t) - t cancels there.
    """
    small = torch.abs(exponent) < 0.5
    inside = torch.where(small, exponent, 0.0)
    coefficients = _REMAINDER_SERIES[exponent.dtype]
    series = torch.full_like(inside, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        series = series * inside + coefficient
    return torch.where(small, inside * inside * series, expm1(exponent) - exponent)


def distance_below_top(scores: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores minus the largest score of the last axis, and where that one stands (the first of equals).

    The largest score is not held constant: the derivative by it is then minus the sum of the others, and 1 - p of
    a probability p near 1 is never formed by subtraction.
    """
    is_top = first_largest(scores)
    return torch.where(is_top, 0.0, scores - select(scores, is_top)), is_top


def first_largest(scores: torch.Tensor) -> torch.Tensor:
    """Where the largest score of the last axis stands, the first of equals: one True in each row."""
    index = torch.argmax(scores, dim=-1, keepdim=True)
    return torch.arange(scores.shape[-1], device=scores.device) == index  # [*batch, n]


def select(values: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Value at the one True of each row, [*batch, 1].

    A masked sum: the scatter in the derivative of `torch.gather` is lost in some graphs of `torch.compile`.
    """
    return torch.where(chosen, values, 0.0).sum(dim=-1, keepdim=True)


def softmax(scores: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    """Softmax of scores / temperature over the last axis, to full relative precision in value and gradient."""
    distance, is_top = distance_below_top(scores)
    weight = torch.exp(saturated_quotient(distance, temperature[..., None], -_HIGH, 0.0))  # [*batch, n]
    rest = torch.where(is_top, 0.0, weight).sum(dim=-1, keepdim=True)
    return weight / (1.0 + rest)
