"""Score-function gradients in PyTorch with a control variate whose gradient is known otherwise."""

from __future__ import annotations

from collections.abc import Callable

import torch

from implementations.interface.contract import Distribution
from implementations.torch import autodiff
from implementations.torch.estimators.relaxed import relaxation
from implementations.torch.estimators.score_function import sum_within_factors

__all__ = ["muprop", "rebar", "relax"]

Tensors = dict[str, torch.Tensor]


def rebar(
    distribution: Distribution,
    objective: Callable[..., torch.Tensor],
    parameters: Tensors,
    constants: Tensors,
    noise: torch.Tensor,
) -> Tensors:
    """REBAR: (f(b) - c f(s(z~))) d log p(b) / d parameters + c d f(s(z)) / d parameters - c d f(s(z~)) / d parameters.

    One backward pass for all terms.
    """
    return _relaxed_control(distribution, objective, objective, parameters, constants, noise)


def relax(
    distribution: Distribution,
    objective: Callable[..., torch.Tensor],
    parameters: Tensors,
    constants: Tensors,
    noise: torch.Tensor,
) -> Tensors:
    """RELAX: REBAR with a free surrogate, c (f(s) + sum_i (linear s_i + quadratic s_i^2)) in place of c f(s)."""

    def control(soft: torch.Tensor, broadcast: Tensors, constants: Tensors) -> torch.Tensor:
        cost = objective(soft, broadcast, constants)
        return cost + sum_within_factors(
            soft * (constants["surrogate_linear"] + constants["surrogate_quadratic"] * soft), cost
        )

    return _relaxed_control(distribution, objective, control, parameters, constants, noise)


def muprop(
    distribution: Distribution,
    objective: Callable[..., torch.Tensor],
    parameters: Tensors,
    constants: Tensors,
    noise: torch.Tensor,
) -> Tensors:
    """MuProp: (f(b) - f(m) - f'(m) (b - m)) d log p(b) / d parameters + f'(m) d m / d parameters, m the mean of b.

    f(m) and f'(m) are held constant, whatever of the parameters they see.
    """
    relaxation(distribution)
    autodiff.check_noise_shape(parameters, noise)

    def surrogate(broadcast: Tensors) -> torch.Tensor:
        value = distribution.sample(broadcast, noise).detach()
        cost = objective(value, broadcast, constants)  # [replicates, samples, *factors]
        mean = distribution.mean(broadcast)
        held = autodiff.hold(broadcast)

        def at_mean(point: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            cost_there = objective(point, held, constants)
            return cost_there.sum(), cost_there

        slope, cost_at_mean = torch.func.grad(at_mean, has_aux=True)(mean.detach())
        slope, cost_at_mean = slope.detach(), cost_at_mean.detach()
        linear = sum_within_factors(slope * (value - mean.detach()), cost)
        weight = (cost - cost_at_mean - linear).detach()
        log_prob = sum_within_factors(distribution.log_prob(value, broadcast), cost)
        return weight * log_prob + cost + sum_within_factors(slope * mean, cost)

    return autodiff.per_replicate_gradient(surrogate, parameters, noise.shape[0])


def _relaxed_control(
    distribution: Distribution,
    objective: Callable[..., torch.Tensor],
    control: Callable[..., torch.Tensor],
    parameters: Tensors,
    constants: Tensors,
    noise: torch.Tensor,
) -> Tensors:
    """Differentiate stop(f(b) - c h(s(z~))) * log p(b) + f(b) + c h(s(z)) - c h(s(z~)) with b held constant.

    h is `control`. The last three also hold the explicit dependence on the parameters.
    """
    relaxed_sample = relaxation(distribution)
    autodiff.check_noise_shape(parameters, noise, draws=2)
    free, unconditional = noise.unbind(dim=2)
    temperature, coefficient = constants["temperature"], constants["coefficient"]

    def surrogate(broadcast: Tensors) -> torch.Tensor:
        value = distribution.sample(broadcast, free).detach()
        cost = objective(value, broadcast, constants)
        given = distribution.conditional_noise(broadcast, value, unconditional)
        control_free = coefficient * control(relaxed_sample(broadcast, free, temperature), broadcast, constants)
        control_given = coefficient * control(relaxed_sample(broadcast, given, temperature), broadcast, constants)
        weight = (cost - control_given).detach()
        log_prob = sum_within_factors(distribution.log_prob(value, broadcast), cost)
        return weight * log_prob + cost + control_free - control_given

    return autodiff.per_replicate_gradient(surrogate, parameters, noise.shape[0])
