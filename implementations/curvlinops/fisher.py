"""Fisher-vector products by curvlinops: the generalized Gauss-Newton matrix of a loss whose Hessian is the Fisher's.

The Hessian of a cross-entropy by the logits is their Fisher information, whatever the label. A family without such a
loss in torch has KL(old || new) as its loss, whose Hessian by the new outputs is the Fisher information at equality.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from curvlinops import GGNLinearOperator

from implementations.interface.arguments import require_dict, require_outputs
from implementations.interface.contract import Family
from implementations.interface.fisher import Middle, Outputs, Product
from implementations.torch import families

__all__ = ["gauss_newton"]

Tensors = dict[str, torch.Tensor]


class _Model(torch.nn.Module):
    """Function of parameters as the module of parameters that curvlinops wants, whose input is not used."""

    def __init__(self, outputs: Callable[[Tensors], torch.Tensor], parameters: Tensors) -> None:
        super().__init__()
        self.names = list(parameters)
        self.leaves = torch.nn.ParameterList([torch.nn.Parameter(parameters[name].detach()) for name in self.names])
        self.outputs = outputs

    def forward(self, _: torch.Tensor) -> torch.Tensor:
        return self.outputs(dict(zip(self.names, self.leaves, strict=True)))


class _Divergence(torch.nn.Module):
    """KL(old || new) of outputs stacked along a last axis, summed over all entries."""

    reduction = "sum"

    def __init__(self, family: Family, names: list[str]) -> None:
        super().__init__()
        self.family, self.names = family, names

    def forward(self, new: torch.Tensor, old: torch.Tensor) -> torch.Tensor:
        p, q = (dict(zip(self.names, stacked.unbind(-1), strict=True)) for stacked in (old, new))
        return self.family.kl(p, q).sum()


def gauss_newton(middle: Middle, outputs: Outputs, parameters: Tensors) -> Product:
    """Product (1/n) sum_i J_i^T M_i J_i v, linearized once: no product evaluates the outputs again.

    By `curvlinops.GGNLinearOperator`, which does evaluate them again for every product.

    Raises:
        ValueError: the middle is not the Fisher information of a family, or parameters or outputs are no dict.
    """
    require_dict(parameters, "give dict(module.named_parameters())")
    known = (getattr(families, name) for name in families.__all__)
    family = next((family for family in known if family.fisher is middle), None)
    if family is None:
        raise ValueError("curvlinops takes a loss, so that the middle must be the `fisher` of a family")
    with torch.no_grad():
        old = require_outputs(outputs(parameters))
    examples = next(iter(old.values())).shape[0]
    pack, loss, target = _as_curvlinops(family, old)
    model = _Model(lambda given: pack(outputs(given)), parameters)
    data = [(target.new_zeros(examples, 1), target)]
    operator = GGNLinearOperator(model, loss, list(model.parameters()), data, check_deterministic=False)

    def product(vector: Tensors) -> Tensors:
        images = operator @ [vector[name] for name in parameters]
        return {name: image / examples for name, image in zip(parameters, images, strict=True)}

    return product


def _as_curvlinops(
    family: Family, old: Tensors
) -> tuple[Callable[[Tensors], torch.Tensor], torch.nn.Module, torch.Tensor]:
    """Return how outputs become one tensor, a loss of that, and its target."""
    if family is families.CATEGORICAL:
        rows = old["logits"].flatten(0, -2)
        target = torch.zeros(len(rows), dtype=torch.long, device=rows.device)
        return lambda values: values["logits"].flatten(0, -2), torch.nn.CrossEntropyLoss(reduction="sum"), target
    if family is families.BERNOULLI:
        return lambda values: values["logits"], torch.nn.BCEWithLogitsLoss(reduction="sum"), old["logits"] * 0

    def stack(values: Tensors) -> torch.Tensor:
        return torch.stack(list(values.values()), -1)

    return stack, _Divergence(family, list(old)), stack(old)
