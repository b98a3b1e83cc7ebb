"""Classifier of ten digits: 784-256-128-10, tanh between, for the reason given in `categorical_vae`."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from implementations.interface.contract import Arrays
from implementations.interface.models.classifier import hidden
from implementations.jax import categorical
from implementations.jax.models.network import dense

__all__ = ["loss", "outputs"]


def outputs(parameters: Arrays, inputs: Array) -> Arrays:
    """Map images to the parameters of `families.CATEGORICAL`: {"logits"}."""
    rows = inputs
    for name in hidden(parameters):
        rows = jnp.tanh(dense(parameters, name, rows))
    return {"logits": dense(parameters, "logits", rows)}


def loss(parameters: Arrays, inputs: Array, targets: Array) -> Array:
    """Negative log-likelihood of the labels, a mean over examples: the cross-entropy."""
    return -jnp.mean(categorical.log_prob(targets, outputs(parameters, inputs)["logits"]))
