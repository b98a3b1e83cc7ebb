"""Score-function (REINFORCE, likelihood-ratio) gradient in PyTorch, with and without a baseline."""

from __future__ import annotations

from collections.abc import Callable

import torch

from implementations.interface.contract import Distribution
from implementations.torch import autodiff

__all__ = ["score_function", "score_function_leave_one_out"]

Tensors = dict[str, torch.Tensor]


def score_function(
    distribution: Distribution,
    objective: Callable[..., torch.Tensor],
    parameters: Tensors,
    constants: Tensors,
    noise: torch.Tensor,
) -> Tensors:
    """Score-function gradient: the mean over samples of f(x) d log p(x; parameters) / d parameters, x held constant."""
    return _weighted_score(distribution, objective, parameters, constants, noise, _no_baseline)


def score_function_leave_one_out(
    distribution: Distribution,
    objective: Callable[..., torch.Tensor],
    parameters: Tensors,
    constants: Tensors,
    noise: torch.Tensor,
) -> Tensors:
    """Score-function gradient with the mean of the other samples as baseline: f_s - sum over t != s of f_t / (S - 1).

    The baseline enters the detached weight only.
    """
    if noise.ndim < 2 or noise.shape[1] < 2:
        raise ValueError(
            f"noise of shape {tuple(noise.shape)} must have at least 2 samples on axis 1 for a leave-one-out baseline: "
            "draw more samples, or use score_function"
        )
    return _weighted_score(distribution, objective, parameters, constants, noise, _mean_of_others)


def _no_baseline(values: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(values)


def _mean_of_others(values: torch.Tensor) -> torch.Tensor:
    return (values.sum(dim=1, keepdim=True) - values) / (values.shape[1] - 1)


def _weighted_score(
    distribution: Distribution,
    objective: Callable[..., torch.Tensor],
    parameters: Tensors,
    constants: Tensors,
    noise: torch.Tensor,
    baseline: Callable[[torch.Tensor], torch.Tensor],
) -> Tensors:
    """Differentiate stop(f - baseline) * log p(x) + f with x held constant; the last f is its explicit dependence."""
    autodiff.check_noise_shape(parameters, noise)

    def surrogate(broadcast: Tensors) -> torch.Tensor:
        value = distribution.sample(broadcast, noise).detach()
        cost = objective(value, broadcast, constants)  # [replicates, samples, *factors]
        weight = (cost - baseline(cost)).detach()
        log_prob = distribution.log_prob(value, broadcast)
        log_prob = log_prob.reshape(*cost.shape, -1).sum(dim=-1)  # [replicates, samples, *factors]
        return weight * log_prob + cost

    return autodiff.per_replicate_gradient(surrogate, parameters, noise.shape[0])
