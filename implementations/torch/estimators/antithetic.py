"""Antithetic gradients of Bernoulli variables by their logits, in PyTorch."""

from __future__ import annotations

from collections.abc import Callable

import torch

from implementations.interface.contract import Distribution
from implementations.torch import autodiff, gaussian

__all__ = ["arm", "disarm"]

Tensors = dict[str, torch.Tensor]


def arm(
    distribution: Distribution,
    objective: Callable[..., torch.Tensor],
    parameters: Tensors,
    constants: Tensors,
    noise: torch.Tensor,
) -> Tensors:
    """ARM: (f(b) - f(b~)) (u - 1/2), with u = sigmoid(noise), b at noise and b~ at -noise.

    u - 1/2 = tanh(noise / 2) / 2, which does not cancel near 0.
    """
    _, difference = _pair(distribution, objective, parameters, constants, noise)
    return {"logits": (difference * (0.5 * torch.tanh(0.5 * noise))).mean(dim=1)}


def disarm(
    distribution: Distribution,
    objective: Callable[..., torch.Tensor],
    parameters: Tensors,
    constants: Tensors,
    noise: torch.Tensor,
) -> Tensors:
    """DisARM: (1/2) (f(b) - f(b~)) (-1)^(b~_i) [b_i != b~_i] sigmoid(|logits_i|): ARM, its mean given b and b~.

    (-1)^(b~_i) [b_i != b~_i] is b_i - b~_i.
    """
    change, difference = _pair(distribution, objective, parameters, constants, noise)
    likelier = gaussian.sigmoid(torch.abs(parameters["logits"]))
    return {"logits": (0.5 * difference * change * likelier).mean(dim=1)}


def _pair(
    distribution: Distribution,
    objective: Callable[..., torch.Tensor],
    parameters: Tensors,
    constants: Tensors,
    noise: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return b - b~ and f(b) - f(b~), which has axes of length 1 for the event axes that the objective sums over."""
    if distribution.noise != "logistic":
        raise ValueError(
            f"the distribution with {distribution.noise} noise is not a Bernoulli, whose bits -noise makes too; "
            "use BERNOULLI, or the score_function estimator"
        )
    autodiff.check_noise_shape(parameters, noise)
    broadcast = autodiff.copies(parameters, noise.shape[0])
    bits, opposite = distribution.sample(broadcast, noise), distribution.sample(broadcast, -noise)
    difference = objective(bits, broadcast, constants) - objective(opposite, broadcast, constants)
    summed = (1,) * (noise.ndim - difference.ndim)
    return bits - opposite, difference.reshape(*difference.shape, *summed)
