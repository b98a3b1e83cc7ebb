"""The distributions as estimators see them: one `Distribution` of pure functions for each."""

from __future__ import annotations

import math

import torch

from implementations.interface.contract import Distribution
from implementations.torch import bernoulli, beta, categorical, gamma, gaussian, gumbel

__all__ = ["BERNOULLI", "BETA", "CATEGORICAL", "GAMMA", "NORMAL"]

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


def _gamma_sample(parameters: Tensors, noise: torch.Tensor) -> torch.Tensor:
    return noise / parameters["rate"]


def _gamma_log_prob(value: torch.Tensor, parameters: Tensors) -> torch.Tensor:
    return gamma.log_prob(value, parameters["concentration"], parameters["rate"])


def _gamma_sample_derivatives(parameters: Tensors, noise: torch.Tensor) -> Tensors:
    rate = parameters["rate"]
    by_concentration = gamma.sample_derivative(noise, parameters["concentration"]) / rate
    return {"concentration": by_concentration, "rate": -_gamma_sample(parameters, noise) / rate}


def _beta_sample(parameters: Tensors, noise: torch.Tensor) -> torch.Tensor:  # noqa: ARG001 -- they are in the noise
    return noise[:, :, 0] / noise.sum(dim=2)


def _beta_log_prob(value: torch.Tensor, parameters: Tensors) -> torch.Tensor:
    return beta.log_prob(value, parameters["concentration1"], parameters["concentration0"])


def _beta_sample_derivatives(parameters: Tensors, noise: torch.Tensor) -> Tensors:
    one, zero = noise.unbind(dim=2)  # [replicates, samples, *event] each
    total = one + zero
    return {
        "concentration1": gamma.sample_derivative(one, parameters["concentration1"]) * (zero / total) / total,
        "concentration0": -gamma.sample_derivative(zero, parameters["concentration0"]) * (one / total) / total,
    }


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
GAMMA = Distribution("gamma", _gamma_sample, _gamma_log_prob, None, sample_derivatives=_gamma_sample_derivatives)
BETA = Distribution("gamma", _beta_sample, _beta_log_prob, None, sample_derivatives=_beta_sample_derivatives, draws=2)
