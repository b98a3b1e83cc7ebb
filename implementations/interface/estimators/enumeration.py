"""Exact gradient of a discrete expectation."""

from __future__ import annotations

from collections.abc import Callable

from implementations.interface.contract import Array, Arrays, Distribution

__all__ = ["exact"]


def exact(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Exact gradient: the sum over the support of d (p(x) f(x)) / d parameters, the same in every replicate.

    Args:
        distribution: a distribution with a support.
        objective: f, with one factor.
        parameters: {name: [*param]}.
        constants: the objective's constants.
        noise: base noise [replicates, samples, *event]; only its shape is used.

    Returns:
        {name: [replicates, *param]}.

    Raises:
        ValueError: the distribution has no support that could be enumerated, or one that is too large
            (`outcomes.LARGEST`).

    Reference:
        Mohamed et al., 2020, section 2.1: the expectation itself.
    """
    raise NotImplementedError
