"""The categorical distribution by `tfp.distributions.OneHotCategorical`."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_probability as tfp

__all__ = ["cdf", "log_prob", "prob"]

tfd = tfp.distributions


def log_prob(value: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Log mass of a one-hot value: sum_i value_i log_softmax(logits)_i, with 0 (-inf) = 0.

    By `tfp.distributions.OneHotCategorical.log_prob`.
    """
    return tfd.OneHotCategorical(logits=logits, dtype=logits.dtype).log_prob(value)


def prob(value: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Mass of a one-hot value: sum_i value_i softmax(logits)_i.

    By `tfp.distributions.OneHotCategorical.prob`.
    """
    return tfd.OneHotCategorical(logits=logits, dtype=logits.dtype).prob(value)


def cdf(value: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Cumulative mass up to and including the class of a one-hot value: sum over j <= k of softmax(logits)_j.

    By `tfp.distributions.Categorical.cdf` at the class of the one-hot value.
    """
    return tfd.Categorical(logits=logits).cdf(tf.argmax(value, axis=-1, output_type=tf.int32))
