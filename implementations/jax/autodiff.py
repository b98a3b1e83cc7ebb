"""The few transforms that kernels and estimators need, over each framework's own automatic differentiation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from implementations.interface.contract import Arrays

__all__ = ["derivatives", "per_replicate_gradient", "stop_gradient", "value_and_gradient", "vjp", "vmap"]


def stop_gradient(value: Array) -> Array:
    """Return `value`, held constant by differentiation."""
    return jax.lax.stop_gradient(value)


def value_and_gradient(function: Callable[..., Array], parameters: Arrays, *rest: Any) -> tuple[Array, Arrays]:
    """Return function(parameters, *rest), a scalar, and its gradient in `parameters`."""
    return jax.value_and_grad(function)(parameters, *rest)


def vjp(function: Callable[..., Array], primals: Sequence[Array], cotangent: Array) -> tuple[Array, tuple[Array, ...]]:
    """Return the value of function(*primals) and the vector-Jacobian product with `cotangent`."""
    value, pullback = jax.vjp(function, *primals)
    return value, pullback(cotangent)


def derivatives(
    function: Callable[..., Array], primals: Sequence[Array], tangents: Sequence[Array], cotangent: Array
) -> tuple[Array, tuple[Array, ...], Array, tuple[Array, ...]]:
    """Return value, vector-Jacobian, Jacobian-vector and Hessian-vector products of function(*primals) in one pass.

    Forward over reverse.
    """

    def first_order(*values: Array) -> tuple[Array, tuple[Array, ...]]:
        return vjp(function, values, cotangent)

    (value, products), (change, second) = jax.jvp(first_order, tuple(primals), tuple(tangents))
    return value, products, change, second


def vmap(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` mapped over the leading axis of every argument, by the framework's own batching transform."""
    return jax.vmap(function)


def per_replicate_gradient(surrogate: Callable[[Arrays], Array], parameters: Arrays, replicates: int) -> Arrays:
    """Return the gradient of a surrogate loss, one gradient per replicate, in one backward pass."""

    def total(rows: Arrays) -> Array:
        return surrogate(rows).mean(axis=1).sum()  # [replicates, samples, *factors] -> scalar

    gradients = jax.grad(total)(per_replicate(parameters, replicates))
    return {name: gradient.squeeze(1) for name, gradient in gradients.items()}  # [replicates, *param]


def per_replicate(parameters: Arrays, replicates: int) -> Arrays:
    """Return every parameter with two more axes, [*param] -> [replicates, 1, *param]."""
    return {name: jnp.broadcast_to(value, (replicates, 1, *value.shape)) for name, value in parameters.items()}


def require_event_shape(parameters: Arrays, noise: Array, draws: int = 0) -> None:
    """Check that noise is [replicates, samples, *event] with the event shape of every parameter.

    With `draws`, [replicates, samples, draws, *event].

    Raises:
        ValueError: it is not. Shapes are static, so this is said while tracing, too.
    """
    if draws:
        require_draws(parameters, noise, draws)
        return
    for name, value in parameters.items():
        if noise.ndim < 2 or noise.shape[2:] != value.shape:
            raise ValueError(
                f"noise of shape {noise.shape} does not fit parameter {name!r} of shape {value.shape}: "
                f"give noise of shape [replicates, samples, *{list(value.shape)}]"
            )


def require_draws(parameters: Arrays, noise: Array, draws: int | None = None) -> None:
    """Check that noise is [replicates, samples, draws, *event]; without a number, that there are at least 2 draws.

    Raises:
        ValueError: it is not.
    """
    for name, value in parameters.items():
        fits = noise.ndim > 2 and noise.shape[3:] == value.shape
        if not fits or (noise.shape[2] < 2 if draws is None else noise.shape[2] != draws):
            raise ValueError(
                f"noise of shape {noise.shape} does not fit parameter {name!r} of shape {value.shape}: "
                f"give noise of shape [replicates, samples, {draws or '1 + K'}, *{list(value.shape)}]"
            )


@jax.custom_jvp
def divide(numerator: Array, denominator: Array) -> Array:
    """Quotient q = x / y whose derivative is (dx - q dy) / y.

    jax's own rule, -x y^-2 dy, squares the denominator: it overflows at y = 1e-20 and vanishes at 1e20 in float32.
    """
    return numerator / denominator


@divide.defjvp
def _divide_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    _, denominator = primals
    numerator_dot, denominator_dot = tangents
    quotient = divide(*primals)
    # Times the reciprocal, since XLA turns (x / y) / y into x / (y y).
    return quotient, (numerator_dot - quotient * denominator_dot) * (1 / denominator)


@jax.custom_jvp
def log(x: Array) -> Array:
    """Logarithm whose derivatives are quotients as `divide` forms them.

    jax's second derivative, -dx (dx x^-2), multiplies small numbers first: the product may be flushed to 0.
    """
    return jnp.log(x)


@log.defjvp
def _log_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (x,), (x_dot,) = primals, tangents
    return log(x), divide(x_dot, x)
