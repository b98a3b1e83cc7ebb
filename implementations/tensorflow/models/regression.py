"""Heteroscedastic regression, the article's model of loc and scale: 10-64-64, heads loc and scale, tanh between."""

from __future__ import annotations

import tensorflow as tf

from implementations.tensorflow import gaussian
from implementations.tensorflow.models.network import dense

__all__ = ["loss", "outputs"]


def outputs(parameters: dict[str, tf.Tensor], inputs: tf.Tensor) -> dict[str, tf.Tensor]:
    """Map features to the parameters of `families.NORMAL`: {"loc", "scale"}, scale = softplus(...)."""
    hidden = tf.tanh(dense(parameters, "hidden_1", inputs))
    hidden = tf.tanh(dense(parameters, "hidden_2", hidden))
    return {
        "loc": dense(parameters, "loc", hidden),
        "scale": gaussian.scale_from_softplus(dense(parameters, "scale", hidden)),
    }


def loss(parameters: dict[str, tf.Tensor], inputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Negative log-likelihood of normal targets, a mean over examples."""
    predicted = outputs(parameters, inputs)
    return -tf.reduce_mean(gaussian.log_prob(targets, predicted["loc"], predicted["scale"]))
