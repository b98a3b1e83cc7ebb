"""Exact gradient of a discrete expectation, in PyTorch."""

from __future__ import annotations

from collections.abc import Callable

import torch

from implementations.interface import outcomes
from implementations.interface.contract import Distribution
from implementations.torch import autodiff

__all__ = ["exact"]

Tensors = dict[str, torch.Tensor]


def exact(
    distribution: Distribution,
    objective: Callable[..., torch.Tensor],
    parameters: Tensors,
    constants: Tensors,
    noise: torch.Tensor,
) -> Tensors:
    """Exact gradient: the sum over the support of d (p(x) f(x)) / d parameters, the same in every replicate.

    The points of the support stand on the sample axis of one replicate.
    """
    if distribution.support is None:
        raise ValueError(
            f"the distribution with {distribution.noise} noise has no support that could be enumerated; "
            "use a discrete distribution (BERNOULLI, CATEGORICAL), or the pathwise estimator"
        )
    autodiff.check_noise_shape(parameters, noise)
    outcomes.require_enumerable(distribution.noise, tuple(next(iter(parameters.values())).shape))
    points = distribution.support(parameters)[None]  # [1, points, *event]

    def surrogate(broadcast: Tensors) -> torch.Tensor:
        cost = objective(points, broadcast, constants).reshape(1, points.shape[1], -1).sum(dim=-1)
        log_prob = distribution.log_prob(points, broadcast).reshape(1, points.shape[1], -1).sum(dim=-1)
        return (torch.exp(log_prob) * cost).sum(dim=1, keepdim=True)

    gradient = autodiff.per_replicate_gradient(surrogate, parameters, 1)
    return {name: value.expand(noise.shape[0], *value.shape[1:]) for name, value in gradient.items()}
