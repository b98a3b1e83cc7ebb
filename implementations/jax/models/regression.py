"""Heteroscedastic regression, the article's model of loc and scale: 10-64-64, heads loc and scale, tanh between."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from implementations.interface.contract import Arrays
from implementations.jax import gaussian
from implementations.jax.models.network import dense

__all__ = ["loss", "outputs"]


def outputs(parameters: Arrays, inputs: Array) -> Arrays:
    """Map features to the parameters of `families.NORMAL`: {"loc", "scale"}, scale = softplus(...)."""
    hidden = jnp.tanh(dense(parameters, "hidden_1", inputs))
    hidden = jnp.tanh(dense(parameters, "hidden_2", hidden))
    return {
        "loc": dense(parameters, "loc", hidden),
        "scale": gaussian.scale_from_softplus(dense(parameters, "scale", hidden)),
    }


def loss(parameters: Arrays, inputs: Array, targets: Array) -> Array:
    """Negative log-likelihood of normal targets, a mean over examples."""
    rows = outputs(parameters, inputs)
    return -jnp.mean(gaussian.log_prob(targets, rows["loc"], rows["scale"]))
