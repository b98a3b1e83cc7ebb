"""Gradients of bounds: the objective is a log weight, log w = log p(x, z) - log q(z; parameters)."""

from __future__ import annotations

from collections.abc import Callable

from implementations.interface.contract import Array, Arrays, Distribution

__all__ = ["dreg", "iwae", "sticking_the_landing", "vimco"]


def sticking_the_landing(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Pathwise gradient without the score term: parameters that the objective sees explicitly are held constant.

    The term left out, E[d log q(z; parameters) / d parameters], is 0. Where q is the posterior, log w is constant in z,
    and every sample's gradient is 0.

    Args, returns as in `pathwise.pathwise`; the objective is log w.

    Reference:
        Roeder, Wu and Duvenaud, Sticking the Landing, 2017, equation 6.
    """
    raise NotImplementedError


def iwae(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Pathwise gradient of the importance-weighted bound: d log((1/S) sum_s w_s) / d parameters.

    Args, returns as in `pathwise.pathwise`, but the S samples make one bound, and log w_s is the objective's value, one
    bound for each factor, which are added.

    Reference:
        Burda, Grosse and Salakhutdinov, Importance Weighted Autoencoders, 2016, equation 14.
    """
    raise NotImplementedError


def dreg(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Doubly reparameterized gradient of the bound of `iwae`: sum_s v_s^2 (d log w_s / d z_s) d z_s / d parameters.

    v_s = w_s / sum_t w_t, held constant, as are the parameters that log w sees explicitly. The same mean as `iwae`.

    Args, returns as in `iwae`.

    Reference:
        Tucker, Lawson, Gu and Maddison, Doubly Reparameterized Gradient Estimators, 2019, equation 8.
    """
    raise NotImplementedError


def vimco(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Score-function gradient of the importance-weighted bound, every sample's baseline made of the others.

    sum_s (L - L_(-s)) d log q(z_s) / d parameters + sum_s v_s d log w_s / d parameters, where L = log((1/S) sum w), and
    L_(-s) is L with log w_s replaced by the mean of the others' log w. Samples and weights are held constant.

    Args, returns as in `iwae`, for any distribution with a log_prob; at least two samples.

    Raises:
        ValueError: noise has fewer than two samples.

    Reference:
        Mnih and Rezende, Variational Inference for Monte Carlo Objectives, 2016, equations 8 and 9.
    """
    raise NotImplementedError
