"""Fisher-vector products in PyTorch, without a matrix: three roads to one number."""

from __future__ import annotations

from collections.abc import Callable

import torch

from implementations.interface.contract import Family
from implementations.interface.fisher import Divergence, Middle, Outputs, Product
from implementations.torch import autodiff

__all__ = [
    "batched",
    "damped",
    "empirical",
    "gauss_newton",
    "kl_forward_over_reverse",
    "kl_reverse_over_reverse",
    "sampled",
]

Tensors = dict[str, torch.Tensor]


def kl_reverse_over_reverse(kl: Divergence, outputs: Outputs, parameters: Tensors) -> Product:
    """Product with the Hessian of mean_i sum_entries kl(old, new) by new, at new = old, reverse over reverse.

    The Hessian is symmetric, so the pullback of the gradient is its product; the graph is recorded once.
    """
    gradient = torch.func.grad(_mean_divergence(kl, outputs, parameters))
    _, pull_back = torch.func.vjp(gradient, _held(parameters))

    def product(vector: Tensors) -> Tensors:
        with torch.no_grad():  # the product itself is not differentiated, and records no graph
            return pull_back(vector)[0]

    return product


def kl_forward_over_reverse(kl: Divergence, outputs: Outputs, parameters: Tensors) -> Product:
    """Product with the Hessian of mean_i sum_entries kl(old, new) by new, at new = old, forward over reverse.

    By `torch.func.jvp`, which differentiates anew for every product. `torch.func.linearize` would do so once, but
    its tracing takes seconds, the time of tens of products, and warns of its own graphs.
    """
    gradient = torch.func.grad(_mean_divergence(kl, outputs, parameters))
    held = _held(parameters)

    def product(vector: Tensors) -> Tensors:
        return torch.func.jvp(gradient, (held,), (vector,))[1]

    return product


def gauss_newton(middle: Middle, outputs: Outputs, parameters: Tensors) -> Product:
    """Product (1/n) sum_i J_i^T M_i J_i v, linearized once: no product evaluates the outputs again.

    u -> J^T u is linear, so its own pullback, at any u, is v -> J v: two passes through graphs that are recorded once.
    The products of `torch.func.linearize` are no quicker, and its tracing takes seconds.
    """
    values, pull_back = torch.func.vjp(outputs, _held(parameters))
    values = _held(values)
    anywhere = {name: torch.zeros_like(value) for name, value in values.items()}
    _, push_forward = torch.func.vjp(lambda cotangents: pull_back(cotangents)[0], anywhere)
    examples = next(iter(values.values())).shape[0]

    def product(vector: Tensors) -> Tensors:
        with torch.no_grad():  # the product itself is not differentiated, and records no graph
            weighted = middle(values, push_forward(vector)[0])
            return pull_back({name: value / examples for name, value in weighted.items()})[0]

    return product


def sampled(family: Family, values: torch.Tensor, weights: torch.Tensor) -> Middle:
    """Middle of `gauss_newton` by scores: M_i = sum_k weights_ki score_ki score_ki^T over all entries of example i."""

    def middle(outputs: Tensors, tangents: Tensors) -> Tensors:
        scores = _scores(family, values, outputs)  # [samples, examples, *event]
        along = sum(_sum_over_event(score * tangents[name]) for name, score in scores.items())  # [samples, examples]
        weighted = weights * along
        return {
            name: (weighted.reshape(*weighted.shape, *(1,) * (score.ndim - 2)) * score).sum(dim=0)
            for name, score in scores.items()
        }

    return middle


def empirical(family: Family, labels: torch.Tensor) -> Middle:
    """Middle of the empirical Fisher: score score^T at the data's own labels. It is NOT the Fisher information."""
    return sampled(family, labels[None], labels.new_ones(1, labels.shape[0]))


def damped(product: Product, damping: torch.Tensor) -> Product:
    """Product with A + damping I."""

    def shifted(vector: Tensors) -> Tensors:
        return {name: value + damping * vector[name] for name, value in product(vector).items()}

    return shifted


def batched(product: Product) -> Product:
    """Product with several vectors at once: {name: [vectors, *param]} -> {name: [vectors, *param]}."""
    return autodiff.vmap(product)


def _mean_divergence(kl: Divergence, outputs: Outputs, parameters: Tensors) -> Callable[[Tensors], torch.Tensor]:
    """Return new parameters -> mean_i sum_entries kl(old, new); the old outputs are constants."""
    old = _held(outputs(_held(parameters)))

    def divergence(new: Tensors) -> torch.Tensor:
        return mean_over_examples(kl(old, outputs(new)))

    return divergence


def mean_over_examples(entries: torch.Tensor) -> torch.Tensor:
    """Sum over all entries, mean over the leading axis, that of examples."""
    return entries.sum() / entries.shape[0]


def _held(values: Tensors) -> Tensors:
    return {name: value.detach() for name, value in values.items()}


def _scores(family: Family, values: torch.Tensor, outputs: Tensors) -> Tensors:
    """Score of every sample, {name: [samples, examples, *event]}, from copies of the outputs, one for each sample."""
    copies = {name: value.expand(values.shape[0], *value.shape) for name, value in outputs.items()}
    return torch.func.grad(lambda broadcast: family.log_prob(values, broadcast).sum())(copies)


def _sum_over_event(value: torch.Tensor) -> torch.Tensor:
    # Not sum(dim=()), which in PyTorch sums over every axis.
    return value.reshape(*value.shape[:2], -1).sum(dim=-1)  # [samples, examples]
