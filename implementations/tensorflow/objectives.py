"""The objectives f whose expectation's gradient is estimated."""

from __future__ import annotations

import math

import tensorflow as tf

from implementations.tensorflow import bernoulli as bits
from implementations.tensorflow import divergences, gaussian
from implementations.tensorflow.models import categorical_vae as categorical_model
from implementations.tensorflow.models import vae as model

__all__ = [
    "bernoulli",
    "bernoulli_quadratic",
    "bernoulli_weight",
    "categorical_quadratic",
    "categorical_vae",
    "cosine",
    "exponential",
    "heteroscedastic_regression",
    "linear_gaussian_weight",
    "logistic_regression",
    "norm_squared",
    "quadratic",
    "vae",
]


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


def exponential(value: tf.Tensor, parameters: dict[str, tf.Tensor], constants: dict[str, tf.Tensor]) -> tf.Tensor:  # noqa: ARG001
    """Sum over the event of exp(-k x_i^2)."""
    return _sum_over_event(tf.exp(-constants["k"] * tf.square(value)))


def cosine(value: tf.Tensor, parameters: dict[str, tf.Tensor], constants: dict[str, tf.Tensor]) -> tf.Tensor:  # noqa: ARG001
    """Sum over the event of cos(k x_i)."""
    return _sum_over_event(tf.cos(constants["k"] * value))


def bernoulli_quadratic(
    value: tf.Tensor,
    parameters: dict[str, tf.Tensor],  # noqa: ARG001
    constants: dict[str, tf.Tensor],
) -> tf.Tensor:
    """Mean over the bits of (b_i - t)^2."""
    return tf.reduce_mean(tf.square(value - constants["t"]), axis=-1)


def categorical_quadratic(
    value: tf.Tensor,
    parameters: dict[str, tf.Tensor],  # noqa: ARG001
    constants: dict[str, tf.Tensor],
) -> tf.Tensor:
    """Quadratic form of a vector on the simplex: x^T matrix x + linear^T x."""
    weights = tf.tensordot(value, constants["matrix"], axes=1) + constants["linear"]  # [replicates, samples, n]
    return tf.reduce_sum(weights * value, axis=-1)


def linear_gaussian_weight(
    value: tf.Tensor, parameters: dict[str, tf.Tensor], constants: dict[str, tf.Tensor]
) -> tf.Tensor:
    """Log weight of the linear Gaussian model, log p(x, z) - log q(z): z ~ N(prior, I), x | z ~ N(z, I)."""
    one = tf.ones_like(constants["x"])
    prior = gaussian.log_prob(value, constants["prior"], one)
    likelihood = gaussian.log_prob(constants["x"], value, one)
    posterior = gaussian.log_prob(value, parameters["loc"], parameters["scale"])
    return tf.reduce_sum(prior + likelihood - posterior, axis=-1)


def bernoulli_weight(value: tf.Tensor, parameters: dict[str, tf.Tensor], constants: dict[str, tf.Tensor]) -> tf.Tensor:
    """Log weight of a model with bits, log p(x, b) - log q(b): uniform bits, x | b ~ N(weights . b, 1)."""
    mean = tf.reduce_sum(constants["weights"] * value, axis=-1)  # [replicates, samples]
    likelihood = gaussian.log_prob(constants["x"], mean, tf.ones_like(mean))
    posterior = tf.reduce_sum(bits.log_prob(value, parameters["logits"]), axis=-1)
    return likelihood - value.shape[-1] * math.log(2.0) - posterior


def categorical_vae(value: tf.Tensor, parameters: dict[str, tf.Tensor], constants: dict[str, tf.Tensor]) -> tf.Tensor:
    """Evidence lower bound of each image, as a function of its latent classes: log p(x | z) - KL(q || uniform)."""
    pixels = categorical_model.decode(constants, value)  # [replicates, samples, images, pixels]
    log_likelihood = model.log_likelihood_bernoulli(pixels, constants["images"])
    logits = parameters["logits"]
    kl = tf.reduce_sum(divergences.kl_categorical(logits, tf.zeros_like(logits)), axis=-1)
    return log_likelihood - kl  # [replicates, samples, images]


def logistic_regression(
    value: tf.Tensor, parameters: dict[str, tf.Tensor], constants: dict[str, tf.Tensor]
) -> tf.Tensor:
    """Log weight of Bayesian logistic regression, log p(y, w | x) - log q(w): w ~ N(0, I), all examples."""
    logits = tf.tensordot(value, constants["features"], axes=[[2], [1]])  # [replicates, samples, examples]
    likelihood = tf.reduce_sum(bits.log_prob(constants["labels"], logits), axis=-1)
    return likelihood + _prior_less_posterior(value, parameters)


def heteroscedastic_regression(
    value: tf.Tensor, parameters: dict[str, tf.Tensor], constants: dict[str, tf.Tensor]
) -> tf.Tensor:
    """Log weight of linear regression of mean and log scale, log p(y, w, v | x) - log q(w, v): (w, v) ~ N(0, I)."""
    heads = tf.tensordot(value, constants["features"], axes=[[3], [1]])  # [replicates, samples, 2, examples]
    loc, log_scale = tf.unstack(heads, axis=2)
    likelihood = tf.reduce_sum(gaussian.log_prob(constants["targets"], loc, tf.exp(log_scale)), axis=-1)
    return likelihood + _prior_less_posterior(value, parameters)


def _prior_less_posterior(value: tf.Tensor, parameters: dict[str, tf.Tensor]) -> tf.Tensor:
    """Return log N(value; 0, I) - log q(value), [replicates, samples]."""
    prior = gaussian.log_prob(value, tf.zeros_like(value), tf.ones_like(value))
    return _sum_over_event(prior - gaussian.log_prob(value, parameters["loc"], parameters["scale"]))


def _sum_over_event(terms: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(terms, axis=list(range(2, terms.shape.rank)))  # [replicates, samples]
