"""The few transforms that kernels and estimators need, by `torch.func`, which composes with `torch.compile`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

__all__ = ["derivatives", "per_replicate_gradient", "stop_gradient", "value_and_gradient", "vjp", "vmap"]

Tensors = dict[str, torch.Tensor]


def stop_gradient(value: torch.Tensor) -> torch.Tensor:
    """Return `value`, held constant by differentiation."""
    return value.detach()


def value_and_gradient(
    function: Callable[..., torch.Tensor], parameters: Tensors, *rest: Any
) -> tuple[torch.Tensor, Tensors]:
    """Return function(parameters, *rest), a scalar, and its gradient in `parameters`."""
    gradient, value = torch.func.grad_and_value(function)(parameters, *rest)
    return value, gradient


def vjp(
    function: Callable[..., torch.Tensor], primals: Sequence[torch.Tensor], cotangent: torch.Tensor
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """Return the value of function(*primals) and the vector-Jacobian product with `cotangent`."""
    value, pullback = torch.func.vjp(function, *primals)
    return value, pullback(cotangent)


def derivatives(
    function: Callable[..., torch.Tensor],
    primals: Sequence[torch.Tensor],
    tangents: Sequence[torch.Tensor],
    cotangent: torch.Tensor,
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...], torch.Tensor, tuple[torch.Tensor, ...]]:
    """Return value, vector-Jacobian, Jacobian-vector and Hessian-vector products of function(*primals) in one pass.

    Forward over reverse.
    """

    def first_order(*values: torch.Tensor) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        return vjp(function, values, cotangent)

    (value, products), (change, second) = torch.func.jvp(first_order, tuple(primals), tuple(tangents))
    return value, products, change, second


def vmap(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` mapped over the leading axis of every argument, by the framework's own batching transform."""
    return torch.func.vmap(function)


def per_replicate_gradient(
    surrogate: Callable[[Tensors], torch.Tensor], parameters: Tensors, replicates: int
) -> Tensors:
    """Return the gradient of a surrogate loss, one gradient per replicate, in one backward pass.

    The copies are what is differentiated, so the backward pass has nothing to sum over replicates.
    """

    def total(broadcast: Tensors) -> torch.Tensor:
        return surrogate(broadcast).mean(dim=1).sum()

    gradient = torch.func.grad(total)(copies(parameters, replicates))
    return {name: value.squeeze(1) for name, value in gradient.items()}  # [replicates, *param]


def copies(parameters: Tensors, replicates: int) -> Tensors:
    """Return each parameter repeated for every replicate, [replicates, 1, *param], without copying memory."""
    return {name: value.expand(replicates, 1, *value.shape) for name, value in parameters.items()}


def hold(parameters: Tensors) -> Tensors:
    """Return parameters that differentiation holds constant."""
    return {name: stop_gradient(value) for name, value in parameters.items()}


def check_noise_shape(parameters: Tensors, noise: torch.Tensor, draws: int = 0) -> None:
    """Check that noise is [replicates, samples, *param] for every parameter; shapes are static, so it compiles away.

    With `draws`, [replicates, samples, draws, *param].

    Raises:
        ValueError: the shapes differ; the message names both, and the mend.
    """
    axis = (draws,) if draws else ()
    for name, value in parameters.items():
        if noise.ndim < 2 or noise.shape[2:] != (*axis, *value.shape):
            named = "".join(f"{count}, " for count in axis)
            raise ValueError(
                f"noise of shape {tuple(noise.shape)} does not fit parameter {name!r} of shape {tuple(value.shape)}: "
                f"give noise the shape (replicates, samples, {named}*{tuple(value.shape)})"
            )
