"""Natural gradient in PyTorch, with a trust region on the KL divergence."""

from __future__ import annotations

from collections.abc import Callable

import torch

from implementations.interface.contract import Family, Solution, Step
from implementations.interface.fisher import Outputs
from implementations.interface.natural_gradient import SLACK
from implementations.torch import autodiff, fisher, solvers

__all__ = ["natural_gradient"]

Tensors = dict[str, torch.Tensor]


def natural_gradient(
    loss: Callable[[Tensors], torch.Tensor],
    family: Family,
    outputs: Outputs,
    parameters: Tensors,
    learning_rate: torch.Tensor,
    radius: torch.Tensor,
    damping: torch.Tensor,
    tolerance: torch.Tensor,
    iterations: int,
    halvings: int,
) -> tuple[Tensors, Step]:
    """Natural-gradient step: parameters - length d, (F + damping I) d = gradient, within a trust region on the KL.

    A NaN in the loss or in the KL fails its comparison, and is not accepted.
    """
    old = {name: value.detach() for name, value in parameters.items()}
    before, gradient = autodiff.value_and_gradient(loss, old)
    product = fisher.gauss_newton(family.fisher, outputs, old)
    solution = solvers.conjugate_gradient(product, gradient, tolerance, iterations, damping)
    direction = solution.x
    curvature = solvers.dot(direction, product(direction))  # d.F.d

    length = torch.as_tensor(learning_rate, dtype=before.dtype, device=before.device)
    if curvature > 0:
        length = torch.minimum(length, torch.sqrt(2.0 * radius / curvature))
    with torch.no_grad():
        old_outputs = outputs(old)
        for halved in range(halvings + 1):
            new = {name: value - length * direction[name] for name, value in old.items()}
            kl = fisher.mean_over_examples(family.kl(old_outputs, outputs(new)))
            if kl <= SLACK * radius and loss(new) <= before:
                return new, _step(solution, before, kl, 0.5 * length * length * curvature, length, halved)
            length = 0.5 * length
    zero = torch.zeros_like(before)
    return old, _step(solution, before, zero, zero, zero, halvings)


def _step(
    solution: Solution,
    loss: torch.Tensor,
    kl: torch.Tensor,
    predicted_kl: torch.Tensor,
    length: torch.Tensor,
    halvings: int,
) -> Step:
    count = torch.tensor(halvings, dtype=torch.int32, device=loss.device)
    return Step(loss, kl, predicted_kl, length, count, solution.status, solution.iterations, solution.residual)
