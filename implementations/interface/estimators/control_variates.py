"""Score-function gradients of discrete distributions with a control variate whose gradient is known otherwise."""

from __future__ import annotations

from collections.abc import Callable

from implementations.interface.contract import Array, Arrays, Distribution

__all__ = ["muprop", "rebar", "relax"]


def rebar(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """REBAR: (f(b) - c f(s(z~))) d log p(b) / d parameters + c d f(s(z)) / d parameters - c d f(s(z~)) / d parameters.

    s is the relaxation at the temperature, z its input, z~ the same given b, whose derivative goes through the
    conditional noise too. c = "coefficient", held constant. Unbiased for every c; c = 0 is the score function.

    Args:
        distribution: a distribution with a relaxation and conditional noise.
        objective: f, defined on relaxed values too.
        parameters: {name: [*param]}.
        constants: the objective's constants, {"temperature": scalar above 0} and {"coefficient": scalar}.
        noise: base noise [replicates, samples, 2, *event]: the first draw makes b and z, the second z~.

    Returns:
        {name: [replicates, *param]}.

    Raises:
        ValueError: the distribution has no relaxation.

    Reference:
        Tucker, Mnih, Maddison, Lawson and Sohl-Dickstein, REBAR, 2017, equation 8.
    """
    raise NotImplementedError


def relax(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """RELAX: REBAR with a free surrogate, c (f(s) + sum_i (linear s_i + quadratic s_i^2)) in place of c f(s).

    Unbiased for every surrogate; with surrogate_linear = surrogate_quadratic = 0 it is REBAR.

    Args, returns, errors as in `rebar`, but
        constants: also {"surrogate_linear": scalar, "surrogate_quadratic": scalar}.

    Reference:
        Grathwohl, Choi, Wu, Roeder and Duvenaud, Backpropagation through the Void, 2018, equation 8.
    """
    raise NotImplementedError


def muprop(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """MuProp: (f(b) - f(m) - f'(m) (b - m)) d log p(b) / d parameters + f'(m) d m / d parameters, m the mean of b.

    Unbiased: the mean of f'(m) (b - m) times the score is f'(m) d m / d parameters.

    Args, returns as in `pathwise.pathwise`, but for a distribution with a mean; the objective is defined at the mean.

    Raises:
        ValueError: the distribution has no relaxation.

    Reference:
        Gu, Levine, Sutskever and Mnih, MuProp, 2016, equation 6.
    """
    raise NotImplementedError
