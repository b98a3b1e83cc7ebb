"""Output distributions as the Fisher information sees them: one `Family` of pure functions for each."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp

from implementations.interface.contract import Arrays, Family
from implementations.interface.fisher import Middle
from implementations.jax import bernoulli, distributions, divergences, gaussian, gumbel

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


NORMAL = Family(
    noise=distributions.NORMAL.noise,
    sample=distributions.NORMAL.sample,
    log_prob=distributions.NORMAL.log_prob,
    kl=lambda p, q: divergences.kl_normal(p["loc"], p["scale"], q["loc"], q["scale"]),
    fisher=_normal_fisher,
)


def _normal_by(loc_scale: Callable[[Arrays], Arrays], fisher: Middle) -> Family:
    """Return the normal family with other parameters: `loc_scale` makes loc and scale of them."""
    return Family(
        noise=NORMAL.noise,
        sample=lambda parameters, noise: NORMAL.sample(loc_scale(parameters), noise),
        log_prob=lambda value, parameters: NORMAL.log_prob(value, loc_scale(parameters)),
        kl=lambda p, q: NORMAL.kl(loc_scale(p), loc_scale(q)),
        fisher=fisher,
    )


NORMAL_LOG_SCALE = _normal_by(_with_log_scale, _log_scale_fisher)

NORMAL_VARIANCE = _normal_by(_with_variance, _variance_fisher)

CATEGORICAL = Family(
    noise=distributions.CATEGORICAL.noise,
    sample=distributions.CATEGORICAL.sample,
    log_prob=distributions.CATEGORICAL.log_prob,
    kl=lambda p, q: divergences.kl_categorical(p["logits"], q["logits"]),
    fisher=_categorical_fisher,
)

BERNOULLI = Family(
    noise=distributions.BERNOULLI.noise,
    sample=distributions.BERNOULLI.sample,
    log_prob=distributions.BERNOULLI.log_prob,
    kl=lambda p, q: divergences.kl_bernoulli(p["logits"], q["logits"]),
    fisher=_bernoulli_fisher,
)
