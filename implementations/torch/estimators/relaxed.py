"""Gradients of discrete distributions through the Gumbel-softmax (binary concrete) relaxation, in PyTorch."""

from __future__ import annotations

from collections.abc import Callable

import torch

from implementations.interface.contract import Distribution
from implementations.torch import autodiff

__all__ = ["gumbel_softmax", "straight_through_gumbel"]

Tensors = dict[str, torch.Tensor]


def gumbel_softmax(
    distribution: Distribution,
    objective: Callable[..., torch.Tensor],
    parameters: Tensors,
    constants: Tensors,
    noise: torch.Tensor,
) -> Tensors:
    """Relaxed gradient: the mean over samples of d f(relaxed_sample) / d parameters."""
    relaxed_sample = _relaxation(distribution)
    autodiff.check_noise_shape(parameters, noise)

    def surrogate(broadcast: Tensors) -> torch.Tensor:
        soft = relaxed_sample(broadcast, noise, constants["temperature"])
        return objective(soft, broadcast, constants)

    return autodiff.per_replicate_gradient(surrogate, parameters, noise.shape[0])


def straight_through_gumbel(
    distribution: Distribution,
    objective: Callable[..., torch.Tensor],
    parameters: Tensors,
    constants: Tensors,
    noise: torch.Tensor,
) -> Tensors:
    """Straight-through Gumbel gradient: f and f' at the discrete sample, d x / d parameters at the relaxed one."""
    relaxed_sample = _relaxation(distribution)
    autodiff.check_noise_shape(parameters, noise)

    def surrogate(broadcast: Tensors) -> torch.Tensor:
        soft = relaxed_sample(broadcast, noise, constants["temperature"])
        hard = distribution.sample(broadcast, noise)
        return objective((hard - soft.detach()) + soft, broadcast, constants)

    return autodiff.per_replicate_gradient(surrogate, parameters, noise.shape[0])


def _relaxation(distribution: Distribution) -> Callable[..., torch.Tensor]:
    if distribution.relaxed_sample is None:
        raise ValueError(
            f"the distribution with {distribution.noise} noise has no relaxation; "
            "use a discrete distribution (BERNOULLI, CATEGORICAL), or the pathwise estimator"
        )
    return distribution.relaxed_sample
