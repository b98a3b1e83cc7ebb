"""Fisher-vector products without a matrix: three roads to one number, for any function from parameters to outputs."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from implementations.interface.arguments import require_outputs
from implementations.interface.contract import Arrays, Family
from implementations.interface.fisher import Divergence, Middle, Outputs, Product

__all__ = [
    "batched",
    "damped",
    "empirical",
    "gauss_newton",
    "kl_forward_over_reverse",
    "kl_reverse_over_reverse",
    "sampled",
]


def _kl_gradient(kl: Divergence, outputs: Outputs, parameters: Arrays) -> Callable[[Arrays], Arrays]:
    """Return new -> the gradient of the mean divergence of `outputs(new)` from the outputs at `parameters`."""
    old = jax.lax.stop_gradient(require_outputs(outputs(parameters)))

    def mean_kl(new: Arrays) -> Array:
        return mean_over_examples(kl(old, outputs(new)))

    return jax.grad(mean_kl)


def mean_over_examples(entries: Array) -> Array:
    """Sum over all entries, mean over the leading axis, that of examples."""
    return jnp.sum(entries) / entries.shape[0]


def kl_reverse_over_reverse(kl: Divergence, outputs: Outputs, parameters: Arrays) -> Product:
    """Product with the Hessian of mean_i sum_entries kl(old, new) by new, at new = old, reverse over reverse.

    The gradient's pullback: the Hessian is symmetric.
    """
    _, pullback = jax.vjp(_kl_gradient(kl, outputs, parameters), parameters)
    return lambda vector: pullback(vector)[0]


def kl_forward_over_reverse(kl: Divergence, outputs: Outputs, parameters: Arrays) -> Product:
    """Product with the Hessian of mean_i sum_entries kl(old, new) by new, at new = old, forward over reverse."""
    _, pushforward = jax.linearize(_kl_gradient(kl, outputs, parameters), parameters)
    return pushforward


def gauss_newton(middle: Middle, outputs: Outputs, parameters: Arrays) -> Product:
    """Product (1/n) sum_i J_i^T M_i J_i v, linearized once: no product evaluates the outputs again."""
    rows, pushforward = jax.linearize(lambda given: require_outputs(outputs(given)), parameters)
    pullback = jax.linear_transpose(pushforward, parameters)
    examples = next(iter(rows.values())).shape[0]

    def product(vector: Arrays) -> Arrays:
        cotangents = jax.tree.map(lambda part: part / examples, middle(rows, pushforward(vector)))
        return pullback(cotangents)[0]

    return product


def sampled(family: Family, values: Array, weights: Array) -> Middle:
    """Middle of `gauss_newton` by scores: M_i = sum_k weights_ki score_ki score_ki^T over all entries of example i."""

    def middle(rows: Arrays, tangents: Arrays) -> Arrays:
        copies = jax.tree.map(lambda row: jnp.broadcast_to(row, (len(values), *row.shape)), rows)
        scores = jax.grad(lambda given: jnp.sum(family.log_prob(values, given)))(copies)  # [samples, examples, *event]
        along = sum(_over_event(scores[name] * tangents[name]) for name in rows)  # [samples, examples]
        return {name: jnp.einsum("ki,ki...->i...", weights * along, scores[name]) for name in rows}

    return middle


def _over_event(array: Array) -> Array:
    return jnp.sum(array, axis=tuple(range(2, array.ndim)))  # [samples, examples, *event] -> [samples, examples]


def empirical(family: Family, labels: Array) -> Middle:
    """Middle of the empirical Fisher: score score^T at the data's own labels. It is NOT the Fisher information."""
    return sampled(family, labels[None], jnp.ones((1, len(labels)), labels.dtype))


def damped(product: Product, damping: Array) -> Product:
    """Product with A + damping I."""
    return lambda vector: jax.tree.map(lambda image, part: image + damping * part, product(vector), vector)


def batched(product: Product) -> Product:
    """Product with several vectors at once: {name: [vectors, *param]} -> {name: [vectors, *param]}."""
    return jax.vmap(product)
