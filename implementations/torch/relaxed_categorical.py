"""The relaxed categorical (Concrete, Gumbel-softmax) distribution in PyTorch, in log space (ExpConcrete)."""

from __future__ import annotations

import math

import torch

from implementations.torch import categorical, gaussian, gumbel, sampling
from implementations.torch.precision import at_least_float32

__all__ = ["log_prob", "log_sample", "prob", "sample", "simplex_log_prob"]


@at_least_float32
def log_sample(logits: torch.Tensor, noise: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    """Sample in log space from noise: log_softmax((logits + noise) / temperature) over the last axis."""
    scores = logits + noise
    possible = scores > -torch.inf  # the derivative of -inf / temperature would be NaN
    tempered = torch.where(possible, scores, 0.0) / temperature[..., None]  # [*batch, n]
    return categorical.log_softmax(torch.where(possible, tempered, -torch.inf))


@at_least_float32
def log_prob(log_value: torch.Tensor, logits: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    """Log density of y = log x: log (n-1)! + (n-1) log T + sum_i s_i - n logsumexp(s), s = logits - T y.

    With t_i = s_i - max s, m = mean expm1(t) and r(t) = expm1(t) - t, the sum is -sum_i r(t_i) + n r(log1p(m))
    - n log n, whose derivative does not cancel where s is nearly uniform.
    """
    scores = logits - temperature[..., None] * log_value  # [*batch, n]
    classes = scores.shape[-1]
    distance, _ = gumbel.distance_below_top(scores)
    log_mean = torch.log1p(gaussian.expm1(distance).mean(dim=-1))  # [*batch]
    constant = math.lgamma(classes) - classes * math.log(classes)
    return (
        constant
        + (classes - 1) * torch.log(temperature)
        - gumbel.exponential_remainder(distance).sum(dim=-1)
        + classes * gumbel.exponential_remainder(log_mean)
    )


@at_least_float32
def prob(log_value: torch.Tensor, logits: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    """Density of y = log x: the exponential of `log_prob`."""
    return torch.exp(log_prob(log_value, logits, temperature))


@at_least_float32
def simplex_log_prob(log_value: torch.Tensor, logits: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    """Log density of the point x = exp(y) itself: `log_prob` minus sum_i y_i."""
    return log_prob(log_value, logits, temperature) - log_value.sum(dim=-1)


def sample(seed: int, sample_shape: tuple[int, ...], logits: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    """Draw relaxed categorical samples in log space with the framework's own generator."""
    batch = torch.broadcast_shapes(logits.shape[:-1], temperature.shape)
    noise = sampling.standard_gumbel(seed, (*sample_shape, *batch, logits.shape[-1]), logits)
    return log_sample(logits, noise, temperature)
