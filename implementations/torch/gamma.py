"""The gamma distribution in PyTorch: log density, and the derivative of a variate by its concentration."""

from __future__ import annotations

import torch

from implementations.torch.gaussian import expm1
from implementations.torch.precision import at_least_float32

__all__ = ["log_prob", "sample_derivative"]

#: Nodes of the trapezoidal rule in t: first, last, and steps in a unit.
_FIRST, _LAST, _PER_UNIT = -28, 36, 8
#: Coefficients of 1 / a^2, 1 / a^4, ... in psi(a + 1) - log a - 1 / (2 a): Abramowitz and Stegun, 1964, 6.3.18.
_STIRLING = (-1 / 12, 1 / 120, -1 / 252, 1 / 240, -1 / 132, 691 / 32760, -1 / 12, 3617 / 8160)
#: From here on they reach double precision.
_LARGE = 8.0


@at_least_float32
def log_prob(value: torch.Tensor, concentration: torch.Tensor, rate: torch.Tensor) -> torch.Tensor:
    """Log density of the gamma: (a - 1) log x + a log(rate) - rate x - log Gamma(a), a the concentration."""
    powers = (concentration - 1.0) * torch.log(value) + concentration * torch.log(rate)
    return powers - rate * value - torch.lgamma(concentration)


@at_least_float32
def sample_derivative(value: torch.Tensor, concentration: torch.Tensor) -> torch.Tensor:
    """Derivative of a standard gamma variate by its concentration at a fixed quantile: -(dF/da) / p, with F the cdf.

    Not `torch._standard_gamma_grad`, whose rational approximations are off by up to 5e-4.
    """
    x, a = torch.broadcast_tensors(value, concentration)
    depth = _digamma_less_log(a) - torch.log(x / a)  # psi(a + 1) - log x
    below = depth >= 0
    distance = torch.where(below, depth, 1.0 / a - depth)
    power = torch.where(below, a + 1.0, 1.0 - a)

    t = torch.arange(_FIRST, _LAST + 1, dtype=x.dtype, device=x.device) / _PER_UNIT
    nodes = torch.exp(t - torch.exp(-t))
    weights = nodes * (1.0 + torch.exp(-t)) / _PER_UNIT
    width = 1.0 / (torch.abs(a - x) + torch.sqrt(x) + 0.5)  # on which the integrand falls
    u = width[..., None] * nodes  # [*event, nodes]
    lower = below[..., None]
    logs = torch.where(lower, u, torch.log1p(u))
    decay = power[..., None] * logs + x[..., None] * torch.where(lower, expm1(-u), u)
    integral = width * ((logs + distance[..., None]) * torch.exp(-decay) * weights).sum(dim=-1)
    return torch.where(below, (depth + x * integral) * (x / a), x * integral)


def _digamma_less_log(a: torch.Tensor) -> torch.Tensor:
    """Return psi(a + 1) - log a, which cancels for a large a: by Stirling's series there."""
    large = a >= _LARGE
    inverse = 1.0 / torch.where(large, a, _LARGE)
    square = inverse * inverse
    series = torch.zeros_like(a)
    for coefficient in reversed(_STIRLING):
        series = (series + coefficient) * square
    return torch.where(large, 0.5 * inverse + series, torch.digamma(a + 1.0) - torch.log(a))
