"""The normal distribution N(loc, scale^2) in PyTorch: samples, scale transforms, members, and stable primitives."""

from __future__ import annotations

import math

import torch

from implementations.torch import sampling

__all__ = [
    "cdf",
    "entropy",
    "log_prob",
    "prob",
    "reparameterize",
    "sample",
    "scale_from_exp",
    "scale_from_softplus",
    "scale_from_square",
    "softplus_inverse",
]

_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)
#: Beyond 40 standard deviations the density is 0, and the cumulative distribution 0 or 1, in every dtype.
_SATURATION = 40.0


def reparameterize(loc: torch.Tensor, scale: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Transform standard normal noise into a sample: loc + scale * noise."""
    return loc + scale * noise


def scale_from_softplus(unconstrained: torch.Tensor) -> torch.Tensor:
    """Map a real number to a positive scale by softplus: log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)).

    Not `torch.nn.functional.softplus`, which is the identity above 20. `torch.where`, unlike `abs` and `clamp`,
    follows one smooth branch at 0, so derivatives of every order are right there.
    """
    positive = unconstrained > 0
    decay = torch.exp(torch.where(positive, -unconstrained, unconstrained))
    return torch.where(positive, unconstrained, 0.0) + torch.log1p(decay)


def scale_from_square(unconstrained: torch.Tensor) -> torch.Tensor:
    """Map a real number to a non-negative scale by its square: x^2."""
    return torch.square(unconstrained)


def scale_from_exp(unconstrained: torch.Tensor) -> torch.Tensor:
    """Map a log scale to a scale: exp(x)."""
    return torch.exp(unconstrained)


def softplus_inverse(scale: torch.Tensor) -> torch.Tensor:
    """Map a positive scale to the real number whose softplus it is: y + log(-expm1(-y)).

    Above log 2 the logarithm is written log1p(-exp(-y)), whose second derivative does not cancel.
    """
    large = scale > math.log(2.0)
    tail = torch.log1p(-torch.exp(-torch.where(large, scale, 1.0)))
    body = torch.log(-expm1(-torch.where(large, 0.5, scale)))
    return scale + torch.where(large, tail, body)


def log_prob(value: torch.Tensor, loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Log density of the normal: -(value - loc)^2 / (2 scale^2) - log(scale) - log(2 pi) / 2."""
    standard = (value - loc) / scale
    return -0.5 * standard * standard - torch.log(scale) - _HALF_LOG_TWO_PI


def prob(value: torch.Tensor, loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Density of the normal: exp(-(value - loc)^2 / (2 scale^2)) / (scale sqrt(2 pi))."""
    standard = saturated_quotient(value - loc, scale, -_SATURATION, _SATURATION)
    return torch.exp(-0.5 * standard * standard) / (scale * math.sqrt(2.0 * math.pi))


def cdf(value: torch.Tensor, loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Cumulative distribution of the normal: erfc(-z / sqrt 2) / 2 with z = (value - loc) / scale.

    `torch.distributions.Normal.cdf` is written with 1 + erf, and is 0 in the lower tail.
    """
    standard = saturated_quotient(value - loc, scale, -_SATURATION, _SATURATION)
    return 0.5 * torch.special.erfc(-standard / math.sqrt(2.0))


def entropy(loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Differential entropy of the normal: log(scale) + (1 + log(2 pi)) / 2; it does not depend on loc."""
    nats = torch.log(scale) + (0.5 + _HALF_LOG_TWO_PI)
    return nats.expand(torch.broadcast_shapes(loc.shape, scale.shape))


def sample(seed: int, sample_shape: tuple[int, ...], loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Draw normal samples with the framework's own generator."""
    shape = (*sample_shape, *torch.broadcast_shapes(loc.shape, scale.shape))
    return reparameterize(loc, scale, sampling.standard_normal(seed, shape, scale))


def saturated_quotient(numerator: torch.Tensor, denominator: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """Quotient clipped to [low, high], outside which the caller's function is constant to the last bit.

    `torch.clamp` of the quotient would still differentiate a quotient that overflows, and 0 * inf is NaN; here
    the numerator is replaced by 0 before the division.
    """
    below, above = numerator < low * denominator, numerator > high * denominator
    quotient = torch.where(below | above, 0.0, numerator) / denominator
    return torch.where(below, low, torch.where(above, high, quotient))


def sigmoid(logits: torch.Tensor) -> torch.Tensor:
    """Logistic function 1 / (1 + exp(-x)), whose automatic derivative is stable in both tails.

    The derivative of `torch.sigmoid` is s (1 - s), which is 0 from x = 17 on in float32.
    """
    positive = logits > 0
    decay = torch.exp(torch.where(positive, -logits, logits))
    return torch.where(positive, 1.0, decay) / (1.0 + decay)


def expm1(exponent: torch.Tensor) -> torch.Tensor:
    """Exponential minus one, as 2 sinh(x/2) exp(x/2) near 0, accurate when compiled too.

    On the CPU `torch.compile` turns `torch.expm1` into exp(x) - 1, which is 0 at 1e-8 in float32.
    """
    near = torch.abs(exponent) < 1.0
    half = torch.where(near, 0.5 * exponent, 0.0)
    return torch.where(near, 2.0 * torch.sinh(half) * torch.exp(half), torch.exp(exponent) - 1.0)
