"""Linear systems in PyTorch without a matrix, on dicts of tensors."""

from __future__ import annotations

import torch

from implementations.interface.contract import BREAKDOWN, CONVERGED, OUT_OF_ITERATIONS, STAGNATED, Solution
from implementations.interface.fisher import Product
from implementations.torch import fisher

__all__ = ["conjugate_gradient"]

Tensors = dict[str, torch.Tensor]


def conjugate_gradient(
    product: Product,
    right: Tensors,
    tolerance: torch.Tensor,
    iterations: int,
    damping: torch.Tensor = 0.0,
    diagonal: Tensors | None = None,
) -> Solution:
    """Conjugate gradient for (A + damping I) x = b, A symmetric positive definite, from x = 0.

    The truth tests of the loop wait for the device; a graph of fixed length would use every direction.
    """
    damped = fisher.damped(product, damping)
    magnitude = torch.stack([value.detach().abs().max() for value in right.values()]).max()
    x = {name: torch.zeros_like(value) for name, value in right.items()}
    if magnitude == 0:
        return _solution(x, CONVERGED, 0, magnitude)

    b = {name: value.detach() / magnitude for name, value in right.items()}
    norm = _norm(b)
    eps = torch.finfo(norm.dtype).eps
    residual, broken, used = b, False, 0
    preconditioned = direction = _precondition(residual, diagonal)
    decrease = dot(residual, preconditioned)
    largest = torch.zeros_like(norm)
    while used < iterations and not (broken or _norm(residual) <= tolerance * norm):
        image = damped(direction)
        along = dot(direction, image)
        curvature = along / dot(direction, direction)
        largest = torch.maximum(largest, curvature.abs())
        broken = not curvature > eps * largest  # true of NaN, too
        if not broken:
            used += 1
            length = decrease / along
            x = _plus(x, length, direction)
            residual = _plus(residual, -length, image)
            preconditioned = _precondition(residual, diagonal)
            decrease, before = dot(residual, preconditioned), decrease
            direction = _plus(preconditioned, decrease / before, direction)

    true_residual = _norm(_plus(b, -1.0, damped(x))) / norm
    if _norm(residual) <= tolerance * norm:
        status = CONVERGED if true_residual <= max(tolerance, 10.0 * eps) else STAGNATED
    else:
        status = BREAKDOWN if broken else OUT_OF_ITERATIONS
    return _solution({name: magnitude * value for name, value in x.items()}, status, used, true_residual)


def _solution(x: Tensors, status: int, used: int, residual: torch.Tensor) -> Solution:
    counts = torch.tensor([status, used], dtype=torch.int32, device=residual.device)
    return Solution(x, counts[0], counts[1], residual)


def _precondition(residual: Tensors, diagonal: Tensors | None) -> Tensors:
    return residual if diagonal is None else {name: value / diagonal[name] for name, value in residual.items()}


def _plus(first: Tensors, factor: torch.Tensor | float, second: Tensors) -> Tensors:
    return {name: value + factor * second[name] for name, value in first.items()}


def dot(first: Tensors, second: Tensors) -> torch.Tensor:
    """Inner product over all leaves."""
    return torch.stack([(value * second[name]).sum() for name, value in first.items()]).sum()


def _norm(vector: Tensors) -> torch.Tensor:
    return torch.sqrt(dot(vector, vector))
