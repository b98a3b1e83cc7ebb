"""The objectives f whose expectation's gradient is estimated."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from implementations.interface.contract import Arrays
from implementations.jax import divergences
from implementations.jax.models import vae as model

__all__ = ["bernoulli", "norm_squared", "quadratic", "vae"]


def _sum_over_event(value: Array) -> Array:
    return jnp.sum(value, axis=tuple(range(2, value.ndim)))  # [replicates, samples, *event] -> [replicates, samples]


def quadratic(value: Array, parameters: Arrays, constants: Arrays) -> Array:  # noqa: ARG001
    """Squared distance from a target, summed over the event: sum_i (x_i - k)^2."""
    return _sum_over_event(jnp.square(value - constants["k"]))


def norm_squared(value: Array, parameters: Arrays, constants: Arrays) -> Array:  # noqa: ARG001
    """Squared norm, summed over the event: sum_i x_i^2."""
    return _sum_over_event(jnp.square(value))


def bernoulli(value: Array, parameters: Arrays, constants: Arrays) -> Array:  # noqa: ARG001
    """Function of one bit, extended to [0, 1] linearly: f0 + (f1 - f0) b.

    As a convex combination, exact at both ends.
    """
    return (1 - value) * constants["f0"] + value * constants["f1"]


def vae(value: Array, parameters: Arrays, constants: Arrays) -> Array:
    """Evidence lower bound of each image, as a function of its latent: log p(x | z) - KL(q || N(0, I))."""
    log_likelihood = model.log_likelihood_bernoulli(model.decode(constants, value), constants["images"])
    kl = jnp.sum(divergences.kl_standard_normal(parameters["loc"], parameters["scale"]), axis=-1)
    return log_likelihood - kl  # [replicates, samples, images] - [replicates, 1, images]
