"""Schedules for the temperature of a relaxation in PyTorch."""

from __future__ import annotations

import torch

from implementations.torch.precision import at_least_float32

__all__ = ["constant", "exponential", "linear"]


@at_least_float32
def constant(step: torch.Tensor, initial: torch.Tensor) -> torch.Tensor:
    """Temperature that does not change: initial."""
    return initial.expand(torch.broadcast_shapes(step.shape, initial.shape))


@at_least_float32
def exponential(step: torch.Tensor, initial: torch.Tensor, rate: torch.Tensor, minimum: torch.Tensor) -> torch.Tensor:
    """Temperature that decays exponentially to a floor: max(minimum, initial * exp(-rate * step))."""
    return torch.maximum(minimum, initial * torch.exp(-rate * step))


@at_least_float32
def linear(step: torch.Tensor, initial: torch.Tensor, final: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
    """Temperature that goes in a straight line, then stays: initial + (final - initial) min(step / steps, 1).

    Written as a convex combination, in which nothing cancels; `torch.lerp` subtracts.
    """
    remaining = (steps - step).clamp(min=0.0) / steps
    elapsed = (step / steps).clamp(max=1.0)
    return initial * remaining + final * elapsed
