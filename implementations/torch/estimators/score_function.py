"""Score-function (REINFORCE, likelihood-ratio) gradient in PyTorch, with and without a baseline."""

from __future__ import annotations

from collections.abc import Callable

import torch

from implementations.interface.contract import Distribution
from implementations.torch import autodiff

__all__ = [
    "score_function",
    "score_function_constant",
    "score_function_leave_one_out",
    "score_function_optimal",
]

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
    check_two_samples(noise, "score_function")
    return _weighted_score(distribution, objective, parameters, constants, noise, mean_of_others)


def score_function_constant(
    distribution: Distribution,
    objective: Callable[..., torch.Tensor],
    parameters: Tensors,
    constants: Tensors,
    noise: torch.Tensor,
) -> Tensors:
    """Score-function gradient with a constant baseline: (f(x) - baseline) d log p(x; parameters) / d parameters."""

    def baseline(values: torch.Tensor) -> torch.Tensor:  # noqa: ARG001
        return constants["baseline"]

    return _weighted_score(distribution, objective, parameters, constants, noise, baseline)


def score_function_optimal(
    distribution: Distribution,
    objective: Callable[..., torch.Tensor],
    parameters: Tensors,
    constants: Tensors,
    noise: torch.Tensor,
) -> Tensors:
    """Score-function gradient with the best constant baseline of every coordinate: (f(x) - baseline_i) score_i.

    A baseline of its own for every coordinate is no weight of a sample, so it multiplies the mean score.
    """
    gradient = score_function(distribution, objective, parameters, constants, noise)

    def log_likelihood(broadcast: Tensors) -> torch.Tensor:
        return distribution.log_prob(distribution.sample(broadcast, noise).detach(), broadcast)

    score = autodiff.per_replicate_gradient(log_likelihood, parameters, noise.shape[0])
    return {name: gradient[name] - constants[f"baseline.{name}"] * score[name] for name in parameters}


def check_two_samples(noise: torch.Tensor, alternative: str) -> None:
    """Check that a sample has others of which its baseline can be made.

    Raises:
        ValueError: there are fewer than two samples; the message names the estimator that needs no others.
    """
    if noise.ndim < 2 or noise.shape[1] < 2:
        raise ValueError(
            f"noise of shape {tuple(noise.shape)} must have at least 2 samples on axis 1 for a leave-one-out baseline: "
            f"draw more samples, or use {alternative}"
        )


def mean_of_others(values: torch.Tensor) -> torch.Tensor:
    """Mean over axis 1 of all values but each sample's own."""
    return (values.sum(dim=1, keepdim=True) - values) / (values.shape[1] - 1)


def sum_within_factors(terms: torch.Tensor, cost: torch.Tensor) -> torch.Tensor:
    """Sum over the axes that the objective summed over: [replicates, samples, *event] -> [..., *factors] of `cost`."""
    factors = cost.shape[2:]
    return terms.reshape(*terms.shape[:2], *factors, -1).sum(dim=-1)


def _no_baseline(values: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(values)


def _weighted_score(
    distribution: Distribution,
    objective: Callable[..., torch.Tensor],
    parameters: Tensors,
    constants: Tensors,
    noise: torch.Tensor,
    baseline: Callable[[torch.Tensor], torch.Tensor],
) -> Tensors:
    """Differentiate stop(f - baseline) * log p(x) + f with x held constant; the last f is its explicit dependence."""
    autodiff.check_noise_shape(parameters, noise, distribution.draws)

    def surrogate(broadcast: Tensors) -> torch.Tensor:
        value = distribution.sample(broadcast, noise).detach()
        cost = objective(value, broadcast, constants)  # [replicates, samples, *factors]
        weight = (cost - baseline(cost)).detach()
        return weight * sum_within_factors(distribution.log_prob(value, broadcast), cost) + cost

    return autodiff.per_replicate_gradient(surrogate, parameters, noise.shape[0])
