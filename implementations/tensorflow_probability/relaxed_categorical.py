"""The relaxed categorical distribution by `tfp.distributions.ExpRelaxedOneHotCategorical`."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_probability as tfp

__all__ = ["log_prob", "log_sample", "prob", "simplex_log_prob"]

tfd = tfp.distributions


def log_sample(logits: tf.Tensor, noise: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
    """Sample in log space from noise: log_softmax((logits + noise) / temperature) over the last axis.

    The lines of `tfp.distributions.ExpRelaxedOneHotCategorical.sample`, which draws its noise itself.
    """
    return tf.math.log_softmax((noise + logits) / temperature[..., tf.newaxis])


def log_prob(log_value: tf.Tensor, logits: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
    """Log density of y = log x: log (n-1)! + (n-1) log T + sum_i s_i - n logsumexp(s), s = logits - T y.

    By `tfp.distributions.ExpRelaxedOneHotCategorical.log_prob`.
    """
    return tfd.ExpRelaxedOneHotCategorical(temperature, logits=logits).log_prob(log_value)


def prob(log_value: tf.Tensor, logits: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
    """Density of y = log x: the exponential of `log_prob`.

    By `tfp.distributions.ExpRelaxedOneHotCategorical.prob`.
    """
    return tfd.ExpRelaxedOneHotCategorical(temperature, logits=logits).prob(log_value)


def simplex_log_prob(log_value: tf.Tensor, logits: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
    """Log density of the point x = exp(y) itself: `log_prob` minus sum_i y_i.

    By `tfp.distributions.RelaxedOneHotCategorical.log_prob` at exp(y).
    """
    return tfd.RelaxedOneHotCategorical(temperature, logits=logits).log_prob(tf.exp(log_value))
