"""Measure-valued (weak) derivative of a normal, in PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from implementations.interface.contract import Distribution
from implementations.torch import autodiff

__all__ = ["measure_valued"]

Tensors = dict[str, torch.Tensor]


def measure_valued(
    distribution: Distribution,
    objective: Callable[..., torch.Tensor],
    parameters: Tensors,
    constants: Tensors,
    noise: torch.Tensor,
) -> Tensors:
    """Measure-valued gradient of a normal, coupled: differences of the objective at two changed coordinates.

    The changed coordinates stand on the sample axis, so that the objective is called four times in all.
    """
    if distribution.noise != "normal":
        raise ValueError(
            f"the distribution with {distribution.noise} noise is not a normal, whose weak derivative this is; "
            "use NORMAL, or the score_function estimator"
        )
    autodiff.check_noise_shape(parameters, noise, draws=3)
    replicates, samples, _, *event = noise.shape
    broadcast = autodiff.copies(parameters, replicates)
    first, second, third = noise.reshape(replicates, samples, 3, -1).unbind(dim=2)  # [replicates, samples, coordinates]
    loc, scale = parameters["loc"].reshape(-1), parameters["scale"].reshape(-1)
    changed = torch.eye(loc.numel(), dtype=torch.bool, device=noise.device)

    def objective_at(standard: torch.Tensor) -> torch.Tensor:
        """Evaluate f where one coordinate's noise at a time is the one given: [replicates, samples, coordinates]."""
        mixed = torch.where(changed, standard[:, :, None], first[:, :, None])
        value = (loc + scale * mixed).reshape(replicates, -1, *event)
        cost = objective(value, broadcast, constants)
        if cost.ndim != 2:
            raise ValueError(
                f"the objective of shape {tuple(cost.shape)} has factors, which a changed coordinate mixes; "
                "sum the objective over its factors, or use the pathwise estimator"
            )
        return cost.reshape(replicates, samples, -1)

    rayleigh = torch.sqrt(torch.square(first) + torch.square(second))
    maxwell = torch.sqrt(torch.square(first) + torch.square(second) + torch.square(third))
    by_loc = (objective_at(rayleigh) - objective_at(-rayleigh)) / (scale * math.sqrt(2.0 * math.pi))
    by_scale = (objective_at(torch.copysign(maxwell, first)) - objective_at(first)) / scale
    return {
        "loc": by_loc.mean(dim=1).reshape(replicates, *event),
        "scale": by_scale.mean(dim=1).reshape(replicates, *event),
    }
