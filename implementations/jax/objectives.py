"""The objectives f whose expectation's gradient is estimated."""

from __future__ import annotations

import math

import jax.numpy as jnp
from jax import Array

from implementations.interface.contract import Arrays
from implementations.jax import bernoulli as bits
from implementations.jax import divergences, gaussian
from implementations.jax.models import categorical_vae as categorical_model
from implementations.jax.models import vae as model

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


def _sum_over_event(value: Array) -> Array:
    return jnp.sum(value, axis=tuple(range(2, value.ndim)))  # [replicates, samples, *event] -> [replicates, samples]


def quadratic(value: Array, parameters: Arrays, constants: Arrays) -> Array:  # noqa: ARG001
    """Squared distance from a target, summed over the event: sum_i (x_i - k)^2."""
    return _sum_over_event(jnp.square(value - constants["k"]))


def norm_squared(value: Array, parameters: Arrays, constants: Arrays) -> Array:  # noqa: ARG001
    """Squared norm, summed over the event: sum_i x_i^2."""
    return _sum_over_event(jnp.square(value))


def bernoulli(value: Array, parameters: Arrays, constants: Arrays) -> Array:  # noqa: ARG001
    """Function of one bit, extended to [0, 1] linearly: f0 + (f1 - f0) b.

    As a convex combination, exact at both ends.
    """
    return (1 - value) * constants["f0"] + value * constants["f1"]


def vae(value: Array, parameters: Arrays, constants: Arrays) -> Array:
    """Evidence lower bound of each image, as a function of its latent: log p(x | z) - KL(q || N(0, I))."""
    log_likelihood = model.log_likelihood_bernoulli(model.decode(constants, value), constants["images"])
    kl = jnp.sum(divergences.kl_standard_normal(parameters["loc"], parameters["scale"]), axis=-1)
    return log_likelihood - kl  # [replicates, samples, images] - [replicates, 1, images]


def exponential(value: Array, parameters: Arrays, constants: Arrays) -> Array:  # noqa: ARG001
    """Sum over the event of exp(-k x_i^2)."""
    return _sum_over_event(jnp.exp(-constants["k"] * jnp.square(value)))


def cosine(value: Array, parameters: Arrays, constants: Arrays) -> Array:  # noqa: ARG001
    """Sum over the event of cos(k x_i)."""
    return _sum_over_event(jnp.cos(constants["k"] * value))


def bernoulli_quadratic(value: Array, parameters: Arrays, constants: Arrays) -> Array:  # noqa: ARG001
    """Mean over the bits of (b_i - t)^2."""
    return jnp.mean(jnp.square(value - constants["t"]), axis=-1)


def categorical_quadratic(value: Array, parameters: Arrays, constants: Arrays) -> Array:  # noqa: ARG001
    """Quadratic form of a vector on the simplex: x^T matrix x + linear^T x."""
    return jnp.sum((value @ constants["matrix"] + constants["linear"]) * value, axis=-1)


def linear_gaussian_weight(value: Array, parameters: Arrays, constants: Arrays) -> Array:
    """Log weight of the linear Gaussian model, log p(x, z) - log q(z): z ~ N(prior, I), x | z ~ N(z, I)."""
    one = jnp.ones_like(value)
    log_prior = gaussian.log_prob(value, constants["prior"], one)
    log_likelihood = gaussian.log_prob(constants["x"], value, one)
    log_q = gaussian.log_prob(value, parameters["loc"], parameters["scale"])
    return _sum_over_event(log_prior + log_likelihood - log_q)


def bernoulli_weight(value: Array, parameters: Arrays, constants: Arrays) -> Array:
    """Log weight of a model with bits, log p(x, b) - log q(b): uniform bits, x | b ~ N(weights . b, 1)."""
    mean = value @ constants["weights"]  # [replicates, samples]
    log_prior = -value.shape[-1] * math.log(2)
    log_likelihood = gaussian.log_prob(constants["x"], mean, jnp.ones_like(mean))
    return log_prior + log_likelihood - _sum_over_event(bits.log_prob(value, parameters["logits"]))


def categorical_vae(value: Array, parameters: Arrays, constants: Arrays) -> Array:
    """Evidence lower bound of each image, as a function of its latent classes: log p(x | z) - KL(q || uniform)."""
    log_likelihood = model.log_likelihood_bernoulli(categorical_model.decode(constants, value), constants["images"])
    uniform = jnp.zeros_like(parameters["logits"])
    kl = jnp.sum(divergences.kl_categorical(parameters["logits"], uniform), axis=-1)
    return log_likelihood - kl  # [replicates, samples, images] - [replicates, 1, images]


def logistic_regression(value: Array, parameters: Arrays, constants: Arrays) -> Array:
    """Log weight of Bayesian logistic regression, log p(y, w | x) - log q(w): w ~ N(0, I), all examples."""
    logits = jnp.einsum("rsi,ni->rsn", value, constants["features"])  # [replicates, samples, examples]
    log_likelihood = jnp.sum(bits.log_prob(constants["labels"], logits), axis=-1)
    return log_likelihood - _log_ratio_to_prior(value, parameters)


def heteroscedastic_regression(value: Array, parameters: Arrays, constants: Arrays) -> Array:
    """Log weight of linear regression of mean and log scale, log p(y, w, v | x) - log q(w, v): (w, v) ~ N(0, I)."""
    heads = jnp.einsum("rshi,ni->hrsn", value, constants["features"])  # [2, replicates, samples, examples]
    log_likelihood = jnp.sum(gaussian.log_prob(constants["targets"], heads[0], jnp.exp(heads[1])), axis=-1)
    return log_likelihood - _log_ratio_to_prior(value, parameters)


def _log_ratio_to_prior(value: Array, parameters: Arrays) -> Array:
    """Return log q(value) - log N(value; 0, I), [replicates, samples]."""
    log_q = gaussian.log_prob(value, parameters["loc"], parameters["scale"])
    return _sum_over_event(log_q - gaussian.log_prob(value, jnp.zeros_like(value), jnp.ones_like(value)))
