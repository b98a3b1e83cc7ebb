"""Fisher-vector products in PyTorch, without a matrix: three roads to one number."""

from __future__ import annotations

from collections.abc import Callable

import torch

from implementations.interface.arguments import require_dict, require_outputs
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

_EVALUATE = "call module.eval() before the outputs are computed"

#: Part of the error that `torch.func` raises where a function writes into a tensor that it did not make.
_IN_PLACE = "call in-place operation"


def kl_reverse_over_reverse(kl: Divergence, outputs: Outputs, parameters: Tensors) -> Product:
    """Product with the Hessian of mean_i sum_entries kl(old, new) by new, at new = old, reverse over reverse.

    The Hessian is symmetric, so the pullback of the gradient is its product; the graph is recorded once.
    """
    gradient = torch.func.grad(_mean_divergence(kl, _checked(outputs, parameters), parameters))
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
    gradient = torch.func.grad(_mean_divergence(kl, _checked(outputs, parameters), parameters))
    held = _held(parameters)

    def product(vector: Tensors) -> Tensors:
        return torch.func.jvp(gradient, (held,), (vector,))[1]

    return product


def gauss_newton(middle: Middle, outputs: Outputs, parameters: Tensors) -> Product:
    """Product (1/n) sum_i J_i^T M_i J_i v, linearized once: no product evaluates the outputs again.

    u -> J^T u is linear, so its own pullback, at any u, is v -> J v: two passes through graphs that are recorded once.
    The products of `torch.func.linearize` are no quicker, and its tracing takes seconds.
    """
    values, pull_back = torch.func.vjp(_checked(outputs, parameters), _held(parameters))
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
    before = _random_state()
    old = _held(outputs(_held(parameters)))
    if _random_state() != before:
        raise ValueError(
            "outputs draws random numbers, as dropout in training mode does, so that the old and the new outputs are "
            f"those of two networks; {_EVALUATE}, or draw the mask before and let outputs read it"
        )

    def divergence(new: Tensors) -> torch.Tensor:
        return mean_over_examples(kl(old, outputs(new)))

    return divergence


def _random_state() -> bytes:
    """Return the state of PyTorch's global generators; nothing while it compiles, which does not trace them."""
    if torch.compiler.is_compiling():
        return b""
    generators = (torch.default_generator, *torch.cuda.default_generators)
    return b"".join(generator.get_state().numpy().tobytes() for generator in generators)


def _checked(outputs: Outputs, parameters: Tensors) -> Outputs:
    """Return `outputs` with errors that name the fix; as it is while PyTorch compiles, which traces no such error."""
    if torch.compiler.is_compiling():
        return outputs
    require_dict(parameters, "give dict(module.named_parameters())")

    def checked(given: Tensors) -> Tensors:
        try:
            values = outputs(given)
        except RuntimeError as error:
            if _IN_PLACE not in str(error):
                raise
            raise ValueError(
                "outputs changes a tensor in place, as batch normalisation in training mode changes its running "
                f"statistics, and has no derivative; {_EVALUATE}, or build the layer with track_running_stats=False"
            ) from None
        return require_outputs(values)

    return checked


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
