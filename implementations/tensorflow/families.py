"""Output distributions as the Fisher information sees them: one `Family` of pure functions for each."""

from __future__ import annotations

import tensorflow as tf

from implementations.interface.contract import Family
from implementations.tensorflow import bernoulli, categorical, gaussian, gumbel
from implementations.tensorflow.bernoulli import sigmoid
from implementations.tensorflow.categorical import softmax, softmax_pullback
from implementations.tensorflow.divergences import kl_bernoulli, kl_categorical, kl_normal

__all__ = ["BERNOULLI", "CATEGORICAL", "NORMAL", "NORMAL_LOG_SCALE", "NORMAL_VARIANCE"]


def _fisher_normal(parameters: dict[str, tf.Tensor], tangents: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Apply diag(1 / scale^2, 2 / scale^2), as products with a reciprocal: scale^2 underflows early."""
    by_scale = 1.0 / parameters["scale"]
    return {"loc": tangents["loc"] * by_scale * by_scale, "scale": 2.0 * tangents["scale"] * by_scale * by_scale}


def _from_log_scale(parameters: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
    """Return loc and scale."""
    return parameters["loc"], gaussian.scale_from_exp(parameters["log_scale"])


def _fisher_normal_log_scale(parameters: dict[str, tf.Tensor], tangents: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Apply diag(exp(-2 log_scale), 2)."""
    return {
        "loc": tangents["loc"] * tf.exp(-2.0 * parameters["log_scale"]),
        "log_scale": 2.0 * tangents["log_scale"],
    }


def _from_variance(parameters: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
    """Return loc and scale."""
    return parameters["loc"], tf.sqrt(parameters["variance"])


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
    noise="normal",
    sample=lambda parameters, noise: gaussian.reparameterize(parameters["loc"], parameters["scale"], noise),
    log_prob=lambda value, parameters: gaussian.log_prob(value, parameters["loc"], parameters["scale"]),
    kl=lambda p, q: kl_normal(p["loc"], p["scale"], q["loc"], q["scale"]),
    fisher=_fisher_normal,
)

NORMAL_LOG_SCALE = Family(
    noise="normal",
    sample=lambda parameters, noise: gaussian.reparameterize(*_from_log_scale(parameters), noise),
    log_prob=lambda value, parameters: gaussian.log_prob(value, *_from_log_scale(parameters)),
    kl=lambda p, q: kl_normal(*_from_log_scale(p), *_from_log_scale(q)),
    fisher=_fisher_normal_log_scale,
)

NORMAL_VARIANCE = Family(
    noise="normal",
    sample=lambda parameters, noise: gaussian.reparameterize(*_from_variance(parameters), noise),
    log_prob=lambda value, parameters: gaussian.log_prob(value, *_from_variance(parameters)),
    kl=lambda p, q: kl_normal(*_from_variance(p), *_from_variance(q)),
    fisher=_fisher_normal_variance,
)

#: F t = p (t - sum(p t)) is the softmax Jacobian, which is symmetric, times t: the pullback that does not cancel.
CATEGORICAL = Family(
    noise="gumbel",
    sample=lambda parameters, noise: gumbel.hard_sample(parameters["logits"], noise),
    log_prob=lambda value, parameters: categorical.log_prob(value, parameters["logits"]),
    kl=lambda p, q: kl_categorical(p["logits"], q["logits"]),
    fisher=lambda parameters, tangents: {
        "logits": softmax_pullback(softmax(parameters["logits"]), tangents["logits"]),
    },
)

BERNOULLI = Family(
    noise="logistic",
    sample=lambda parameters, noise: bernoulli.hard_sample(parameters["logits"], noise),
    log_prob=lambda value, parameters: bernoulli.log_prob(value, parameters["logits"]),
    kl=lambda p, q: kl_bernoulli(p["logits"], q["logits"]),
    fisher=_fisher_bernoulli,
)
