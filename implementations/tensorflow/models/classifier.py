"""Classifier of ten digits: 784-256-128-10, tanh between, for the reason given in `categorical_vae`."""

from __future__ import annotations

import tensorflow as tf

from implementations.interface.models.classifier import hidden
from implementations.tensorflow import categorical
from implementations.tensorflow.models.network import dense

__all__ = ["loss", "outputs"]


def outputs(parameters: dict[str, tf.Tensor], inputs: tf.Tensor) -> dict[str, tf.Tensor]:
    """Map images to the parameters of `families.CATEGORICAL`: {"logits"}."""
    rows = inputs
    for name in hidden(parameters):
        rows = tf.tanh(dense(parameters, name, rows))
    return {"logits": dense(parameters, "logits", rows)}


def loss(parameters: dict[str, tf.Tensor], inputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Negative log-likelihood of the labels, a mean over examples: the cross-entropy."""
    return -tf.reduce_mean(categorical.log_prob(targets, outputs(parameters, inputs)["logits"]))
