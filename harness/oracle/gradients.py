"""Exact value and gradient of E f(x) for each problem, in closed form, as a user would write them on paper.

Parameters and constants are float64 arrays, already rounded to the dtype under test; results have the shape of
the parameter. A problem without a closed form (the vae) has no row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64] | np.float64
Arrays = Mapping[str, Float]


class Expectation(NamedTuple):
    """E f and its gradient.

    Attributes:
        value: E f(x), a scalar.
        gradient: {parameter: d E f / d parameter, of the parameter's shape}.
    """

    value: Float
    gradient: dict[str, Float]


def sigmoid(x: Float) -> Float:
    """Return 1 / (1 + exp(-x)) to full relative precision in both tails: exp(-log(1 + exp(-x)))."""
    result: Float = np.exp(-np.logaddexp(0.0, -x))
    return result


def squared_distance(parameters: Arrays, constants: Arrays) -> Expectation:
    """Return E sum_i (x_i - k)^2 = sum_i (loc_i - k)^2 + scale_i^2, x ~ N(loc, scale^2), and its gradient.

    Args:
        parameters: "loc" and "scale" [*event].
        constants: "k"; none means 0.
    """
    distance = parameters["loc"] - constants.get("k", np.float64(0))
    scale = parameters["scale"]
    return Expectation(np.sum(distance**2 + scale**2), {"loc": 2 * distance, "scale": 2 * scale})


def bernoulli(parameters: Arrays, constants: Arrays) -> Expectation:
    """Return E f(b) = (1 - p) f0 + p f1 and its gradient by the logit, p (1 - p) (f1 - f0).

    Args:
        parameters: "logits" [].
        constants: "f0" and "f1".
    """
    one, zero = sigmoid(parameters["logits"]), sigmoid(-parameters["logits"])
    f0, f1 = constants["f0"], constants["f1"]
    return Expectation(zero * f0 + one * f1, {"logits": one * zero * (f1 - f0)})


EXPECTATIONS: dict[str, Callable[[Arrays, Arrays], Expectation]] = {
    "quadratic": squared_distance,
    "norm_squared": squared_distance,
    "bernoulli": bernoulli,
}


def expectation(problem: str, parameters: Arrays, constants: Arrays) -> Expectation | None:
    """Return the exact value and gradient of a problem; None where there is no closed form."""
    exact = EXPECTATIONS.get(problem)
    return None if exact is None else exact(parameters, constants)
