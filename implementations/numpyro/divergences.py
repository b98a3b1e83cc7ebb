"""Kullback-Leibler divergences by `numpyro.distributions.kl_divergence`, and Monte Carlo with `log_prob`."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array

from implementations.numpyro import gaussian

__all__ = [
    "kl_bernoulli_monte_carlo",
    "kl_categorical",
    "kl_categorical_monte_carlo",
    "kl_diagonal_normal",
    "kl_normal",
    "kl_normal_monte_carlo",
    "kl_standard_normal",
]


def kl_normal(loc_q: Array, scale_q: Array, loc_p: Array, scale_p: Array) -> Array:
    """KL of N(loc_q, scale_q^2) from N(loc_p, scale_p^2): log(scale_p / scale_q) + (r^2 + d^2 - 1) / 2.

    By `numpyro.distributions.kl_divergence` of two `Normal`.
    """
    return dist.kl_divergence(
        dist.Normal(loc_q, scale_q, validate_args=False), dist.Normal(loc_p, scale_p, validate_args=False)
    )


def kl_standard_normal(loc: Array, scale: Array) -> Array:
    """KL of N(loc, scale^2) from N(0, 1): (loc^2 + scale^2 - 1) / 2 - log(scale), free of cancellation near 0.

    By `numpyro.distributions.kl_divergence` of a `Normal` from the standard one.
    """
    return dist.kl_divergence(dist.Normal(loc, scale, validate_args=False), dist.Normal(validate_args=False))


def kl_diagonal_normal(loc_q: Array, scale_q: Array, loc_p: Array, scale_p: Array) -> Array:
    """KL between normals of diagonal covariance: the sum of `kl_normal` over the last axis.

    By `numpyro.distributions.kl_divergence` of two `Normal` with `to_event(1)`.
    """
    return dist.kl_divergence(
        dist.Normal(loc_q, scale_q, validate_args=False).to_event(1),
        dist.Normal(loc_p, scale_p, validate_args=False).to_event(1),
    )


def kl_categorical(logits_q: Array, logits_p: Array) -> Array:
    """KL between categoricals by logits: sum_i q_i (log q_i - log p_i), with 0 log 0 = 0 and q log(q / 0) = inf.

    By `numpyro.distributions.kl_divergence` of two `CategoricalProbs`; it has no rule for `CategoricalLogits`.
    """
    q = dist.CategoricalProbs(jax.nn.softmax(logits_q), validate_args=False)
    return dist.kl_divergence(q, dist.CategoricalProbs(jax.nn.softmax(logits_p), validate_args=False))


def kl_normal_monte_carlo(loc_q: Array, scale_q: Array, loc_p: Array, scale_p: Array, noise: Array) -> Array:
    """Monte-Carlo KL between normals: the mean over samples of log q(x) - log p(x), x = loc_q + scale_q * noise.

    The mean over samples of differences of `numpyro.distributions.Normal.log_prob`.
    """
    q, p = dist.Normal(loc_q, scale_q, validate_args=False), dist.Normal(loc_p, scale_p, validate_args=False)
    value = gaussian.reparameterize(loc_q, scale_q, noise)  # [samples, *batch]
    return (q.log_prob(value) - p.log_prob(value)).mean(axis=0)


def kl_categorical_monte_carlo(logits_q: Array, logits_p: Array, noise: Array) -> Array:
    """Monte-Carlo KL between categoricals: the mean over samples of log q(x) - log p(x), x by the Gumbel-max trick.

    The mean over samples of differences of `numpyro.distributions.Categorical.log_prob`.
    """
    q = dist.Categorical(logits=logits_q, validate_args=False)
    p = dist.Categorical(logits=logits_p, validate_args=False)
    value = jnp.argmax(logits_q + noise, axis=-1)  # [samples, *batch]
    return (q.log_prob(value) - p.log_prob(value)).mean(axis=0)


def kl_bernoulli_monte_carlo(logits_q: Array, logits_p: Array, noise: Array) -> Array:
    """Monte-Carlo KL between Bernoullis: the mean over samples of log q(x) - log p(x), x = 1 where a + noise > 0.

    The mean over samples of differences of `numpyro.distributions.Bernoulli.log_prob`.
    """
    q, p = dist.Bernoulli(logits=logits_q, validate_args=False), dist.Bernoulli(logits=logits_p, validate_args=False)
    value = (logits_q + noise > 0).astype(noise.dtype)  # [samples, *batch]
    return (q.log_prob(value) - p.log_prob(value)).mean(axis=0)
