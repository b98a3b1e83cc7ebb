"""The distributions as estimators see them: one `Distribution` of pure functions for each."""

from __future__ import annotations

import math

import tensorflow as tf

from implementations.interface.contract import Distribution
from implementations.tensorflow import bernoulli, beta, categorical, gamma, gaussian, gumbel
from implementations.tensorflow.precision import at_least_float32

__all__ = ["BERNOULLI", "BETA", "CATEGORICAL", "GAMMA", "NORMAL"]


@at_least_float32
def _conditional_logistic(logits: tf.Tensor, value: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """Logistic noise given the bit that logits + noise makes: both formulas in one, with the sign of the bit."""
    sign = 2.0 * value - 1.0
    return sign * bernoulli.softplus(sign * noise + bernoulli.softplus(sign * logits)) - logits


@at_least_float32
def _conditional_gumbel(logits: tf.Tensor, value: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """Gumbel noise given the class k that logits + noise makes.

    With z_i = log p_i + noise_i: g_k - log p_k at k, elsewhere -logaddexp(-g_i, log p_i - g_k), which is g_i where the
    class is impossible.
    """
    log_probs = categorical.log_softmax(logits)
    chosen = value > 0.0
    largest = tf.reduce_sum(tf.where(chosen, noise, tf.zeros_like(noise)), axis=-1, keepdims=True)  # g_k
    others = noise - bernoulli.softplus(noise - largest + log_probs)
    return tf.where(chosen, largest - log_probs, others)


def _digits(base: int, places: int) -> tf.Tensor:
    """Every number of `places` digits: [base^places, places]."""
    powers = tf.constant([base**place for place in reversed(range(places))])
    return tf.range(base**places)[:, tf.newaxis] // powers % base


def _bits(logits: tf.Tensor) -> tf.Tensor:
    """Every array of bits of the shape of the logits: [2^D, *event]."""
    digits = _digits(2, math.prod(logits.shape))
    return tf.cast(tf.reshape(digits, (-1, *logits.shape)), logits.dtype)


def _one_hot_arrays(logits: tf.Tensor) -> tf.Tensor:
    """Every array of one-hot vectors of the shape of the logits: [n^D, *event]."""
    *leading, classes = logits.shape
    digits = _digits(classes, math.prod(leading))
    return tf.one_hot(tf.reshape(digits, (-1, *leading)), classes, dtype=logits.dtype)


def _gamma_sample(parameters: dict[str, tf.Tensor], noise: tf.Tensor) -> tf.Tensor:
    return noise / parameters["rate"]


def _gamma_derivatives(parameters: dict[str, tf.Tensor], noise: tf.Tensor) -> dict[str, tf.Tensor]:
    """Derivatives of y / rate, where y is the standard variate."""
    by_concentration = gamma.sample_derivative(noise, parameters["concentration"])
    return {
        "concentration": by_concentration / parameters["rate"],
        "rate": -_gamma_sample(parameters, noise) / parameters["rate"],
    }


def _beta_derivatives(parameters: dict[str, tf.Tensor], noise: tf.Tensor) -> dict[str, tf.Tensor]:
    """Derivatives of x = g1 / (g1 + g0): by g1 it is g0 / (g1 + g0)^2, by g0 it is -g1 / (g1 + g0)^2."""
    first, second = tf.unstack(noise, axis=2)
    total = first + second
    return {
        "concentration1": gamma.sample_derivative(first, parameters["concentration1"]) / total * (second / total),
        "concentration0": gamma.sample_derivative(second, parameters["concentration0"]) / total * (-first / total),
    }


NORMAL = Distribution(
    noise="normal",
    sample=lambda parameters, noise: gaussian.reparameterize(parameters["loc"], parameters["scale"], noise),
    log_prob=lambda value, parameters: gaussian.log_prob(value, parameters["loc"], parameters["scale"]),
    relaxed_sample=None,
    mean=lambda parameters: parameters["loc"],
)

BERNOULLI = Distribution(
    noise="logistic",
    sample=lambda parameters, noise: bernoulli.hard_sample(parameters["logits"], noise),
    log_prob=lambda value, parameters: bernoulli.log_prob(value, parameters["logits"]),
    relaxed_sample=lambda parameters, noise, temperature: bernoulli.relaxed_sample(
        parameters["logits"], noise, temperature
    ),
    conditional_noise=lambda parameters, value, noise: _conditional_logistic(parameters["logits"], value, noise),
    mean=lambda parameters: at_least_float32(bernoulli.sigmoid)(parameters["logits"]),
    support=lambda parameters: _bits(parameters["logits"]),
)

CATEGORICAL = Distribution(
    noise="gumbel",
    sample=lambda parameters, noise: gumbel.hard_sample(parameters["logits"], noise),
    log_prob=lambda value, parameters: categorical.log_prob(value, parameters["logits"]),
    relaxed_sample=lambda parameters, noise, temperature: gumbel.gumbel_softmax(
        parameters["logits"], noise, temperature
    ),
    conditional_noise=lambda parameters, value, noise: _conditional_gumbel(parameters["logits"], value, noise),
    mean=lambda parameters: at_least_float32(categorical.softmax)(parameters["logits"]),
    support=lambda parameters: _one_hot_arrays(parameters["logits"]),
)

GAMMA = Distribution(
    noise="gamma",
    sample=_gamma_sample,
    log_prob=lambda value, parameters: gamma.log_prob(value, parameters["concentration"], parameters["rate"]),
    relaxed_sample=None,
    sample_derivatives=_gamma_derivatives,
)

BETA = Distribution(
    noise="gamma",
    sample=lambda _, noise: noise[:, :, 0] / tf.reduce_sum(noise, axis=2),
    log_prob=lambda value, parameters: beta.log_prob(value, parameters["concentration1"], parameters["concentration0"]),
    relaxed_sample=None,
    sample_derivatives=_beta_derivatives,
    draws=2,
)
