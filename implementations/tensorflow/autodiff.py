"""The few transforms that kernels and estimators need, over each framework's own automatic differentiation.

Here that is the gradient tape. A source that the target does not depend on has no gradient on the tape (None);
every transform asks for zeros instead.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

__all__ = ["derivatives", "per_replicate_gradient", "stop_gradient", "value_and_gradient", "vjp", "vmap"]


def stop_gradient(value: tf.Tensor) -> tf.Tensor:
    """Return `value`, held constant by differentiation."""
    return tf.stop_gradient(value)


def value_and_gradient(
    function: Callable[..., tf.Tensor], parameters: dict[str, tf.Tensor], *rest: Any
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Return function(parameters, *rest), a scalar, and its gradient in `parameters`."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(parameters)
        value = function(parameters, *rest)
    return value, tape.gradient(value, parameters, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def vjp(
    function: Callable[..., tf.Tensor], primals: Sequence[tf.Tensor], cotangent: tf.Tensor
) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
    """Return the value of function(*primals) and the vector-Jacobian product with `cotangent`."""
    sources = tuple(primals)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(sources)
        value = function(*sources)
    gradients = tape.gradient(
        value, sources, output_gradients=cotangent, unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
    return value, tuple(gradients)


def derivatives(
    function: Callable[..., tf.Tensor],
    primals: Sequence[tf.Tensor],
    tangents: Sequence[tf.Tensor],
    cotangent: tf.Tensor,
) -> tuple[tf.Tensor, tuple[tf.Tensor, ...], tf.Tensor, tuple[tf.Tensor, ...]]:
    """Return value, vector-Jacobian, Jacobian-vector and Hessian-vector products of function(*primals) in one pass.

    Reverse over reverse: the pullback is linear in its cotangent, and its own derivative by it is the
    Jacobian-vector product; the Hessian is symmetric. `tf.autodiff.ForwardAccumulator` passes by
    `tf.custom_gradient`: it differentiates what stands inside.
    """
    sources = tuple(primals)
    zero = tf.UnconnectedGradients.ZERO
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch((sources, cotangent))
        value, products = vjp(function, sources, cotangent)
    change, second = tape.gradient(
        products, (cotangent, sources), output_gradients=tuple(tangents), unconnected_gradients=zero
    )
    return value, products, change, tuple(second)


def vmap(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` mapped over the leading axis of every argument, by the framework's own batching transform."""

    def mapped(*arguments: Any) -> Any:
        return tf.vectorized_map(lambda row: function(*row), arguments, fallback_to_while_loop=False)

    return mapped


def per_replicate_gradient(
    surrogate: Callable[[dict[str, tf.Tensor]], tf.Tensor], parameters: dict[str, tf.Tensor], replicates: int
) -> dict[str, tf.Tensor]:
    """Return the gradient of a surrogate loss, one gradient per replicate, in one backward pass."""
    rows = {
        name: tf.broadcast_to(value, (replicates, 1, *value.shape))  # [replicates, 1, *param]
        for name, value in parameters.items()
    }
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(rows)
        total = tf.reduce_sum(tf.reduce_mean(surrogate(rows), axis=1))
    gradients = tape.gradient(total, rows, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return {name: tf.squeeze(gradient, axis=1) for name, gradient in gradients.items()}  # [replicates, *param]


def check_noise_shape(parameters: dict[str, tf.Tensor], noise: tf.Tensor, draws: int | None = None) -> None:
    """Refuse noise that is not [replicates, samples, *param] for every parameter. Shapes are static under tracing.

    With `draws` it must be [replicates, samples, draws, *param].

    Raises:
        ValueError: the shapes differ; the message holds both, and the mend.
    """
    leading = () if draws is None else (draws,)
    for name, value in parameters.items():
        if noise.shape.rank < 2 or tuple(noise.shape[2:]) != (*leading, *value.shape):
            sizes = "".join(f", {size}" for size in (*leading, *value.shape))
            raise ValueError(
                f"noise has shape {tuple(noise.shape)} but parameter {name!r} has shape {tuple(value.shape)}: "
                f"pass noise of shape (replicates, samples{sizes})"
            )


def broadcast(*arrays: tf.Tensor) -> list[tf.Tensor]:
    """Broadcast to one shape, so that a `tf.custom_gradient` rule need not sum over broadcast axes."""
    shape = functools.reduce(tf.broadcast_static_shape, (array.shape for array in arrays))
    return [tf.broadcast_to(array, shape) for array in arrays]


def divide(numerator: tf.Tensor, denominator: tf.Tensor) -> tf.Tensor:
    """Quotient x / y whose gradient -g (x / y) / y meets the cotangent before the second division.

    The tape's own g ((x / y) / y) may overflow where g is 0, and XLA turns it into g (x / y^2).
    """
    return _divide(*broadcast(numerator, denominator))


@tf.custom_gradient
def _divide(
    numerator: tf.Tensor, denominator: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]:
    def rule(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return (
            _divide(upstream, denominator),
            _divide(-upstream * _divide(numerator, denominator), denominator),
        )

    return numerator / denominator, rule
