"""The Gumbel distribution by `tfp.distributions.Gumbel`, and the lines of its `RelaxedOneHotCategorical`."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_probability as tfp

__all__ = ["cdf", "gumbel_softmax", "gumbel_softmax_from_probs", "log_prob", "noise_from_uniform", "prob"]

tfd = tfp.distributions


def noise_from_uniform(uniform: tf.Tensor) -> tf.Tensor:
    """Transform uniform noise into standard Gumbel noise: -log(-log u).

    By `tfp.distributions.Gumbel.quantile`.
    """
    return tfd.Gumbel(tf.zeros([], uniform.dtype), tf.ones([], uniform.dtype)).quantile(uniform)


def log_prob(value: tf.Tensor, loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Log density of the Gumbel: -z - exp(-z) - log(scale) with z = (value - loc) / scale.

    By `tfp.distributions.Gumbel.log_prob`.
    """
    return tfd.Gumbel(loc, scale).log_prob(value)


def prob(value: tf.Tensor, loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Density of the Gumbel: exp(-z - exp(-z)) / scale with z = (value - loc) / scale.

    By `tfp.distributions.Gumbel.prob`.
    """
    return tfd.Gumbel(loc, scale).prob(value)


def cdf(value: tf.Tensor, loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Cumulative distribution of the Gumbel: exp(-exp(-z)) with z = (value - loc) / scale.

    By `tfp.distributions.Gumbel.cdf`.
    """
    return tfd.Gumbel(loc, scale).cdf(value)


def gumbel_softmax(logits: tf.Tensor, noise: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
    """Relaxed one-hot sample from logits: softmax((logits + noise) / temperature) over the last axis.

    The lines of `tfp.distributions.RelaxedOneHotCategorical.sample`, which draws its noise itself.
    """
    return tf.exp(tf.math.log_softmax((noise + logits) / temperature[..., tf.newaxis]))


def gumbel_softmax_from_probs(probs: tf.Tensor, noise: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
    """Relaxed one-hot sample from probabilities: softmax((log(probs) + noise) / temperature) over the last axis.

    `gumbel_softmax` of the logits of `tfp.distributions.RelaxedOneHotCategorical`.
    """
    relaxed = tfd.RelaxedOneHotCategorical(temperature, probs=probs)
    return gumbel_softmax(relaxed.distribution.logits_parameter(), noise, temperature)
