"""Implicit reparameterization gradient in PyTorch."""

from __future__ import annotations

from collections.abc import Callable

import torch

from implementations.interface.contract import Distribution
from implementations.torch import autodiff

__all__ = ["implicit_reparameterization"]

Tensors = dict[str, torch.Tensor]


def implicit_reparameterization(
    distribution: Distribution,
    objective: Callable[..., torch.Tensor],
    parameters: Tensors,
    constants: Tensors,
    noise: torch.Tensor,
) -> Tensors:
    """Implicit reparameterization gradient: the mean over samples of f'(x) d x / d parameters, at fixed cdf of x.

    To a sample that is held constant, terms of value 0 are added: parameter less detached parameter, times the slope.
    """
    derivatives = distribution.sample_derivatives
    if derivatives is None:
        raise ValueError(
            f"the distribution with {distribution.noise} noise has no derivatives of its samples; "
            "use GAMMA or BETA, or the pathwise estimator"
        )
    autodiff.check_noise_shape(parameters, noise, distribution.draws)

    def surrogate(broadcast: Tensors) -> torch.Tensor:
        held = autodiff.hold(broadcast)
        sample = distribution.sample(held, noise)
        for name, slope in derivatives(held, noise).items():
            sample = sample + slope * (broadcast[name] - held[name])
        return objective(sample, broadcast, constants)

    return autodiff.per_replicate_gradient(surrogate, parameters, noise.shape[0])
