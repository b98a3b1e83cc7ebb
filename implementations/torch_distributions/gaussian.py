"""The normal distribution by `torch.distributions.Normal`, and the transforms of `torch.distributions`."""

from __future__ import annotations

import torch
from torch.distributions import Normal
from torch.distributions.transforms import AffineTransform, ExpTransform, PowerTransform, SoftplusTransform

__all__ = [
    "cdf",
    "entropy",
    "icdf",
    "log_cdf",
    "log_prob",
    "prob",
    "reparameterize",
    "scale_from_exp",
    "scale_from_softplus",
    "scale_from_square",
    "softplus_inverse",
]


def reparameterize(loc: torch.Tensor, scale: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Transform standard normal noise into a sample: loc + scale * noise.

    By `torch.distributions.AffineTransform`.
    """
    return AffineTransform(loc, scale)(noise)


def scale_from_softplus(unconstrained: torch.Tensor) -> torch.Tensor:
    """Map a real number to a positive scale by softplus: log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)).

    By `torch.nn.functional.softplus`.
    """
    return torch.nn.functional.softplus(unconstrained)


def scale_from_square(unconstrained: torch.Tensor) -> torch.Tensor:
    """Map a real number to a non-negative scale by its square: x^2.

    By `torch.distributions.PowerTransform`, whose stated domain is the positive numbers.
    """
    return PowerTransform(2)(unconstrained)


def scale_from_exp(unconstrained: torch.Tensor) -> torch.Tensor:
    """Map a log scale to a scale: exp(x).

    By `torch.distributions.ExpTransform`.
    """
    return ExpTransform()(unconstrained)


def softplus_inverse(scale: torch.Tensor) -> torch.Tensor:
    """Map a positive scale to the real number whose softplus it is: y + log(-expm1(-y)).

    By the inverse of `torch.distributions.SoftplusTransform`.
    """
    return SoftplusTransform().inv(scale)


def log_prob(value: torch.Tensor, loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Log density of the normal: -(value - loc)^2 / (2 scale^2) - log(scale) - log(2 pi) / 2.

    By `torch.distributions.Normal.log_prob`.
    """
    return Normal(loc, scale, validate_args=False).log_prob(value)


def prob(value: torch.Tensor, loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Density of the normal: exp(-(value - loc)^2 / (2 scale^2)) / (scale sqrt(2 pi)).

    The exponential of `torch.distributions.Normal.log_prob`.
    """
    return log_prob(value, loc, scale).exp()


def cdf(value: torch.Tensor, loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Cumulative distribution of the normal: erfc(-z / sqrt 2) / 2 with z = (value - loc) / scale.

    By `torch.distributions.Normal.cdf`.
    """
    return Normal(loc, scale, validate_args=False).cdf(value)


def log_cdf(value: torch.Tensor, loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Log of the cumulative distribution of the normal: log Phi(z) with z = (value - loc) / scale.

    By `torch.special.log_ndtr`; `torch.distributions.Normal` has no `log_cdf`.
    """
    return torch.special.log_ndtr((value - loc) / scale)


def icdf(probability: torch.Tensor, loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Quantile of the normal: loc + scale * Phi^-1(probability).

    By `torch.distributions.Normal.icdf`.
    """
    return Normal(loc, scale, validate_args=False).icdf(probability)


def entropy(loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Differential entropy of the normal: log(scale) + (1 + log(2 pi)) / 2; it does not depend on loc.

    By `torch.distributions.Normal.entropy`.
    """
    return Normal(loc, scale, validate_args=False).entropy()
