"""The objectives f whose expectation's gradient is estimated, in PyTorch."""

from __future__ import annotations

import torch

from implementations.torch import divergences
from implementations.torch.models import vae as vae_model

__all__ = ["bernoulli", "norm_squared", "quadratic", "vae"]

Tensors = dict[str, torch.Tensor]


def _sum_over_event(value: torch.Tensor) -> torch.Tensor:
    # Not sum(dim=()), which in PyTorch sums over every axis.
    return value.reshape(*value.shape[:2], -1).sum(dim=-1)  # [replicates, samples]


def quadratic(value: torch.Tensor, parameters: Tensors, constants: Tensors) -> torch.Tensor:  # noqa: ARG001
    """Squared distance from a target, summed over the event: sum_i (x_i - k)^2."""
    return _sum_over_event(torch.square(value - constants["k"]))


def norm_squared(value: torch.Tensor, parameters: Tensors, constants: Tensors) -> torch.Tensor:  # noqa: ARG001
    """Squared norm, summed over the event: sum_i x_i^2."""
    return _sum_over_event(torch.square(value))


def bernoulli(value: torch.Tensor, parameters: Tensors, constants: Tensors) -> torch.Tensor:  # noqa: ARG001
    """Function of one bit, extended to [0, 1] linearly: f0 + (f1 - f0) b."""
    return constants["f0"] + (constants["f1"] - constants["f0"]) * value


def vae(value: torch.Tensor, parameters: Tensors, constants: Tensors) -> torch.Tensor:
    """Evidence lower bound of each image, as a function of its latent: log p(x | z) - KL(q || N(0, I))."""
    logits = vae_model.decode(constants, value)  # [replicates, samples, images, pixels]
    log_likelihood = vae_model.log_likelihood_bernoulli(logits, constants["images"])
    divergence = divergences.kl_standard_normal(parameters["loc"], parameters["scale"]).sum(dim=-1)
    return log_likelihood - divergence  # [replicates, samples, images] - [replicates, 1, images]
