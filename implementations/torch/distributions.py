"""The distributions as estimators see them: one `Distribution` of pure functions for each."""

from __future__ import annotations

import torch

from implementations.interface.contract import Distribution
from implementations.torch import bernoulli, categorical, gaussian, gumbel

__all__ = ["BERNOULLI", "CATEGORICAL", "NORMAL"]

Tensors = dict[str, torch.Tensor]


def _normal_sample(parameters: Tensors, noise: torch.Tensor) -> torch.Tensor:
    return gaussian.reparameterize(parameters["loc"], parameters["scale"], noise)


def _normal_log_prob(value: torch.Tensor, parameters: Tensors) -> torch.Tensor:
    return gaussian.log_prob(value, parameters["loc"], parameters["scale"])


def _bernoulli_sample(parameters: Tensors, noise: torch.Tensor) -> torch.Tensor:
    return bernoulli.hard_sample(parameters["logits"], noise)


def _bernoulli_log_prob(value: torch.Tensor, parameters: Tensors) -> torch.Tensor:
    return bernoulli.log_prob(value, parameters["logits"])


def _bernoulli_relaxed_sample(parameters: Tensors, noise: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    return bernoulli.relaxed_sample(parameters["logits"], noise, temperature)


def _categorical_sample(parameters: Tensors, noise: torch.Tensor) -> torch.Tensor:
    return gumbel.hard_sample(parameters["logits"], noise)


def _categorical_log_prob(value: torch.Tensor, parameters: Tensors) -> torch.Tensor:
    return categorical.log_prob(value, parameters["logits"])


def _categorical_relaxed_sample(parameters: Tensors, noise: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    return gumbel.gumbel_softmax(parameters["logits"], noise, temperature)


NORMAL = Distribution("normal", _normal_sample, _normal_log_prob, None)
BERNOULLI = Distribution("logistic", _bernoulli_sample, _bernoulli_log_prob, _bernoulli_relaxed_sample)
CATEGORICAL = Distribution("gumbel", _categorical_sample, _categorical_log_prob, _categorical_relaxed_sample)
