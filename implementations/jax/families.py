"""Output distributions as the Fisher information sees them: one `Family` of pure functions for each."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from implementations.interface.contract import Arrays, Family
from implementations.jax import bernoulli, categorical, divergences, gaussian, gumbel

__all__ = ["BERNOULLI", "CATEGORICAL", "NORMAL", "NORMAL_LOG_SCALE", "NORMAL_VARIANCE"]


def _normal_fisher(parameters: Arrays, tangents: Arrays) -> Arrays:
    """Divide twice by the scale: its square may leave the range of the dtype."""
    scale = parameters["scale"]
    return {"loc": tangents["loc"] / scale / scale, "scale": 2 * (tangents["scale"] / scale / scale)}


def _with_log_scale(parameters: Arrays) -> Arrays:
    return {"loc": parameters["loc"], "scale": gaussian.scale_from_exp(parameters["log_scale"])}


def _with_variance(parameters: Arrays) -> Arrays:
    return {"loc": parameters["loc"], "scale": jnp.sqrt(parameters["variance"])}


def _log_scale_fisher(parameters: Arrays, tangents: Arrays) -> Arrays:
    scale = gaussian.scale_from_exp(parameters["log_scale"])
    return {"loc": tangents["loc"] / scale / scale, "log_scale": 2 * tangents["log_scale"]}


def _variance_fisher(parameters: Arrays, tangents: Arrays) -> Arrays:
    variance = parameters["variance"]
    return {"loc": tangents["loc"] / variance, "variance": 0.5 * (tangents["variance"] / variance / variance)}


def _categorical_fisher(parameters: Arrays, tangents: Arrays) -> Arrays:
    """Centre before multiplying: p (t - p.t), so that a constant tangent gives 0 up to the rounding of p.t."""
    probs = gumbel.softmax(parameters["logits"])
    return {"logits": probs * gumbel.centered(probs, tangents["logits"])}


def _bernoulli_fisher(parameters: Arrays, tangents: Arrays) -> Arrays:
    """Multiply the masses of 0 and 1: p (1 - p) would lose the smaller one where p rounds to 1."""
    logits = parameters["logits"]
    zero, one = jnp.zeros_like(logits), jnp.ones_like(logits)
    return {"logits": bernoulli.prob(zero, logits) * bernoulli.prob(one, logits) * tangents["logits"]}


def _sample(parameters: Arrays, noise: Array) -> Array:
    return gaussian.reparameterize(parameters["loc"], parameters["scale"], noise)


def _log_prob(value: Array, parameters: Arrays) -> Array:
    return gaussian.log_prob(value, parameters["loc"], parameters["scale"])


def _kl(p: Arrays, q: Arrays) -> Array:
    return divergences.kl_normal(p["loc"], p["scale"], q["loc"], q["scale"])


NORMAL = Family(noise="normal", sample=_sample, log_prob=_log_prob, kl=_kl, fisher=_normal_fisher)

NORMAL_LOG_SCALE = Family(
    noise="normal",
    sample=lambda parameters, noise: _sample(_with_log_scale(parameters), noise),
    log_prob=lambda value, parameters: _log_prob(value, _with_log_scale(parameters)),
    kl=lambda p, q: _kl(_with_log_scale(p), _with_log_scale(q)),
    fisher=_log_scale_fisher,
)

NORMAL_VARIANCE = Family(
    noise="normal",
    sample=lambda parameters, noise: _sample(_with_variance(parameters), noise),
    log_prob=lambda value, parameters: _log_prob(value, _with_variance(parameters)),
    kl=lambda p, q: _kl(_with_variance(p), _with_variance(q)),
    fisher=_variance_fisher,
)

CATEGORICAL = Family(
    noise="gumbel",
    sample=lambda parameters, noise: gumbel.hard_sample(parameters["logits"], noise),
    log_prob=lambda value, parameters: categorical.log_prob(value, parameters["logits"]),
    kl=lambda p, q: divergences.kl_categorical(p["logits"], q["logits"]),
    fisher=_categorical_fisher,
)

BERNOULLI = Family(
    noise="logistic",
    sample=lambda parameters, noise: bernoulli.hard_sample(parameters["logits"], noise),
    log_prob=lambda value, parameters: bernoulli.log_prob(value, parameters["logits"]),
    kl=lambda p, q: divergences.kl_bernoulli(p["logits"], q["logits"]),
    fisher=_bernoulli_fisher,
)
