"""Pathwise (reparameterization) gradient in PyTorch."""

from __future__ import annotations

from collections.abc import Callable

import torch

from implementations.interface.contract import Distribution
from implementations.torch import autodiff

__all__ = ["pathwise", "pathwise_antithetic"]

Tensors = dict[str, torch.Tensor]


def pathwise(
    distribution: Distribution,
    objective: Callable[..., torch.Tensor],
    parameters: Tensors,
    constants: Tensors,
    noise: torch.Tensor,
) -> Tensors:
    """Pathwise gradient: the mean over samples of d f(g(noise, parameters)) / d parameters, x = g(noise, parameters).

    `torch.func` differentiates through the sample as through any other function; there is no `rsample`.
    """
    autodiff.check_noise_shape(parameters, noise)

    def surrogate(broadcast: Tensors) -> torch.Tensor:
        return objective(distribution.sample(broadcast, noise), broadcast, constants)

    return autodiff.per_replicate_gradient(surrogate, parameters, noise.shape[0])


def pathwise_antithetic(
    distribution: Distribution,
    objective: Callable[..., torch.Tensor],
    parameters: Tensors,
    constants: Tensors,
    noise: torch.Tensor,
) -> Tensors:
    """Pathwise gradient on pairs: the mean over samples of those at noise and at -noise."""
    autodiff.check_noise_shape(parameters, noise)

    def surrogate(broadcast: Tensors) -> torch.Tensor:
        ahead = objective(distribution.sample(broadcast, noise), broadcast, constants)
        opposite = objective(distribution.sample(broadcast, -noise), broadcast, constants)
        return 0.5 * (ahead + opposite)

    return autodiff.per_replicate_gradient(surrogate, parameters, noise.shape[0])
