"""Kullback-Leibler divergences in PyTorch, in closed form and by Monte Carlo, free of cancellation near equality."""

from __future__ import annotations

import torch

from implementations.torch import bernoulli, gumbel
from implementations.torch.categorical import log_softmax, softmax
from implementations.torch.gaussian import expm1
from implementations.torch.gumbel import exponential_remainder, first_largest, select
from implementations.torch.precision import at_least_float32

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

#: artanh(s) = s + s^3 (1 / 3 + s^2 / 5 + ...), enough terms at |s| = 1/7. Every term makes graphs of second
#: derivatives longer.
_ARTANH_SERIES = {
    torch.float32: tuple(1.0 / (2 * k + 3) for k in range(5)),
    torch.float64: tuple(1.0 / (2 * k + 3) for k in range(10)),
}


@at_least_float32
def kl_normal(loc_q: torch.Tensor, scale_q: torch.Tensor, loc_p: torch.Tensor, scale_p: torch.Tensor) -> torch.Tensor:
    """KL of N(loc_q, scale_q^2) from N(loc_p, scale_p^2): log(scale_p / scale_q) + (r^2 + d^2 - 1) / 2.

    With u = r - 1 the rest, (r^2 - 1) / 2 - log r, is u^2 / 2 + (u - log(1 + u)): no term is negative.
    """
    shift = (loc_q - loc_p) / scale_p
    excess = (scale_q - scale_p) / scale_p
    near = torch.abs(excess) < 0.25
    far = 0.5 * excess * (excess + 2.0) - _far_log_ratio(scale_q, scale_p)
    small = torch.where(near, excess, 0.0)
    spread = torch.where(near, 0.5 * small * small + _identity_minus_log1p(small), far)
    return 0.5 * shift * shift + spread


