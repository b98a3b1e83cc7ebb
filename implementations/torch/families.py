"""Output distributions in PyTorch as the Fisher information sees them: one `Family` of pure functions for each."""

from __future__ import annotations

from collections.abc import Callable

import torch

from implementations.interface.contract import Family
from implementations.interface.fisher import Middle
from implementations.torch import distributions, divergences, gaussian, gumbel
from implementations.torch.categorical import softmax

__all__ = ["BERNOULLI", "CATEGORICAL", "NORMAL", "NORMAL_LOG_SCALE", "NORMAL_VARIANCE"]

Tensors = dict[str, torch.Tensor]


def _normal_kl(p: Tensors, q: Tensors) -> torch.Tensor:
    return divergences.kl_normal(p["loc"], p["scale"], q["loc"], q["scale"])


def _normal_fisher(parameters: Tensors, tangents: Tensors) -> Tensors:
    # Divided twice: the square of a scale leaves the range of the dtype before the quotient does.
    scale = parameters["scale"]
    return {"loc": tangents["loc"] / scale / scale, "scale": 2.0 * (tangents["scale"] / scale / scale)}


def _from_log_scale(parameters: Tensors) -> Tensors:
    return {"loc": parameters["loc"], "scale": gaussian.scale_from_exp(parameters["log_scale"])}


def _normal_log_scale_fisher(parameters: Tensors, tangents: Tensors) -> Tensors:
    inverse = gaussian.scale_from_exp(-parameters["log_scale"])
    return {"loc": tangents["loc"] * inverse * inverse, "log_scale": 2.0 * tangents["log_scale"]}


def _from_variance(parameters: Tensors) -> Tensors:
    return {"loc": parameters["loc"], "scale": torch.sqrt(parameters["variance"])}


def _normal_variance_fisher(parameters: Tensors, tangents: Tensors) -> Tensors:
    variance = parameters["variance"]
    return {
        "loc": tangents["loc"] / variance,
        "variance": 0.5 * (tangents["variance"] / variance / variance),
    }


def _categorical_kl(p: Tensors, q: Tensors) -> torch.Tensor:
    return divergences.kl_categorical(p["logits"], q["logits"])


def _categorical_fisher(parameters: Tensors, tangents: Tensors) -> Tensors:
    # F t = p (t - sum(p t)) is the same for t less any constant. Less the tangent of the likeliest class, nothing
    # cancels where that class has a probability near 1, and a constant tangent is mapped to 0 exactly.
    logits, tangent = parameters["logits"], tangents["logits"]
    probs = softmax(logits)
    relative = tangent - gumbel.select(tangent, gumbel.first_largest(logits))
    return {"logits": probs * (relative - (probs * relative).sum(dim=-1, keepdim=True))}


def _bernoulli_kl(p: Tensors, q: Tensors) -> torch.Tensor:
    return divergences.kl_bernoulli(p["logits"], q["logits"])


def _bernoulli_fisher(parameters: Tensors, tangents: Tensors) -> Tensors:
    # 1 - p is sigmoid(-logits), which does not cancel.
    logits = parameters["logits"]
    return {"logits": gaussian.sigmoid(logits) * gaussian.sigmoid(-logits) * tangents["logits"]}


NORMAL = Family(
    distributions.NORMAL.noise,
    distributions.NORMAL.sample,
    distributions.NORMAL.log_prob,
    _normal_kl,
    _normal_fisher,
)


def _normal_by(loc_scale: Callable[[Tensors], Tensors], fisher: Middle) -> Family:
    """Return the normal family with other parameters: `loc_scale` makes loc and scale of them."""

    def sample(parameters: Tensors, noise: torch.Tensor) -> torch.Tensor:
        return NORMAL.sample(loc_scale(parameters), noise)

    def log_prob(value: torch.Tensor, parameters: Tensors) -> torch.Tensor:
        return NORMAL.log_prob(value, loc_scale(parameters))

    def kl(p: Tensors, q: Tensors) -> torch.Tensor:
        return NORMAL.kl(loc_scale(p), loc_scale(q))

    return Family(NORMAL.noise, sample, log_prob, kl, fisher)


NORMAL_LOG_SCALE = _normal_by(_from_log_scale, _normal_log_scale_fisher)
NORMAL_VARIANCE = _normal_by(_from_variance, _normal_variance_fisher)
CATEGORICAL = Family(
    distributions.CATEGORICAL.noise,
    distributions.CATEGORICAL.sample,
    distributions.CATEGORICAL.log_prob,
    _categorical_kl,
    _categorical_fisher,
)
BERNOULLI = Family(
    distributions.BERNOULLI.noise,
    distributions.BERNOULLI.sample,
    distributions.BERNOULLI.log_prob,
    _bernoulli_kl,
    _bernoulli_fisher,
)
