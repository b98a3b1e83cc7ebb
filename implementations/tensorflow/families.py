"""Output distributions as the Fisher information sees them: one `Family` of pure functions for each."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from implementations.interface.contract import Family
from implementations.interface.fisher import Middle
from implementations.tensorflow import distributions, gaussian
from implementations.tensorflow.bernoulli import sigmoid
from implementations.tensorflow.categorical import softmax, softmax_pullback
from implementations.tensorflow.divergences import kl_bernoulli, kl_categorical, kl_normal

__all__ = ["BERNOULLI", "CATEGORICAL", "NORMAL", "NORMAL_LOG_SCALE", "NORMAL_VARIANCE"]


def _fisher_normal(parameters: dict[str, tf.Tensor], tangents: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Apply diag(1 / scale^2, 2 / scale^2), as products with a reciprocal: scale^2 underflows early."""
    by_scale = 1.0 / parameters["scale"]
    return {"loc": tangents["loc"] * by_scale * by_scale, "scale": 2.0 * tangents["scale"] * by_scale * by_scale}


def _from_log_scale(parameters: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {"loc": parameters["loc"], "scale": gaussian.scale_from_exp(parameters["log_scale"])}


def _fisher_normal_log_scale(parameters: dict[str, tf.Tensor], tangents: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Apply diag(exp(-2 log_scale), 2)."""
    return {
        "loc": tangents["loc"] * tf.exp(-2.0 * parameters["log_scale"]),
        "log_scale": 2.0 * tangents["log_scale"],
    }


def _from_variance(parameters: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {"loc": parameters["loc"], "scale": tf.sqrt(parameters["variance"])}


def _fisher_normal_variance(parameters: dict[str, tf.Tensor], tangents: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Apply diag(1 / variance, 1 / (2 variance^2)), as products with a reciprocal: variance^2 underflows early."""
    by_variance = 1.0 / parameters["variance"]
    return {
        "loc": tangents["loc"] * by_variance,
        "variance": 0.5 * tangents["variance"] * by_variance * by_variance,
    }


def _fisher_bernoulli(parameters: dict[str, tf.Tensor], tangents: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Apply p (1 - p), with 1 - p = sigmoid(-logits), which does not cancel."""
    logits = parameters["logits"]
    return {"logits": tangents["logits"] * sigmoid(logits) * sigmoid(-logits)}


NORMAL = Family(
    noise=distributions.NORMAL.noise,
    sample=distributions.NORMAL.sample,
    log_prob=distributions.NORMAL.log_prob,
    kl=lambda p, q: kl_normal(p["loc"], p["scale"], q["loc"], q["scale"]),
    fisher=_fisher_normal,
)


def _normal_by(loc_scale: Callable[[dict[str, tf.Tensor]], dict[str, tf.Tensor]], fisher: Middle) -> Family:
    """Return the normal family with other parameters: `loc_scale` makes loc and scale of them."""
    return Family(
        noise=NORMAL.noise,
        sample=lambda parameters, noise: NORMAL.sample(loc_scale(parameters), noise),
        log_prob=lambda value, parameters: NORMAL.log_prob(value, loc_scale(parameters)),
        kl=lambda p, q: NORMAL.kl(loc_scale(p), loc_scale(q)),
        fisher=fisher,
    )


NORMAL_LOG_SCALE = _normal_by(_from_log_scale, _fisher_normal_log_scale)

NORMAL_VARIANCE = _normal_by(_from_variance, _fisher_normal_variance)

#: F t = p (t - sum(p t)) is the softmax Jacobian, which is symmetric, times t: the pullback that does not cancel.
CATEGORICAL = Family(
    noise=distributions.CATEGORICAL.noise,
    sample=distributions.CATEGORICAL.sample,
    log_prob=distributions.CATEGORICAL.log_prob,
    kl=lambda p, q: kl_categorical(p["logits"], q["logits"]),
    fisher=lambda parameters, tangents: {
        "logits": softmax_pullback(softmax(parameters["logits"]), tangents["logits"]),
    },
)

BERNOULLI = Family(
    noise=distributions.BERNOULLI.noise,
    sample=distributions.BERNOULLI.sample,
    log_prob=distributions.BERNOULLI.log_prob,
    kl=lambda p, q: kl_bernoulli(p["logits"], q["logits"]),
    fisher=_fisher_bernoulli,
)