@at_least_float32
def kl_standard_normal(loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """KL of N(loc, scale^2) from N(0, 1): (loc^2 + scale^2 - 1) / 2 - log(scale), free of cancellation near 0."""
    return kl_normal(loc, scale, torch.zeros_like(loc), torch.ones_like(scale))


@at_least_float32
def kl_diagonal_normal(
    loc_q: torch.Tensor, scale_q: torch.Tensor, loc_p: torch.Tensor, scale_p: torch.Tensor
) -> torch.Tensor:
    """KL between normals of diagonal covariance: the sum of `kl_normal` over the last axis."""
    return kl_normal(loc_q, scale_q, loc_p, scale_p).sum(dim=-1)


@at_least_float32
def kl_categorical(logits_q: torch.Tensor, logits_p: torch.Tensor) -> torch.Tensor:
    """KL between categoricals by logits: sum_i q_i (log q_i - log p_i), with 0 log 0 = 0 and q log(q / 0) = inf.

    Since sum_i (p_i - q_i) = 0 it is sum_i q_i (exp(t_i) - 1 - t_i), t_i = log p_i - log q_i: no term is negative.
    """
    logits_q, logits_p = torch.broadcast_tensors(logits_q, logits_p)
    probs_q, probs_p = softmax(logits_q), softmax(logits_p)
    log_ratio = _log_probs_ratio(logits_q, logits_p)
    in_q = logits_q > -torch.inf
    near = in_q & (torch.abs(log_ratio) < 0.5)
    remainder = exponential_remainder(torch.where(near, log_ratio, 0.0))
    terms = torch.where(near, probs_q * remainder, probs_p - probs_q - probs_q * log_ratio)
    return torch.where(in_q & (logits_p == -torch.inf), torch.inf, terms).sum(dim=-1)


@at_least_float32
def kl_bernoulli(logits_q: torch.Tensor, logits_p: torch.Tensor) -> torch.Tensor:
    """KL between Bernoullis by logits: q (a - b) + softplus(b) - softplus(a), with q = sigmoid(a), a, b the logits."""
    return kl_categorical(_two_classes(logits_q), _two_classes(logits_p))


@at_least_float32
def kl_normal_monte_carlo(
    loc_q: torch.Tensor, scale_q: torch.Tensor, loc_p: torch.Tensor, scale_p: torch.Tensor, noise: torch.Tensor
) -> torch.Tensor:
    """Monte-Carlo KL between normals: the mean over samples of log q(x) - log p(x), x = loc_q + scale_q * noise.

    log q(x) - log p(x) = (z^2 - e^2) / 2 - log r, z the sample standardized by p and e the noise, factored near
    equality: x itself, in which a small scale beside a large loc would be lost, is not formed.
    """
    shift = (loc_q - loc_p) / scale_p
    standard = shift + scale_q / scale_p * noise
    difference = shift + (scale_q - scale_p) / scale_p * noise
    log_ratio, near = _log_scale_ratio(scale_q, scale_p)
    far = 0.5 * standard * standard - 0.5 * noise * noise
    return (torch.where(near, 0.5 * difference * (standard + noise), far) - log_ratio).mean(dim=0)


@at_least_float32
def kl_categorical_monte_carlo(logits_q: torch.Tensor, logits_p: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Monte-Carlo KL between categoricals: the mean over samples of log q(x) - log p(x), x by the Gumbel-max trick."""
    value = gumbel.hard_sample(logits_q, noise)  # [samples, *batch, n]
    return _mean_log_ratio(value, logits_q, logits_p)


@at_least_float32
def kl_bernoulli_monte_carlo(logits_q: torch.Tensor, logits_p: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Monte-Carlo KL between Bernoullis: the mean over samples of log q(x) - log p(x), x = 1 where a + noise > 0."""
    one = bernoulli.hard_sample(logits_q, noise)
    value = torch.stack([one, 1.0 - one], dim=-1)  # [samples, *batch, 2]
    return _mean_log_ratio(value, _two_classes(logits_q), _two_classes(logits_p))


def _two_classes(logits: torch.Tensor) -> torch.Tensor:
    return torch.stack([logits, torch.zeros_like(logits)], dim=-1)  # [*batch, 2], classes 1 and 0


def _mean_log_ratio(value: torch.Tensor, logits_q: torch.Tensor, logits_p: torch.Tensor) -> torch.Tensor:
    logits_q, logits_p = torch.broadcast_tensors(logits_q, logits_p)
    log_ratio = torch.where(logits_p == -torch.inf, -torch.inf, _log_probs_ratio(logits_q, logits_p))
    return torch.where(value == 0, 0.0, -log_ratio).sum(dim=-1).mean(dim=0)


def _log_scale_ratio(scale_q: torch.Tensor, scale_p: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return log(scale_q / scale_p), accurate near 0, and where it is taken as near 0."""
    near = torch.abs(scale_q - scale_p) < 0.25 * scale_p
    excess = torch.where(near, scale_q - scale_p, 0.0) / scale_p
    return torch.where(near, torch.log1p(excess), _far_log_ratio(scale_q, scale_p)), near


def _far_log_ratio(scale_q: torch.Tensor, scale_p: torch.Tensor) -> torch.Tensor:
    """Return log(scale_q / scale_p) away from equality.

    Both scales are divided by a constant before the logarithm, their geometric mean: that keeps the logarithms
    small, and no square of a quotient leaves the range of the dtype in a second derivative.
    """
    common = (torch.sqrt(scale_q) * torch.sqrt(scale_p)).detach()
    return torch.log(scale_q / common) - torch.log(scale_p / common)


def _identity_minus_log1p(excess: torch.Tensor) -> torch.Tensor:
    """Return u - log(1 + u) >= 0 for |u| < 1/4: log(1 + u) = 2 artanh(s) with s = u / (2 + u), and u - 2 s = s u."""
    half = excess / (excess + 2.0)
    square = half * half
    series = torch.zeros_like(excess)
    for coefficient in reversed(_ARTANH_SERIES[excess.dtype]):
        series = series * square + coefficient
    return half * (excess - 2.0 * square * series)


def _log_probs_ratio(logits_q: torch.Tensor, logits_p: torch.Tensor) -> torch.Tensor:
    """Return log p_i - log q_i where both are possible, else 0, to full relative precision near equality.

    With k the likeliest class of q and e_i = (b_i - b_k) - (a_i - a_k), it is e_i - log1p(s), s = sum_i q_i expm1(e_i).
    Classes of large e_i enter s as p_i q_k / p_k - q_i, the same number. Rows where q and p differ at k are not near
    equality, and take the difference of the log-probabilities.
    """
    log_q, log_p = log_softmax(logits_q), log_softmax(logits_p)
    possible = (logits_q > -torch.inf) & (logits_p > -torch.inf)
    plain = torch.where(possible, log_p, 0.0) - torch.where(possible, log_q, 0.0)

    is_top = first_largest(logits_q)
    top_ratio = select(plain, is_top)
    near_row = (is_top & possible).any(dim=-1, keepdim=True) & (torch.abs(top_ratio) < 0.4)
    excess = _from_class(logits_p, is_top, possible) - _from_class(logits_q, is_top, possible)
    near = near_row & possible & (excess < 1.0)
    excess = torch.where(near, excess, 0.0)

    probs_q, probs_p = softmax(logits_q), softmax(logits_p)
    odds = torch.exp(-torch.where(near_row, top_ratio, 0.0))  # q_k / p_k
    deviation = torch.where(near, probs_q * expm1(excess), probs_p * odds - probs_q).sum(dim=-1, keepdim=True)
    deviation = torch.where(near_row, deviation, 0.0)
    return torch.where(near, excess - torch.log1p(deviation), plain)


def _from_class(logits: torch.Tensor, chosen: torch.Tensor, possible: torch.Tensor) -> torch.Tensor:
    """Logits less that of the chosen class of each row: large ones are not rounded before they cancel."""
    finite = torch.where(possible, logits, 0.0)
    return finite - select(finite, chosen)
