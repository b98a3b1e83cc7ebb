"""Implicit reparameterization gradient."""

from __future__ import annotations

from collections.abc import Callable

import jax
from jax import Array

from implementations.interface.contract import Arrays, Distribution
from implementations.jax.autodiff import per_replicate_gradient, require_event_shape

__all__ = ["implicit_reparameterization"]


def implicit_reparameterization(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Implicit reparameterization gradient: the mean over samples of f'(x) d x / d parameters, at fixed cdf of x.

    The sampler gets a rule for its tangent, `jax.custom_jvp`, and `jax.grad` transposes it.
    """
    slopes = distribution.sample_derivatives
    if slopes is None:
        raise ValueError(
            f"a distribution with {distribution.noise} noise has no sample_derivatives: give GAMMA or BETA, "
            "or use the pathwise estimator"
        )
    require_event_shape(parameters, noise, distribution.draws)

    @jax.custom_jvp
    def sample(rows: Arrays) -> Array:
        return distribution.sample(rows, noise)

    @sample.defjvp
    def _sample_jvp(primals: tuple[Arrays], tangents: tuple[Arrays]) -> tuple[Array, Array]:
        (rows,), (rows_dot,) = primals, tangents
        return sample(rows), sum(slope * rows_dot[name] for name, slope in slopes(rows, noise).items())

    return per_replicate_gradient(lambda rows: objective(sample(rows), rows, constants), parameters, noise.shape[0])
