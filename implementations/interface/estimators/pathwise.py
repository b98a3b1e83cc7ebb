"""Pathwise (reparameterization) gradient."""

from __future__ import annotations

from collections.abc import Callable

from implementations.interface.contract import Array, Arrays, Distribution

__all__ = ["pathwise", "pathwise_antithetic"]


def pathwise(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Pathwise gradient: the mean over samples of d f(g(noise, parameters)) / d parameters, x = g(noise, parameters).

    Unbiased for a reparameterizable distribution and an objective that is differentiable almost everywhere and
    continuous.

    Args:
        distribution: a reparameterizable distribution.
        objective: f.
        parameters: {name: [*param]}.
        constants: the objective's constants.
        noise: base noise [replicates, samples, *event].

    Returns:
        {name: [replicates, *param]}.

    Reference:
        Kingma and Welling, 2014, section 2.4; Mohamed et al., 2020, equation 33.
    """
    raise NotImplementedError


def pathwise_antithetic(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Pathwise gradient on pairs: the mean over samples of those at noise and at -noise.

    Unbiased where the base noise is symmetric. Exact for the linear part of d f / d x.

    Args, returns as in `pathwise`; every sample evaluates the objective twice.

    Reference:
        Mohamed et al., 2020, section 7.3; Owen, Monte Carlo theory, methods and examples, 2013, section 8.2.
    """
    raise NotImplementedError
