"""Kullback-Leibler divergences by `tfp.distributions.kl_divergence`, and Monte Carlo with `log_prob`."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_probability as tfp

from implementations.tensorflow_probability import gaussian

__all__ = [
    "kl_bernoulli",
    "kl_bernoulli_monte_carlo",
    "kl_categorical",
    "kl_categorical_monte_carlo",
    "kl_diagonal_normal",
    "kl_normal",
    "kl_normal_monte_carlo",
    "kl_standard_normal",
]

tfd = tfp.distributions


def kl_normal(loc_q: tf.Tensor, scale_q: tf.Tensor, loc_p: tf.Tensor, scale_p: tf.Tensor) -> tf.Tensor:
    """KL of N(loc_q, scale_q^2) from N(loc_p, scale_p^2): log(scale_p / scale_q) + (r^2 + d^2 - 1) / 2.

    By `tfp.distributions.kl_divergence` of two `Normal`.
    """
    return tfd.kl_divergence(tfd.Normal(loc_q, scale_q), tfd.Normal(loc_p, scale_p))


def kl_standard_normal(loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """KL of N(loc, scale^2) from N(0, 1): (loc^2 + scale^2 - 1) / 2 - log(scale), free of cancellation near 0.

    By `tfp.distributions.kl_divergence` of a `Normal` from the standard one.
    """
    return tfd.kl_divergence(tfd.Normal(loc, scale), tfd.Normal(tf.zeros([], loc.dtype), tf.ones([], loc.dtype)))


def kl_diagonal_normal(loc_q: tf.Tensor, scale_q: tf.Tensor, loc_p: tf.Tensor, scale_p: tf.Tensor) -> tf.Tensor:
    """KL between normals of diagonal covariance: the sum of `kl_normal` over the last axis.

    By `tfp.distributions.kl_divergence` of two `Independent` `Normal`.
    """
    q = tfd.Independent(tfd.Normal(loc_q, scale_q), reinterpreted_batch_ndims=1)
    return tfd.kl_divergence(q, tfd.Independent(tfd.Normal(loc_p, scale_p), reinterpreted_batch_ndims=1))


def kl_categorical(logits_q: tf.Tensor, logits_p: tf.Tensor) -> tf.Tensor:
    """KL between categoricals by logits: sum_i q_i (log q_i - log p_i), with 0 log 0 = 0 and q log(q / 0) = inf.

    By `tfp.distributions.kl_divergence` of two `OneHotCategorical`.
    """
    return tfd.kl_divergence(tfd.OneHotCategorical(logits=logits_q), tfd.OneHotCategorical(logits=logits_p))


def kl_bernoulli(logits_q: tf.Tensor, logits_p: tf.Tensor) -> tf.Tensor:
    """KL between Bernoullis by logits: q (a - b) + softplus(b) - softplus(a), with q = sigmoid(a), a, b the logits.

    By `tfp.distributions.kl_divergence` of two `Bernoulli`.
    """
    return tfd.kl_divergence(tfd.Bernoulli(logits=logits_q), tfd.Bernoulli(logits=logits_p))


def kl_normal_monte_carlo(
    loc_q: tf.Tensor, scale_q: tf.Tensor, loc_p: tf.Tensor, scale_p: tf.Tensor, noise: tf.Tensor
) -> tf.Tensor:
    """Monte-Carlo KL between normals: the mean over samples of log q(x) - log p(x), x = loc_q + scale_q * noise.

    The mean over samples of differences of `tfp.distributions.Normal.log_prob`.
    """
    q, p = tfd.Normal(loc_q, scale_q), tfd.Normal(loc_p, scale_p)
    value = gaussian.reparameterize(loc_q, scale_q, noise)  # [samples, *batch]
    return tf.reduce_mean(q.log_prob(value) - p.log_prob(value), axis=0)


def kl_categorical_monte_carlo(logits_q: tf.Tensor, logits_p: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """Monte-Carlo KL between categoricals: the mean over samples of log q(x) - log p(x), x by the Gumbel-max trick.

    The mean over samples of differences of `tfp.distributions.Categorical.log_prob`.
    """
    q, p = tfd.Categorical(logits=logits_q), tfd.Categorical(logits=logits_p)
    value = tf.argmax(logits_q + noise, axis=-1, output_type=tf.int32)  # [samples, *batch]
    return tf.reduce_mean(q.log_prob(value) - p.log_prob(value), axis=0)


def kl_bernoulli_monte_carlo(logits_q: tf.Tensor, logits_p: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """Monte-Carlo KL between Bernoullis: the mean over samples of log q(x) - log p(x), x = 1 where a + noise > 0.

    The mean over samples of differences of `tfp.distributions.Bernoulli.log_prob`.
    """
    q, p = tfd.Bernoulli(logits=logits_q), tfd.Bernoulli(logits=logits_p)
    value = tf.cast(logits_q + noise > 0, tf.int32)  # [samples, *batch]
    return tf.reduce_mean(q.log_prob(value) - p.log_prob(value), axis=0)
