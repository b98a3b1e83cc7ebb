"""Kullback-Leibler divergences by `torch.distributions.kl_divergence`, and Monte Carlo with `log_prob`."""

from __future__ import annotations

import torch
from torch.distributions import Bernoulli, Independent, Normal, OneHotCategorical, kl_divergence

from implementations.torch_distributions import gaussian, gumbel

__all__ = [
    "kl_bernoulli",
    "kl_bernoulli_monte_carlo",
    "kl_categorical",
    "kl_categorical_monte_carlo",
    "kl_diagonal_normal",
    "kl_normal",
    "kl_normal_monte_carlo",
    "kl_standard_normal",
]


def kl_normal(loc_q: torch.Tensor, scale_q: torch.Tensor, loc_p: torch.Tensor, scale_p: torch.Tensor) -> torch.Tensor:
    """KL of N(loc_q, scale_q^2) from N(loc_p, scale_p^2): log(scale_p / scale_q) + (r^2 + d^2 - 1) / 2.

    By `torch.distributions.kl_divergence` of two `Normal`.
    """
    return kl_divergence(Normal(loc_q, scale_q, validate_args=False), Normal(loc_p, scale_p, validate_args=False))


def kl_standard_normal(loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """KL of N(loc, scale^2) from N(0, 1): (loc^2 + scale^2 - 1) / 2 - log(scale), free of cancellation near 0.

    By `torch.distributions.kl_divergence` of a `Normal` from the standard one.
    """
    standard = Normal(torch.zeros_like(loc), torch.ones_like(scale), validate_args=False)
    return kl_divergence(Normal(loc, scale, validate_args=False), standard)


def kl_diagonal_normal(
    loc_q: torch.Tensor, scale_q: torch.Tensor, loc_p: torch.Tensor, scale_p: torch.Tensor
) -> torch.Tensor:
    """KL between normals of diagonal covariance: the sum of `kl_normal` over the last axis.

    By `torch.distributions.kl_divergence` of two `Independent` `Normal`.
    """
    q = Independent(Normal(loc_q, scale_q, validate_args=False), 1)
    return kl_divergence(q, Independent(Normal(loc_p, scale_p, validate_args=False), 1))


def kl_categorical(logits_q: torch.Tensor, logits_p: torch.Tensor) -> torch.Tensor:
    """KL between categoricals by logits: sum_i q_i (log q_i - log p_i), with 0 log 0 = 0 and q log(q / 0) = inf.

    By `torch.distributions.kl_divergence` of two `OneHotCategorical`.
    """
    q = OneHotCategorical(logits=logits_q, validate_args=False)
    return kl_divergence(q, OneHotCategorical(logits=logits_p, validate_args=False))


def kl_bernoulli(logits_q: torch.Tensor, logits_p: torch.Tensor) -> torch.Tensor:
    """KL between Bernoullis by logits: q (a - b) + softplus(b) - softplus(a), with q = sigmoid(a), a, b the logits.

    By `torch.distributions.kl_divergence` of two `Bernoulli`.
    """
    q = Bernoulli(logits=logits_q, validate_args=False)
    return kl_divergence(q, Bernoulli(logits=logits_p, validate_args=False))


def kl_normal_monte_carlo(
    loc_q: torch.Tensor, scale_q: torch.Tensor, loc_p: torch.Tensor, scale_p: torch.Tensor, noise: torch.Tensor
) -> torch.Tensor:
    """Monte-Carlo KL between normals: the mean over samples of log q(x) - log p(x), x = loc_q + scale_q * noise.

    The mean over samples of differences of `torch.distributions.Normal.log_prob`.
    """
    q, p = Normal(loc_q, scale_q, validate_args=False), Normal(loc_p, scale_p, validate_args=False)
    value = gaussian.reparameterize(loc_q, scale_q, noise)  # [samples, *batch]
    return (q.log_prob(value) - p.log_prob(value)).mean(dim=0)


def kl_categorical_monte_carlo(logits_q: torch.Tensor, logits_p: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Monte-Carlo KL between categoricals: the mean over samples of log q(x) - log p(x), x by the Gumbel-max trick.

    The mean over samples of differences of `torch.distributions.OneHotCategorical.log_prob`.
    """
    q = OneHotCategorical(logits=logits_q, validate_args=False)
    p = OneHotCategorical(logits=logits_p, validate_args=False)
    value = gumbel.hard_sample(logits_q, noise)  # [samples, *batch, n]
    return (q.log_prob(value) - p.log_prob(value)).mean(dim=0)


def kl_bernoulli_monte_carlo(logits_q: torch.Tensor, logits_p: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Monte-Carlo KL between Bernoullis: the mean over samples of log q(x) - log p(x), x = 1 where a + noise > 0.

    The mean over samples of differences of `torch.distributions.Bernoulli.log_prob`.
    """
    q, p = Bernoulli(logits=logits_q, validate_args=False), Bernoulli(logits=logits_p, validate_args=False)
    value = (logits_q + noise > 0).to(noise.dtype)  # [samples, *batch]
    return (q.log_prob(value) - p.log_prob(value)).mean(dim=0)
