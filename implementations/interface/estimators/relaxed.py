"""Gradients of discrete distributions through the Gumbel-softmax (binary concrete) relaxation."""

from __future__ import annotations

from collections.abc import Callable

from implementations.interface.contract import Array, Arrays, Distribution

__all__ = ["gumbel_rao", "gumbel_softmax", "straight_through", "straight_through_gumbel"]


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


def straight_through(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Straight-through gradient: f and f' at the discrete sample b, d mean / d parameters in place of its derivative.

    Biased but for a linear objective. No temperature.

    Args, returns as in `pathwise.pathwise`, but for a distribution with a mean.

    Raises:
        ValueError: the distribution has no relaxation.

    Reference:
        Bengio, Leonard and Courville, Estimating or Propagating Gradients Through Stochastic Neurons, 2013, section 4.
    """
    raise NotImplementedError


def gumbel_rao(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Straight-through Gumbel gradient, its mean given the discrete sample estimated by K relaxations.

    f' at b, times the mean over k of d softmax((logits + G_k) / T) / d logits, where G_k is the base noise given b,
    held constant: the derivative goes through the parameters of the softmax's input only. Its mean is that of
    `straight_through_gumbel` for every K, and its variance at most that one's.

    Args as in `gumbel_softmax`, but
        noise: base noise [replicates, samples, 1 + K, *event]: the first draw makes b, the others the relaxations.

    Returns:
        {name: [replicates, *param]}.

    Raises:
        ValueError: the distribution has no relaxation.

    Reference:
        Paulus, Maddison and Krause, Rao-Blackwellizing the Straight-Through Gumbel-Softmax Gradient Estimator, 2021,
        equations 7 to 9.
    """
    raise NotImplementedError
