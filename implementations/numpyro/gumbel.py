"""The Gumbel distribution by `numpyro.distributions.Gumbel`, and the Gumbel-softmax by `jax.nn.softmax`."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array

__all__ = [
    "cdf",
    "gumbel_softmax",
    "gumbel_softmax_from_probs",
    "hard_sample",
    "log_prob",
    "noise_from_uniform",
    "prob",
]


def noise_from_uniform(uniform: Array) -> Array:
    """Transform uniform noise into standard Gumbel noise: -log(-log u).

    By `numpyro.distributions.Gumbel.icdf`.
    """
    return dist.Gumbel(validate_args=False).icdf(uniform)


def log_prob(value: Array, loc: Array, scale: Array) -> Array:
    """Log density of the Gumbel: -z - exp(-z) - log(scale) with z = (value - loc) / scale.

    By `numpyro.distributions.Gumbel.log_prob`.
    """
    return dist.Gumbel(loc, scale, validate_args=False).log_prob(value)


def prob(value: Array, loc: Array, scale: Array) -> Array:
    """Density of the Gumbel: exp(-z - exp(-z)) / scale with z = (value - loc) / scale.

    The exponential of `numpyro.distributions.Gumbel.log_prob`.
    """
    return jnp.exp(log_prob(value, loc, scale))


def cdf(value: Array, loc: Array, scale: Array) -> Array:
    """Cumulative distribution of the Gumbel: exp(-exp(-z)) with z = (value - loc) / scale.

    By `numpyro.distributions.Gumbel.cdf`.
    """
    return dist.Gumbel(loc, scale, validate_args=False).cdf(value)


def gumbel_softmax(logits: Array, noise: Array, temperature: Array) -> Array:
    """Relaxed one-hot sample from logits: softmax((logits + noise) / temperature) over the last axis.

    By `jax.nn.softmax`: the line that JAX's users write, since JAX and NumPyro have no Gumbel-softmax.
    """
    return jax.nn.softmax((logits + noise) / temperature[..., None])


def gumbel_softmax_from_probs(probs: Array, noise: Array, temperature: Array) -> Array:
    """Relaxed one-hot sample from probabilities: softmax((log(probs) + noise) / temperature) over the last axis.

    `gumbel_softmax` of the logits of `numpyro.distributions.Categorical`.
    """
    return gumbel_softmax(dist.Categorical(probs=probs, validate_args=False).logits, noise, temperature)


def hard_sample(logits: Array, noise: Array) -> Array:
    """Exact one-hot sample by the Gumbel-max trick: one_hot(argmax(logits + noise)).

    By `jax.nn.one_hot` of the line of `jax.random.categorical`, which draws its noise itself.
    """
    return jax.nn.one_hot(jnp.argmax(noise + logits, axis=-1), logits.shape[-1], dtype=logits.dtype)
