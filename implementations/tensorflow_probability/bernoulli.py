"""The Bernoulli distribution by `tfp.distributions.Bernoulli`, and the lines of its `RelaxedBernoulli`."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_probability as tfp

__all__ = ["cdf", "log_prob", "prob", "relaxed_sample"]

tfd = tfp.distributions


def log_prob(value: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Log mass of 0 or 1: value * log_sigmoid(logits) + (1 - value) * log_sigmoid(-logits).

    By `tfp.distributions.Bernoulli.log_prob`.
    """
    return tfd.Bernoulli(logits=logits, dtype=logits.dtype).log_prob(value)


def prob(value: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Mass of 0 or 1: sigmoid(logits) at 1 and sigmoid(-logits) at 0.

    By `tfp.distributions.Bernoulli.prob`.
    """
    return tfd.Bernoulli(logits=logits, dtype=logits.dtype).prob(value)


def cdf(value: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Cumulative mass: 0 below 0, sigmoid(-logits) on [0, 1), and 1 from 1 on.

    By `tfp.distributions.Bernoulli.cdf`.
    """
    return tfd.Bernoulli(logits=logits, dtype=logits.dtype).cdf(value)


def relaxed_sample(logits: tf.Tensor, noise: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
    """Binary concrete sample: sigmoid((logits + noise) / temperature).

    The lines of `tfp.distributions.RelaxedBernoulli.sample`, which draws its noise itself.
    """
    scale = tf.math.reciprocal(temperature)
    return tfp.bijectors.Sigmoid()(noise * scale + logits * scale)
