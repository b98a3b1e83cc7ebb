"""The distributions as estimators see them: one `Distribution` of pure functions for each."""

from __future__ import annotations

import math

import torch

from implementations.interface.contract import Distribution
from implementations.torch import bernoulli, categorical, gaussian, gumbel

__all__ = ["BERNOULLI", "CATEGORICAL", "NORMAL"]

Tensors = dict[str, torch.Tensor]


def _normal_sample(parameters: Tensors, noise: torch.Tensor) -> torch.Tensor:
    return gaussian.reparameterize(parameters["loc"], parameters["scale"], noise)


def _normal_log_prob(value: torch.Tensor, parameters: Tensors) -> torch.Tensor:
    return gaussian.log_prob(value, parameters["loc"], parameters["scale"])


def _normal_mean(parameters: Tensors) -> torch.Tensor:
    return parameters["loc"]


def _bernoulli_sample(parameters: Tensors, noise: torch.Tensor) -> torch.Tensor:
    return bernoulli.hard_sample(parameters["logits"], noise)


def _bernoulli_log_prob(value: torch.Tensor, parameters: Tensors) -> torch.Tensor:
    return bernoulli.log_prob(value, parameters["logits"])


def _bernoulli_relaxed_sample(parameters: Tensors, noise: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    return bernoulli.relaxed_sample(parameters["logits"], noise, temperature)


def _bernoulli_conditional_noise(parameters: Tensors, value: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    # z - logits, where softplus(x) - x = softplus(-x), so that large terms are not subtracted
    sign = 2.0 * value - 1.0
    depth = gaussian.scale_from_softplus(-sign * noise) - sign * parameters["logits"]
    return noise + sign * gaussian.scale_from_softplus(depth)


def _bernoulli_mean(parameters: Tensors) -> torch.Tensor:
    return gaussian.sigmoid(parameters["logits"])


def _bernoulli_support(parameters: Tensors) -> torch.Tensor:
    logits = parameters["logits"]
    return _digits(2, logits.numel(), logits).reshape(-1, *logits.shape).to(logits.dtype)


def _categorical_sample(parameters: Tensors, noise: torch.Tensor) -> torch.Tensor:
    return gumbel.hard_sample(parameters["logits"], noise)


def _categorical_log_prob(value: torch.Tensor, parameters: Tensors) -> torch.Tensor:
    return categorical.log_prob(value, parameters["logits"])


def _categorical_relaxed_sample(parameters: Tensors, noise: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    return gumbel.gumbel_softmax(parameters["logits"], noise, temperature)


def _categorical_conditional_noise(parameters: Tensors, value: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    # z - log p, where -logaddexp(-g - log p, -g_k) - log p = g - softplus(g + log p - g_k), finite at p = 0 too
    chosen = value > 0
    log_probs = categorical.log_softmax(parameters["logits"])
    top = gumbel.select(noise, chosen)  # g_k, [*batch, 1]
    others = noise - gaussian.scale_from_softplus(noise + log_probs - top)
    return torch.where(chosen, noise - log_probs, others)


def _categorical_mean(parameters: Tensors) -> torch.Tensor:
    return categorical.softmax(parameters["logits"])


def _categorical_support(parameters: Tensors) -> torch.Tensor:
    logits = parameters["logits"]
    *batch, classes = logits.shape
    chosen = _digits(classes, math.prod(batch), logits)[..., None]  # [points, vectors, 1]
    one_hot = chosen == torch.arange(classes, device=logits.device)
    return one_hot.reshape(-1, *logits.shape).to(logits.dtype)


def _digits(base: int, places: int, like: torch.Tensor) -> torch.Tensor:
    """Return the digits of 0 to base^places - 1, the first the most significant: integers [base^places, places]."""
    numbers = torch.arange(base**places, device=like.device)[:, None]
    powers = torch.tensor([base**place for place in reversed(range(places))], device=like.device)
    return numbers // powers % base


NORMAL = Distribution("normal", _normal_sample, _normal_log_prob, None, mean=_normal_mean)
BERNOULLI = Distribution(
    "logistic",
    _bernoulli_sample,
    _bernoulli_log_prob,
    _bernoulli_relaxed_sample,
    _bernoulli_conditional_noise,
    _bernoulli_mean,
    _bernoulli_support,
)
CATEGORICAL = Distribution(
    "gumbel",
    _categorical_sample,
    _categorical_log_prob,
    _categorical_relaxed_sample,
    _categorical_conditional_noise,
    _categorical_mean,
    _categorical_support,
)
