"""The normal distribution N(loc, scale^2) in PyTorch: samples, scale transforms, members, and stable primitives."""

from __future__ import annotations

import math

import torch

from implementations.torch import sampling
from implementations.torch.precision import at_least_float32

__all__ = [
    "cdf",
    "entropy",
    "icdf",
    "log_cdf",
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
#: Beyond 64 standard deviations the square root of the density is 0 in every dtype, whatever the scale multiplies.
_SATURATION = 64.0
#: From 6 standard deviations on, 22 levels of the continued fraction reach double precision.
_TAIL, _LEVELS = 6.0, 22


@at_least_float32
def reparameterize(loc: torch.Tensor, scale: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Transform standard normal noise into a sample: loc + scale * noise."""
    return loc + scale * noise


@at_least_float32
def scale_from_softplus(unconstrained: torch.Tensor) -> torch.Tensor:
    """Map a real number to a positive scale by softplus: log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)).

    Not `torch.nn.functional.softplus`, which is the identity above 20. `torch.where`, unlike `abs` and `clamp`,
    follows one smooth branch at 0, so derivatives of every order are right there.
    """
    positive = unconstrained > 0
    decay = torch.exp(torch.where(positive, -unconstrained, unconstrained))
    return torch.where(positive, unconstrained, 0.0) + torch.log1p(decay)


@at_least_float32
def scale_from_square(unconstrained: torch.Tensor) -> torch.Tensor:
    """Map a real number to a non-negative scale by its square: x^2."""
    return torch.square(unconstrained)


@at_least_float32
def scale_from_exp(unconstrained: torch.Tensor) -> torch.Tensor:
    """Map a log scale to a scale: exp(x)."""
    return torch.exp(unconstrained)


@at_least_float32
def softplus_inverse(scale: torch.Tensor) -> torch.Tensor:
    """Map a positive scale to the real number whose softplus it is: y + log(-expm1(-y)).

    Above log 2 the logarithm is written log1p(-exp(-y)), whose second derivative does not cancel.
    """
    large = scale > math.log(2.0)
    tail = torch.log1p(-torch.exp(-torch.where(large, scale, 1.0)))
    body = torch.log(-expm1(-torch.where(large, 0.5, scale)))
    return scale + torch.where(large, tail, body)


@at_least_float32
def log_prob(value: torch.Tensor, loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Log density of the normal: -(value - loc)^2 / (2 scale^2) - log(scale) - log(2 pi) / 2."""
    standard = (value - loc) / scale
    return -0.5 * standard * standard - torch.log(scale) - _HALF_LOG_TWO_PI


@at_least_float32
def prob(value: torch.Tensor, loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Density of the normal: exp(-(value - loc)^2 / (2 scale^2)) / (scale sqrt(2 pi)).

    Two equal factors around the division, so that neither underflows where the density of a small scale does not.
    """
    standard = saturated_quotient(value - loc, scale, -_SATURATION, _SATURATION)
    root = torch.exp(-0.25 * standard * standard)
    return (root / scale) * (math.sqrt(0.5 / math.pi) * root)


@at_least_float32
def cdf(value: torch.Tensor, loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Cumulative distribution of the normal: erfc(-z / sqrt 2) / 2 with z = (value - loc) / scale.

    `torch.distributions.Normal.cdf` is written with 1 + erf, and is 0 in the lower tail.
    """
    standard = saturated_quotient(value - loc, scale, -_SATURATION, _SATURATION)
    return 0.5 * torch.special.erfc(-standard / math.sqrt(2.0))


@at_least_float32
def log_cdf(value: torch.Tensor, loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Log of the cumulative distribution of the normal: log Phi(z) with z = (value - loc) / scale.

    In the lower tail -z^2 / 2 - log(h sqrt(2 pi)), where Phi = phi / h and the hazard h of t = -z is Laplace's
    continued fraction t + 1 / (t + 2 / (t + 3 / ...)): its derivatives do not cancel, as those of log erfc do.
    """
    standard = saturated_quotient(value - loc, scale, -math.inf, _SATURATION)
    upper, tail = standard > 0, standard < -_TAIL
    distance = torch.where(tail, 0.0, torch.where(upper, standard, -standard))
    beyond = 0.5 * torch.special.erfc(distance / math.sqrt(2.0))
    body = torch.where(upper, torch.log1p(torch.where(upper, -beyond, 0.0)), torch.log(torch.where(upper, 0.5, beyond)))
    depth = torch.where(tail, -standard, _TAIL)
    return torch.where(tail, -0.5 * depth * depth - _HALF_LOG_TWO_PI - torch.log(_hazard(depth)), body)


def _hazard(depth: torch.Tensor) -> torch.Tensor:
    """Density over tail probability of the standard normal, phi(t) / Phi(-t), for t above `_TAIL`."""
    fraction = depth
    for level in range(_LEVELS, 0, -1):
        fraction = depth + level / fraction
    return fraction


@at_least_float32
def icdf(probability: torch.Tensor, loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Quantile of the normal: loc + scale * Phi^-1(probability)."""
    return loc + scale * torch.special.ndtri(probability)


@at_least_float32
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
