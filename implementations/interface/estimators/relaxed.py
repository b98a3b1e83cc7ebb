"""Gradients of discrete distributions through the Gumbel-softmax (binary concrete) relaxation."""

from __future__ import annotations

from collections.abc import Callable

from implementations.interface.contract import Array, Arrays, Distribution

__all__ = ["gumbel_softmax", "straight_through_gumbel"]


def gumbel_softmax(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Relaxed gradient: the mean over samples of d f(relaxed_sample) / d parameters.

    Biased for the discrete objective; the bias goes to 0 and the variance to infinity with the temperature.

    Args:
        distribution: a distribution with a relaxation.
        objective: f, defined on relaxed values too.
        parameters: {name: [*param]}.
        constants: the objective's constants and {"temperature": scalar above 0}.
        noise: base noise [replicates, samples, *event].

    Returns:
        {name: [replicates, *param]}.

    Raises:
        ValueError: the distribution has no relaxation.

    Reference:
        Jang, Gu and Poole, 2017, section 2.1; Maddison, Mnih and Teh, 2017, section 3.1.
    """
    raise NotImplementedError


def straight_through_gumbel(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Straight-through Gumbel gradient: f and f' at the discrete sample, d x / d parameters at the relaxed one.

    Args, errors as in `gumbel_softmax`.

    Returns:
        {name: [replicates, *param]}.

    Reference:
        Jang, Gu and Poole, 2017, section 2.2.
    """
    raise NotImplementedError
