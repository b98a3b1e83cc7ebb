"""Measure-valued (weak) derivative of a normal."""

from __future__ import annotations

from collections.abc import Callable

from implementations.interface.contract import Array, Arrays, Distribution

__all__ = ["measure_valued"]


def measure_valued(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Measure-valued gradient of a normal, coupled: differences of the objective at two changed coordinates.

    By loc: (f(x: x_i = loc + scale r) - f(x: x_i = loc - scale r)) / (scale sqrt(2 pi)), with r = sqrt(e1^2 + e2^2), of
    the Rayleigh distribution. By scale: (f(x: x_i = loc + scale s m) - f(x: x_i = loc + scale e1)) / scale, with
    m = sqrt(e1^2 + e2^2 + e3^2), of the Maxwell distribution, and s the sign of e1: given m, |e1| / m is uniform, which
    is the coupling of least variance. All other coordinates keep x = loc + scale e1.

    Unbiased for any objective without explicit dependence on the parameters. It evaluates the objective three
    times for each coordinate, and once for all: x_i = loc + scale e1 is x.

    Args:
        distribution: NORMAL.
        objective: f, with one factor.
        parameters: {"loc", "scale"}, both [*event].
        constants: the objective's constants.
        noise: normal noise [replicates, samples, 3, *event]: e1, e2, e3.

    Returns:
        {"loc", "scale"}: [replicates, *event].

    Raises:
        ValueError: the distribution is not a normal, or the objective has factors.

    Reference:
        Mohamed et al., 2020, section 6, table 1 and equation 39; Heidergott, Vazquez-Abad and Volk-Makarewicz,
        Sensitivity estimation for Gaussian systems, European Journal of Operational Research 187, 2008.
    """
    raise NotImplementedError
