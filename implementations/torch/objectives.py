"""The objectives f whose expectation's gradient is estimated, in PyTorch."""

from __future__ import annotations

import math

import torch

from implementations.torch import bernoulli as bernoulli_distribution
from implementations.torch import divergences, gaussian
from implementations.torch.models import categorical_vae as categorical_vae_model
from implementations.torch.models import vae as vae_model

__all__ = [
    "bernoulli",
    "bernoulli_quadratic",
    "bernoulli_weight",
    "categorical_quadratic",
    "categorical_vae",
    "cosine",
    "exponential",
    "heteroscedastic_regression",
    "linear_gaussian_weight",
    "logistic_regression",
    "norm_squared",
    "quadratic",
    "vae",
]

Tensors = dict[str, torch.Tensor]


def _sum_over_event(value: torch.Tensor) -> torch.Tensor:
    # Not sum(dim=()), which in PyTorch sums over every axis.
    return value.reshape(*value.shape[:2], -1).sum(dim=-1)  # [replicates, samples]


def quadratic(value: torch.Tensor, parameters: Tensors, constants: Tensors) -> torch.Tensor:  # noqa: ARG001
    """Squared distance from a target, summed over the event: sum_i (x_i - k)^2."""
    return _sum_over_event(torch.square(value - constants["k"]))


def norm_squared(value: torch.Tensor, parameters: Tensors, constants: Tensors) -> torch.Tensor:  # noqa: ARG001
    """Squared norm, summed over the event: sum_i x_i^2."""
    return _sum_over_event(torch.square(value))


def bernoulli(value: torch.Tensor, parameters: Tensors, constants: Tensors) -> torch.Tensor:  # noqa: ARG001
    """Function of one bit, extended to [0, 1] linearly: f0 + (f1 - f0) b."""
    return constants["f0"] + (constants["f1"] - constants["f0"]) * value


def vae(value: torch.Tensor, parameters: Tensors, constants: Tensors) -> torch.Tensor:
    """Evidence lower bound of each image, as a function of its latent: log p(x | z) - KL(q || N(0, I))."""
    logits = vae_model.decode(constants, value)  # [replicates, samples, images, pixels]
    log_likelihood = vae_model.log_likelihood_bernoulli(logits, constants["images"])
    divergence = divergences.kl_standard_normal(parameters["loc"], parameters["scale"]).sum(dim=-1)
    return log_likelihood - divergence  # [replicates, samples, images] - [replicates, 1, images]


def exponential(value: torch.Tensor, parameters: Tensors, constants: Tensors) -> torch.Tensor:  # noqa: ARG001
    """Sum over the event of exp(-k x_i^2)."""
    return _sum_over_event(torch.exp(-constants["k"] * torch.square(value)))


def cosine(value: torch.Tensor, parameters: Tensors, constants: Tensors) -> torch.Tensor:  # noqa: ARG001
    """Sum over the event of cos(k x_i)."""
    return _sum_over_event(torch.cos(constants["k"] * value))


def bernoulli_quadratic(value: torch.Tensor, parameters: Tensors, constants: Tensors) -> torch.Tensor:  # noqa: ARG001
    """Mean over the bits of (b_i - t)^2."""
    return torch.square(value - constants["t"]).mean(dim=-1)


def categorical_quadratic(value: torch.Tensor, parameters: Tensors, constants: Tensors) -> torch.Tensor:  # noqa: ARG001
    """Quadratic form of a vector on the simplex: x^T matrix x + linear^T x."""
    transformed = (constants["matrix"] * value[..., None, :]).sum(dim=-1)  # [replicates, samples, n]
    return (value * (transformed + constants["linear"])).sum(dim=-1)


def linear_gaussian_weight(value: torch.Tensor, parameters: Tensors, constants: Tensors) -> torch.Tensor:
    """Log weight of the linear Gaussian model, log p(x, z) - log q(z): z ~ N(prior, I), x | z ~ N(z, I)."""
    unit = torch.ones_like(constants["prior"])
    log_prior = gaussian.log_prob(value, constants["prior"], unit)
    log_likelihood = gaussian.log_prob(constants["x"], value, unit)
    return (log_prior + log_likelihood - gaussian.log_prob(value, parameters["loc"], parameters["scale"])).sum(dim=-1)


def bernoulli_weight(value: torch.Tensor, parameters: Tensors, constants: Tensors) -> torch.Tensor:
    """Log weight of a model with bits, log p(x, b) - log q(b): uniform bits, x | b ~ N(weights . b, 1)."""
    loc = (value * constants["weights"]).sum(dim=-1)  # [replicates, samples]
    log_likelihood = gaussian.log_prob(constants["x"], loc, torch.ones_like(constants["x"]))
    log_ratio = -math.log(2.0) - bernoulli_distribution.log_prob(value, parameters["logits"])
    return log_likelihood + log_ratio.sum(dim=-1)


def categorical_vae(value: torch.Tensor, parameters: Tensors, constants: Tensors) -> torch.Tensor:
    """Evidence lower bound of each image, as a function of its latent classes: log p(x | z) - KL(q || uniform)."""
    pixels = categorical_vae_model.decode(constants, value)  # [replicates, samples, images, pixels]
    log_likelihood = vae_model.log_likelihood_bernoulli(pixels, constants["images"])
    logits = parameters["logits"]
    divergence = divergences.kl_categorical(logits, torch.zeros_like(logits)).sum(dim=-1)
    return log_likelihood - divergence  # [replicates, samples, images] - [replicates, 1, images]


def logistic_regression(value: torch.Tensor, parameters: Tensors, constants: Tensors) -> torch.Tensor:
    """Log weight of Bayesian logistic regression, log p(y, w | x) - log q(w): w ~ N(0, I), all examples."""
    logits = value @ constants["features"].mT  # [replicates, samples, examples]
    log_likelihood = bernoulli_distribution.log_prob(constants["labels"], logits).sum(dim=-1)
    return log_likelihood + _standard_normal_over(value, parameters)


def heteroscedastic_regression(value: torch.Tensor, parameters: Tensors, constants: Tensors) -> torch.Tensor:
    """Log weight of linear regression of mean and log scale, log p(y, w, v | x) - log q(w, v): (w, v) ~ N(0, I)."""
    loc, log_scale = (value @ constants["features"].mT).unbind(dim=-2)  # [replicates, samples, examples]
    log_likelihood = gaussian.log_prob(constants["targets"], loc, torch.exp(log_scale)).sum(dim=-1)
    return log_likelihood + _standard_normal_over(value, parameters)


def _standard_normal_over(value: torch.Tensor, parameters: Tensors) -> torch.Tensor:
    """Return log N(value; 0, I) - log q(value), [replicates, samples]."""
    log_prior = gaussian.log_prob(value, torch.zeros_like(value), torch.ones_like(value))
    return _sum_over_event(log_prior - gaussian.log_prob(value, parameters["loc"], parameters["scale"]))
