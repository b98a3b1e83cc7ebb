"""The relaxed categorical distribution by `torch.distributions.relaxed_categorical`.

The library broadcasts the temperature both with the logits and with the result, so a batch of temperatures gives a
result of the wrong shape whether it is passed as [*batch] or as [*batch, 1] (pitfall C2); one temperature is right.
"""

from __future__ import annotations

import torch
from torch.distributions import Categorical, RelaxedOneHotCategorical
from torch.distributions.relaxed_categorical import ExpRelaxedCategorical

__all__ = ["log_prob", "log_sample", "prob", "simplex_log_prob"]


def log_sample(logits: torch.Tensor, noise: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    """Sample in log space from noise: log_softmax((logits + noise) / temperature) over the last axis.

    The lines of `ExpRelaxedCategorical.rsample`, which draws its noise itself.
    """
    scores = (Categorical(logits=logits, validate_args=False).logits + noise) / temperature[..., None]
    return scores - scores.logsumexp(dim=-1, keepdim=True)


def log_prob(log_value: torch.Tensor, logits: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    """Log density of y = log x: log (n-1)! + (n-1) log T + sum_i s_i - n logsumexp(s), s = logits - T y.

    By `torch.distributions.relaxed_categorical.ExpRelaxedCategorical.log_prob`.
    """
    return ExpRelaxedCategorical(temperature, logits=logits, validate_args=False).log_prob(log_value)


def prob(log_value: torch.Tensor, logits: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    """Density of y = log x: the exponential of `log_prob`.

    The exponential of `ExpRelaxedCategorical.log_prob`.
    """
    return log_prob(log_value, logits, temperature).exp()


def simplex_log_prob(log_value: torch.Tensor, logits: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    """Log density of the point x = exp(y) itself: `log_prob` minus sum_i y_i.

    By `torch.distributions.RelaxedOneHotCategorical.log_prob` at exp(y).
    """
    relaxed = RelaxedOneHotCategorical(temperature, logits=logits, validate_args=False)
    return relaxed.log_prob(log_value.exp())
