"""Gradients of bounds: the objective is a log weight, log w = log p(x, z) - log q(z; parameters); in PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from implementations.interface.contract import Distribution
from implementations.torch import autodiff
from implementations.torch.estimators.score_function import check_two_samples, mean_of_others, sum_within_factors

__all__ = ["dreg", "iwae", "sticking_the_landing", "vimco"]

Tensors = dict[str, torch.Tensor]


def sticking_the_landing(
    distribution: Distribution,
    objective: Callable[..., torch.Tensor],
    parameters: Tensors,
    constants: Tensors,
    noise: torch.Tensor,
) -> Tensors:
    """Pathwise gradient without the score term: parameters that the objective sees explicitly are held constant."""
    autodiff.check_noise_shape(parameters, noise)

    def surrogate(broadcast: Tensors) -> torch.Tensor:
        return objective(distribution.sample(broadcast, noise), autodiff.hold(broadcast), constants)

    return autodiff.per_replicate_gradient(surrogate, parameters, noise.shape[0])


def iwae(
    distribution: Distribution,
    objective: Callable[..., torch.Tensor],
    parameters: Tensors,
    constants: Tensors,
    noise: torch.Tensor,
) -> Tensors:
    """Pathwise gradient of the importance-weighted bound: d log((1/S) sum_s w_s) / d parameters."""
    autodiff.check_noise_shape(parameters, noise)

    def surrogate(broadcast: Tensors) -> torch.Tensor:
        return _bound(objective(distribution.sample(broadcast, noise), broadcast, constants), 1)

    return autodiff.per_replicate_gradient(surrogate, parameters, noise.shape[0])


def dreg(
    distribution: Distribution,
    objective: Callable[..., torch.Tensor],
    parameters: Tensors,
    constants: Tensors,
    noise: torch.Tensor,
) -> Tensors:
    """Doubly reparameterized gradient of the bound of `iwae`: sum_s v_s^2 (d log w_s / d z_s) d z_s / d parameters."""
    autodiff.check_noise_shape(parameters, noise)

    def surrogate(broadcast: Tensors) -> torch.Tensor:
        log_weight = objective(distribution.sample(broadcast, noise), autodiff.hold(broadcast), constants)
        share = torch.softmax(log_weight, dim=1).detach()
        return (torch.square(share) * log_weight).sum(dim=1, keepdim=True)

    return autodiff.per_replicate_gradient(surrogate, parameters, noise.shape[0])


def vimco(
    distribution: Distribution,
    objective: Callable[..., torch.Tensor],
    parameters: Tensors,
    constants: Tensors,
    noise: torch.Tensor,
) -> Tensors:
    """Score-function gradient of the importance-weighted bound, every sample's baseline made of the others.

    The explicit term, sum_s v_s d log w_s / d parameters, is the derivative of L with the samples held constant.
    """
    check_two_samples(noise, "score_function, which is the gradient of the bound with one sample")
    autodiff.check_noise_shape(parameters, noise)

    def surrogate(broadcast: Tensors) -> torch.Tensor:
        value = distribution.sample(broadcast, noise).detach()
        log_weight = objective(value, broadcast, constants)  # [replicates, samples, *factors]
        bound = _bound(log_weight, 1)
        signal = (bound - _bound_without(log_weight)).detach()
        log_prob = sum_within_factors(distribution.log_prob(value, broadcast), log_weight)
        return (signal * log_prob).sum(dim=1, keepdim=True) + bound

    return autodiff.per_replicate_gradient(surrogate, parameters, noise.shape[0])


def _bound(log_weight: torch.Tensor, axis: int) -> torch.Tensor:
    """Log of the mean weight over an axis, which is kept with length 1."""
    return torch.logsumexp(log_weight, dim=axis, keepdim=True) - math.log(log_weight.shape[axis])


def _bound_without(log_weight: torch.Tensor) -> torch.Tensor:
    """L_(-s) for every s, from all S^2 log weights: w_s taken out of their sum by subtraction would cancel."""
    samples = log_weight.shape[1]
    own = torch.eye(samples, dtype=torch.bool, device=log_weight.device)
    own = own.reshape(samples, samples, *(1,) * (log_weight.ndim - 2))
    replaced = torch.where(own, mean_of_others(log_weight)[:, :, None], log_weight[:, None])
    return _bound(replaced, 2).squeeze(2)  # [replicates, samples, *factors]
