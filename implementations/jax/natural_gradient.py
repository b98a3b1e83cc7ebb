"""Natural gradient with a trust region on the KL divergence."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from implementations.interface.contract import Arrays, Family, Step
from implementations.interface.fisher import Outputs
from implementations.interface.natural_gradient import SLACK
from implementations.jax import fisher, solvers

__all__ = ["natural_gradient"]


def natural_gradient(
    loss: Callable[[Arrays], Array],
    family: Family,
    outputs: Outputs,
    parameters: Arrays,
    learning_rate: Array,
    radius: Array,
    damping: Array,
    tolerance: Array,
    iterations: int,
    halvings: int,
) -> tuple[Arrays, Step]:
    """Natural-gradient step: parameters - length d, (F + damping I) d = gradient, within a trust region on the KL."""
    value, gradient = jax.value_and_grad(loss)(parameters)
    product = fisher.gauss_newton(family.fisher, outputs, parameters)
    solution = solvers.conjugate_gradient(product, gradient, tolerance, iterations, damping)
    curvature = solvers.dot(solution.x, product(solution.x))  # d.F.d
    within = jnp.where(curvature > 0, jnp.sqrt(2 * radius / curvature), jnp.inf)
    old = outputs(parameters)

    def moved(length: Array) -> Arrays:
        return jax.tree.map(lambda part, direction: part - length * direction, parameters, solution.x)

    def measured(length: Array) -> tuple[Array, Array]:
        """Return the actual KL(old || new), a mean over examples, and whether the length is accepted."""
        candidate = moved(length)
        kl = fisher.mean_over_examples(family.kl(old, outputs(candidate)))
        return kl, (kl <= SLACK * radius) & (loss(candidate) <= value)

    def halve(state: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        length, _, _, count = state
        return (length / 2, *measured(length / 2), count + 1)

    first = jnp.minimum(learning_rate, within)
    length, kl, accepted, count = jax.lax.while_loop(
        lambda state: ~state[2] & (state[3] < halvings), halve, (first, *measured(first), jnp.zeros((), jnp.int32))
    )
    predicted = jnp.square(length) * curvature / 2
    step = Step(
        loss=value,
        kl=jnp.where(accepted, kl, 0),
        predicted_kl=jnp.where(accepted, predicted, 0),
        length=jnp.where(accepted, length, 0),
        halvings=count,
        status=solution.status,
        iterations=solution.iterations,
        residual=solution.residual,
    )
    return jax.tree.map(lambda new, old: jnp.where(accepted, new, old), moved(length), parameters), step
