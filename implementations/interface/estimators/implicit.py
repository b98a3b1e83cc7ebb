"""Implicit reparameterization gradient."""

from __future__ import annotations

from collections.abc import Callable

from implementations.interface.contract import Array, Arrays, Distribution

__all__ = ["implicit_reparameterization"]


def implicit_reparameterization(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Implicit reparameterization gradient: the mean over samples of f'(x) d x / d parameters, at fixed cdf of x.

    Differentiating F(x; parameters) = u with u held constant, d x / d parameters = -(dF/d parameters) / p(x): a path
    through the sample without the inverse of F. Unbiased under the conditions of the pathwise gradient.

    Args:
        distribution: one that knows its `sample_derivatives`: GAMMA, BETA.
        objective: f, differentiable almost everywhere and continuous.
        parameters: {name: [*event]}.
        constants: the objective's constants.
        noise: base noise [replicates, samples, *event], or [replicates, samples, draws, *event], drawn at the same
            parameters.

    Returns:
        {name: [replicates, *event]}.

    Raises:
        ValueError: the distribution has no derivatives of its samples.

    Reference:
        Figurnov, Mohamed and Mnih, Implicit Reparameterization Gradients, 2018, section 3; Jankowiak and
        Obermeyer, Pathwise Derivatives Beyond the Reparameterization Trick, 2018.
    """
    raise NotImplementedError
