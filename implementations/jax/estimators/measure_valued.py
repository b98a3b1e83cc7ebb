"""Measure-valued (weak) derivative of a normal."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax.numpy as jnp
from jax import Array

from implementations.interface.contract import Arrays, Distribution
from implementations.jax.autodiff import per_replicate, require_draws

__all__ = ["measure_valued"]


def measure_valued(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Measure-valued gradient of a normal, coupled: differences of the objective at two changed coordinates.

    No automatic differentiation. The changes of all coordinates lie side by side on the samples axis; a coordinate
    that is changed to loc + scale e1 is not changed at all, so that one evaluation at x serves them all.
    """
    if distribution.noise != "normal":
        raise ValueError(
            f"a distribution with {distribution.noise} noise has no measure-valued derivative here: "
            "use a normal one, or score_function"
        )
    require_draws(parameters, noise, draws=3)
    replicates, samples, _, *event = noise.shape
    size = math.prod(event)
    rows = per_replicate(parameters, replicates)

    def f(value: Array) -> Array:
        found = objective(value, rows, constants)
        if found.ndim > 2:
            raise ValueError(
                f"the objective has factors, {found.shape[2:]}, and measure_valued takes one: "
                "give an objective that returns [replicates, samples]"
            )
        return found

    x = distribution.sample(rows, noise[:, :, 0])
    other = jnp.expand_dims(x.reshape(replicates, samples, size), 2)

    def f_changed(standard: Array) -> Array:
        """Objective with each coordinate in turn replaced by that of loc + scale standard: [..., samples, size]."""
        own = jnp.expand_dims(distribution.sample(rows, standard).reshape(replicates, samples, size), 2)
        changed = jnp.where(jnp.eye(size, dtype=bool), own, other)  # [replicates, samples, changes, size]
        return f(changed.reshape(replicates, samples * size, *event)).reshape(replicates, samples, size)

    def over_samples(differences: Array) -> Array:
        return jnp.mean(differences, axis=1).reshape(replicates, *event)

    rayleigh = jnp.sqrt(jnp.sum(jnp.square(noise[:, :, :2]), axis=2))
    maxwell = jnp.copysign(jnp.sqrt(jnp.sum(jnp.square(noise), axis=2)), noise[:, :, 0])
    scale = parameters["scale"]
    return {
        "loc": over_samples(f_changed(rayleigh) - f_changed(-rayleigh)) / (scale * math.sqrt(2 * math.pi)),
        "scale": over_samples(f_changed(maxwell) - jnp.expand_dims(f(x), 2)) / scale,
    }
