"""Fisher-vector products without a matrix: three roads to one number, for any function from parameters to outputs."""

from __future__ import annotations

import tensorflow as tf

from implementations.interface.arguments import require_outputs
from implementations.interface.contract import Family
from implementations.interface.fisher import Divergence, Middle, Outputs, Product
from implementations.tensorflow.autodiff import value_and_gradient, vmap

__all__ = [
    "batched",
    "damped",
    "empirical",
    "gauss_newton",
    "kl_forward_over_reverse",
    "kl_reverse_over_reverse",
    "sampled",
]

_Tensors = dict[str, tf.Tensor]

_ZERO = tf.UnconnectedGradients.ZERO


def kl_reverse_over_reverse(kl: Divergence, outputs: Outputs, parameters: _Tensors) -> Product:
    """Product with the Hessian of mean_i sum_entries kl(old, new) by new, at new = old, reverse over reverse."""
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(parameters)
        gradient = _kl_gradient(kl, outputs, parameters)
    return lambda vector: tape.gradient(gradient, parameters, output_gradients=vector, unconnected_gradients=_ZERO)


def kl_forward_over_reverse(kl: Divergence, outputs: Outputs, parameters: _Tensors) -> Product:
    """Product with the Hessian of mean_i sum_entries kl(old, new) by new, at new = old, forward over reverse.

    The forward derivative of the gradient is the transpose of its own pullback, which is linear in its cotangent.
    `tf.autodiff.ForwardAccumulator` passes by `tf.custom_gradient`: it gives softplus slope 1 at 0, where a last
    layer of zeros starts, from the maximum inside, and the product is wrong by half.
    """
    cotangent = tf.nest.map_structure(tf.zeros_like, parameters)
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as transposed:
        transposed.watch(cotangent)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(parameters)
            gradient = _kl_gradient(kl, outputs, parameters)
        pulled = tape.gradient(gradient, parameters, output_gradients=cotangent, unconnected_gradients=_ZERO)
    return lambda vector: transposed.gradient(pulled, cotangent, output_gradients=vector, unconnected_gradients=_ZERO)


def _kl_gradient(kl: Divergence, outputs: Outputs, parameters: _Tensors) -> _Tensors:
    """Return the gradient by new, at new = old, of the mean divergence: 0 up to rounding, but not its derivative."""

    def divergence(new_parameters: _Tensors) -> tf.Tensor:
        new = require_outputs(outputs(new_parameters))
        old = {name: tf.stop_gradient(value) for name, value in new.items()}
        return mean_over_examples(kl(old, new))

    return value_and_gradient(divergence, parameters)[1]


def mean_over_examples(entries: tf.Tensor) -> tf.Tensor:
    """Sum over all entries, mean over the leading axis, that of examples."""
    return tf.reduce_sum(entries) / entries.shape[0]


def gauss_newton(middle: Middle, outputs: Outputs, parameters: _Tensors) -> Product:
    """Product (1/n) sum_i J_i^T M_i J_i v, linearized once: no product evaluates the outputs again.

    The pullback J^T u is linear in u, so that its own derivative by u, at any u, is J.
    """
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as transposed:
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(parameters)
            values = require_outputs(outputs(parameters))
        cotangents = {name: tf.zeros_like(value) for name, value in values.items()}
        transposed.watch(cotangents)
        pulled = tape.gradient(values, parameters, output_gradients=cotangents, unconnected_gradients=_ZERO)
    examples = next(iter(values.values())).shape[0]

    def product(vector: _Tensors) -> _Tensors:
        tangents = transposed.gradient(pulled, cotangents, output_gradients=vector, unconnected_gradients=_ZERO)
        weighted = {name: value / examples for name, value in middle(values, tangents).items()}
        return tape.gradient(values, parameters, output_gradients=weighted, unconnected_gradients=_ZERO)

    return product


def sampled(family: Family, values: tf.Tensor, weights: tf.Tensor) -> Middle:
    """Middle of `gauss_newton` by scores: M_i = sum_k weights_ki score_ki score_ki^T over all entries of example i."""

    def middle(outputs: _Tensors, tangents: _Tensors) -> _Tensors:
        rows = {
            name: tf.broadcast_to(value, (values.shape[0], *value.shape))  # [samples, examples, *event]
            for name, value in outputs.items()
        }
        # a row meets its own sample only, so that one gradient of the sum holds every score
        _, scores = value_and_gradient(lambda each: tf.reduce_sum(family.log_prob(values, each)), rows)
        along = tf.add_n([_event_sum(score * tangents[name]) for name, score in scores.items()])
        factors = weights * along  # [samples, examples]
        return {
            name: tf.reduce_sum(tf.reshape(factors, (*factors.shape, *[1] * (len(score.shape) - 2))) * score, axis=0)
            for name, score in scores.items()
        }

    return middle


def _event_sum(values: tf.Tensor) -> tf.Tensor:
    """Sum [samples, examples, *event] over the event axes."""
    return tf.reduce_sum(values, axis=list(range(2, len(values.shape))))


def empirical(family: Family, labels: tf.Tensor) -> Middle:
    """Middle of the empirical Fisher: score score^T at the data's own labels. It is NOT the Fisher information."""
    return sampled(family, labels[tf.newaxis], tf.ones((1, labels.shape[0]), labels.dtype))


def damped(product: Product, damping: tf.Tensor) -> Product:
    """Product with A + damping I."""
    return lambda vector: tf.nest.map_structure(lambda image, part: image + damping * part, product(vector), vector)


def batched(product: Product) -> Product:
    """Product with several vectors at once: {name: [vectors, *param]} -> {name: [vectors, *param]}."""
    return vmap(product)
