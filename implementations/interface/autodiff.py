"""The few transforms that kernels and estimators need, over each framework's own automatic differentiation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from implementations.interface.contract import Array, Arrays

__all__ = ["derivatives", "per_replicate_gradient", "stop_gradient", "value_and_gradient", "vjp", "vmap"]


def stop_gradient(value: Array) -> Array:
    """Return `value`, held constant by differentiation."""
    raise NotImplementedError


def value_and_gradient(function: Callable[..., Array], parameters: Arrays, *rest: Any) -> tuple[Array, Arrays]:
    """Return function(parameters, *rest), a scalar, and its gradient in `parameters`."""
    raise NotImplementedError


def vjp(function: Callable[..., Array], primals: Sequence[Array], cotangent: Array) -> tuple[Array, tuple[Array, ...]]:
    """Return the value of function(*primals) and the vector-Jacobian product with `cotangent`.

    Args:
        function: maps arrays to one array.
        primals: the arguments, in all of which it is differentiated.
        cotangent: of the value's shape.

    Returns:
        The value, and one array per primal, of its shape; zeros where the value does not depend on it.
    """
    raise NotImplementedError


def derivatives(
    function: Callable[..., Array], primals: Sequence[Array], tangents: Sequence[Array], cotangent: Array
) -> tuple[Array, tuple[Array, ...], Array, tuple[Array, ...]]:
    """Return value, vector-Jacobian, Jacobian-vector and Hessian-vector products of function(*primals) in one pass.

    Args:
        function: maps arrays to one array.
        primals: the arguments, in all of which it is differentiated.
        tangents: one per primal, of its shape.
        cotangent: of the value's shape.

    Returns:
        The value; cotangent J, one array per primal; J tangents, of the value's shape; and H tangents, one array
        per primal i, sum_k (d^2 s / d primal_i d primal_k) tangent_k of the scalar s = sum(cotangent * value).

    Reference:
        Pearlmutter, Fast exact multiplication by the Hessian, Neural Computation 6, 1994.
    """
    raise NotImplementedError


def vmap(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` mapped over the leading axis of every argument, by the framework's own batching transform.

    Args:
        function: maps arrays to an array, or to a dict, list or tuple of arrays.
    """
    raise NotImplementedError


def per_replicate_gradient(surrogate: Callable[[Arrays], Array], parameters: Arrays, replicates: int) -> Arrays:
    """Return the gradient of a surrogate loss, one gradient per replicate, in one backward pass.

    Each parameter is broadcast to [replicates, 1, *param]; replicate r of the surrogate depends only on row r,
    so the gradient of the total is the stack of the replicates' gradients.

    Args:
        surrogate: maps {name: [replicates, 1, *param]} to [replicates, samples, *factors]; it is averaged over
            samples and summed over factors.
        parameters: {name: [*param]}.
        replicates: the number of replicates.

    Returns:
        {name: [replicates, *param]}.
    """
    raise NotImplementedError
