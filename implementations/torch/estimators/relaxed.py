"""Gradients of discrete distributions through the Gumbel-softmax (binary concrete) relaxation, in PyTorch."""

from __future__ import annotations

from collections.abc import Callable

import torch

from implementations.interface.contract import Distribution
from implementations.torch import autodiff

__all__ = ["gumbel_rao", "gumbel_softmax", "straight_through", "straight_through_gumbel"]

Tensors = dict[str, torch.Tensor]


def gumbel_softmax(
    distribution: Distribution,
    objective: Callable[..., torch.Tensor],
    parameters: Tensors,
    constants: Tensors,
    noise: torch.Tensor,
) -> Tensors:
    """Relaxed gradient: the mean over samples of d f(relaxed_sample) / d parameters."""
    relaxed_sample = relaxation(distribution)
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
    relaxed_sample = relaxation(distribution)
    autodiff.check_noise_shape(parameters, noise)

    def surrogate(broadcast: Tensors) -> torch.Tensor:
        soft = relaxed_sample(broadcast, noise, constants["temperature"])
        return objective(_straight_through(distribution.sample(broadcast, noise), soft), broadcast, constants)

    return autodiff.per_replicate_gradient(surrogate, parameters, noise.shape[0])


def straight_through(
    distribution: Distribution,
    objective: Callable[..., torch.Tensor],
    parameters: Tensors,
    constants: Tensors,
    noise: torch.Tensor,
) -> Tensors:
    """Straight-through gradient: f and f' at the discrete sample b, d mean / d parameters in place of its derivative.

    Every sample has the same d mean / d parameters.
    """
    relaxation(distribution)
    autodiff.check_noise_shape(parameters, noise)

    def surrogate(broadcast: Tensors) -> torch.Tensor:
        hard = distribution.sample(broadcast, noise)
        return objective(_straight_through(hard, distribution.mean(broadcast)), broadcast, constants)

    return autodiff.per_replicate_gradient(surrogate, parameters, noise.shape[0])


def gumbel_rao(
    distribution: Distribution,
    objective: Callable[..., torch.Tensor],
    parameters: Tensors,
    constants: Tensors,
    noise: torch.Tensor,
) -> Tensors:
    """Straight-through Gumbel gradient, its mean given the discrete sample estimated by K relaxations.

    f' at b does not depend on k, so the relaxations are averaged before the objective, which is evaluated once.
    """
    relaxed_sample = relaxation(distribution)
    autodiff.check_noise_shape(parameters, noise, draws=max((2, *noise.shape[2:3])))

    def surrogate(broadcast: Tensors) -> torch.Tensor:
        hard = distribution.sample(broadcast, noise[:, :, 0])
        of_draws = {name: value[:, :, None] for name, value in broadcast.items()}  # [replicates, 1, 1, *param]
        given = distribution.conditional_noise(of_draws, hard[:, :, None], noise[:, :, 1:]).detach()
        soft = relaxed_sample(of_draws, given, constants["temperature"]).mean(dim=2)
        return objective(_straight_through(hard, soft), broadcast, constants)

    return autodiff.per_replicate_gradient(surrogate, parameters, noise.shape[0])


def _straight_through(hard: torch.Tensor, soft: torch.Tensor) -> torch.Tensor:
    """Value of `hard`, derivative of `soft`."""
    return (hard - soft.detach()) + soft


def relaxation(distribution: Distribution) -> Callable[..., torch.Tensor]:
    """Return the relaxation of a discrete distribution.

    Raises:
        ValueError: the distribution has none.
    """
    if distribution.relaxed_sample is None:
        raise ValueError(
            f"the distribution with {distribution.noise} noise has no relaxation; "
            "use a discrete distribution (BERNOULLI, CATEGORICAL), or the pathwise estimator"
        )
    return distribution.relaxed_sample
