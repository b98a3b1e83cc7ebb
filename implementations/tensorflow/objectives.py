"""The objectives f whose expectation's gradient is estimated."""

from __future__ import annotations

import tensorflow as tf

from implementations.tensorflow import divergences
from implementations.tensorflow.models import vae as model

__all__ = ["bernoulli", "norm_squared", "quadratic", "vae"]


def quadratic(value: tf.Tensor, parameters: dict[str, tf.Tensor], constants: dict[str, tf.Tensor]) -> tf.Tensor:  # noqa: ARG001
    """Squared distance from a target, summed over the event: sum_i (x_i - k)^2."""
    return _sum_over_event(tf.square(value - constants["k"]))


def norm_squared(value: tf.Tensor, parameters: dict[str, tf.Tensor], constants: dict[str, tf.Tensor]) -> tf.Tensor:  # noqa: ARG001
    """Squared norm, summed over the event: sum_i x_i^2."""
    return _sum_over_event(tf.square(value))


def bernoulli(value: tf.Tensor, parameters: dict[str, tf.Tensor], constants: dict[str, tf.Tensor]) -> tf.Tensor:  # noqa: ARG001
    """Function of one bit, extended to [0, 1] linearly: f0 + (f1 - f0) b."""
    return constants["f0"] + (constants["f1"] - constants["f0"]) * value


def vae(value: tf.Tensor, parameters: dict[str, tf.Tensor], constants: dict[str, tf.Tensor]) -> tf.Tensor:
    """Evidence lower bound of each image, as a function of its latent: log p(x | z) - KL(q || N(0, I))."""
    logits = model.decode(constants, value)  # [replicates, samples, images, pixels]
    log_likelihood = model.log_likelihood_bernoulli(logits, constants["images"])
    kl = tf.reduce_sum(divergences.kl_standard_normal(parameters["loc"], parameters["scale"]), axis=-1)
    return log_likelihood - kl  # [replicates, samples, images]


def _sum_over_event(terms: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(terms, axis=list(range(2, terms.shape.rank)))  # [replicates, samples]
