"""The distributions as estimators see them: one `Distribution` of pure functions for each."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import Array

from implementations.interface.contract import Arrays, Distribution
from implementations.jax import bernoulli, beta, categorical, gamma, gaussian, gumbel
from implementations.jax.gaussian import softplus
from implementations.jax.precision import at_least_float32

__all__ = ["BERNOULLI", "BETA", "CATEGORICAL", "GAMMA", "NORMAL"]


@at_least_float32
def _logistic_given_bit(logits: Array, bit: Array, noise: Array) -> Array:
    """Noise l + s (softplus(-s x) + softplus(-s l - softplus(s x))), with the sign s = 2 bit - 1 and x = logits.

    That is z - x with z = s softplus(s l + softplus(s x)), without the difference.
    """
    sign = 2 * bit - 1
    return noise + sign * (softplus(-sign * logits) + softplus(-sign * noise - softplus(sign * logits)))


@at_least_float32
def _gumbel_given_class(logits: Array, one_hot: Array, noise: Array) -> Array:
    """Noise g_k - log p_k of class k, and g_i - softplus(g_i + log p_i - g_k) of the others.

    That is z_i - log p_i, without the difference, which a class of probability 0 would make inf - inf.
    """
    log_probs = gumbel.log_softmax(logits)
    chosen = one_hot > 0
    top = jnp.sum(jnp.where(chosen, noise, 0), axis=-1, keepdims=True)  # z_k = g_k: the maximum is a standard Gumbel
    return noise - jnp.where(chosen, log_probs, softplus(noise + log_probs - top))


@at_least_float32
def _probability_of_one(logits: Array) -> Array:
    return bernoulli.prob(jnp.ones_like(logits), logits)


def _digits(base: int, places: int) -> Array:
    """Return all numbers of so many digits, [base^places, places], the first digit the slowest."""
    weights = jnp.array([base**place for place in reversed(range(places))])
    return jnp.arange(base**places)[:, None] // weights % base


def _all_bits(parameters: Arrays) -> Array:
    logits = parameters["logits"]
    return _digits(2, logits.size).astype(logits.dtype).reshape(-1, *logits.shape)


def _all_one_hot(parameters: Arrays) -> Array:
    logits = parameters["logits"]
    *batch, n = logits.shape
    return jax.nn.one_hot(_digits(n, math.prod(batch)), n, dtype=logits.dtype).reshape(-1, *logits.shape)


def _gamma_derivatives(parameters: Arrays, noise: Array) -> Arrays:
    rate = parameters["rate"]
    return {
        "concentration": gamma.sample_derivative(noise, parameters["concentration"]) / rate,
        "rate": -noise / rate / rate,
    }


def _beta_derivatives(parameters: Arrays, noise: Array) -> Arrays:
    """Quotient rule: d g1 / (g1 + g0) is (1 - x) d g1 / (g1 + g0), and -x d g0 / (g1 + g0)."""
    share = noise / jnp.sum(noise, axis=2, keepdims=True)  # x and 1 - x on axis 2
    by_one, by_zero = (
        gamma.sample_derivative(noise[:, :, draw], parameters[name]) / jnp.sum(noise, axis=2)
        for draw, name in enumerate(("concentration1", "concentration0"))
    )
    return {"concentration1": share[:, :, 1] * by_one, "concentration0": -share[:, :, 0] * by_zero}


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
    conditional_noise=lambda parameters, value, noise: _logistic_given_bit(parameters["logits"], value, noise),
    mean=lambda parameters: _probability_of_one(parameters["logits"]),
    support=_all_bits,
)

CATEGORICAL = Distribution(
    noise="gumbel",
    sample=lambda parameters, noise: gumbel.hard_sample(parameters["logits"], noise),
    log_prob=lambda value, parameters: categorical.log_prob(value, parameters["logits"]),
    relaxed_sample=lambda parameters, noise, temperature: gumbel.gumbel_softmax(
        parameters["logits"], noise, temperature
    ),
    conditional_noise=lambda parameters, value, noise: _gumbel_given_class(parameters["logits"], value, noise),
    mean=lambda parameters: gumbel.softmax(parameters["logits"]),
    support=_all_one_hot,
)

GAMMA = Distribution(
    noise="gamma",
    sample=lambda parameters, noise: noise / parameters["rate"],
    log_prob=lambda value, parameters: gamma.log_prob(value, parameters["concentration"], parameters["rate"]),
    relaxed_sample=None,
    sample_derivatives=_gamma_derivatives,
)

BETA = Distribution(
    noise="gamma",
    sample=lambda _, noise: noise[:, :, 0] / jnp.sum(noise, axis=2),
    log_prob=lambda value, parameters: beta.log_prob(value, parameters["concentration1"], parameters["concentration0"]),
    relaxed_sample=None,
    sample_derivatives=_beta_derivatives,
    draws=2,
)
