"""Antithetic gradients of Bernoulli variables by their logits."""

from __future__ import annotations

from collections.abc import Callable

from implementations.interface.contract import Array, Arrays, Distribution

__all__ = ["arm", "disarm"]


def arm(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """ARM: (f(b) - f(b~)) (u - 1/2), with u = sigmoid(noise), b at noise and b~ at -noise.

    Args, returns as in `pathwise.pathwise`; the distribution is BERNOULLI with parameter "logits", and the objective
    does not depend on it explicitly.

    Raises:
        ValueError: the base noise of the distribution is not logistic.

    Reference:
        Yin and Zhou, ARM: Augment-REINFORCE-Merge Gradient, 2019, equation 5.
    """
    raise NotImplementedError


def disarm(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """DisARM: (1/2) (f(b) - f(b~)) (-1)^(b~_i) [b_i != b~_i] sigmoid(|logits_i|): ARM, its mean given b and b~.

    Args, returns, errors as in `arm`.

    Reference:
        Dong, Mnih and Tucker, DisARM: An Antithetic Gradient Estimator for Binary Latent Variables, 2020, equation 8.
    """
    raise NotImplementedError
