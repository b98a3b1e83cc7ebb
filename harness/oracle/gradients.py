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
    gradient: Mapping[str, Float]


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


def exponential(parameters: Arrays, constants: Arrays) -> Expectation:
    """Return E sum_i exp(-k x_i^2) = sum_i w^(-1/2) exp(-k loc^2 / w), w = 1 + 2 k scale^2, and its gradient.

    Args:
        parameters: "loc" and "scale" [*event].
        constants: "k".
    """
    loc, scale, k = parameters["loc"], parameters["scale"], constants["k"]
    width = 1 + 2 * k * scale**2
    bump = np.exp(-k * loc**2 / width) / np.sqrt(width)
    by_width = bump * (k * loc**2 / width - 0.5) / width
    return Expectation(np.sum(bump), {"loc": -2 * k * loc / width * bump, "scale": by_width * 4 * k * scale})


def cosine(parameters: Arrays, constants: Arrays) -> Expectation:
    """Return E sum_i cos(k x_i) = sum_i cos(k loc) exp(-k^2 scale^2 / 2), and its gradient.

    Args:
        parameters: "loc" and "scale" [*event].
        constants: "k".
    """
    loc, scale, k = parameters["loc"], parameters["scale"], constants["k"]
    damped = np.exp(-((k * scale) ** 2) / 2)
    wave = np.cos(k * loc) * damped
    return Expectation(np.sum(wave), {"loc": -k * np.sin(k * loc) * damped, "scale": -(k**2) * scale * wave})


def bernoulli_quadratic(parameters: Arrays, constants: Arrays) -> Expectation:
    """Return E mean_i (b_i - t)^2 = mean_i (1 - p) t^2 + p (1 - t)^2 and its gradient, p (1 - p) (1 - 2 t) / bits.

    Args:
        parameters: "logits" [bits].
        constants: "t".
    """
    one, zero = sigmoid(parameters["logits"]), sigmoid(-parameters["logits"])
    t = constants["t"]
    return Expectation(
        np.float64(np.mean(zero * t**2 + one * (1 - t) ** 2)), {"logits": one * zero * (1 - 2 * t) / np.size(one)}
    )


def categorical_quadratic(parameters: Arrays, constants: Arrays) -> Expectation:
    """Return E x^T M x + l^T x = sum_k p_k (M_kk + l_k) and its gradient, p_k (f_k - E f).

    Args:
        parameters: "logits" [n].
        constants: "matrix" [n, n] and "linear" [n].
    """
    weights = np.exp(parameters["logits"] - np.max(parameters["logits"]))
    probs = weights / np.sum(weights)
    values = np.diagonal(constants["matrix"]) + constants["linear"]
    mean = np.sum(probs * values)
    return Expectation(mean, {"logits": probs * (values - mean)})


def gamma_quadratic(parameters: Arrays, constants: Arrays) -> Expectation:
    """Return E sum_i (x_i - k)^2 = sum_i a_i (a_i + 1) / rate_i^2 - 2 k a_i / rate_i + k^2, and its gradient.

    Args:
        parameters: "concentration" a and "rate" [*event].
        constants: "k".
    """
    a, rate, k = parameters["concentration"], parameters["rate"], constants["k"]
    terms = a * (a + 1) / rate**2 - 2 * k * a / rate + k**2
    by_rate = 2 * a * (k - (a + 1) / rate) / rate**2
    return Expectation(np.sum(terms), {"concentration": ((2 * a + 1) / rate - 2 * k) / rate, "rate": by_rate})


def beta_quadratic(parameters: Arrays, constants: Arrays) -> Expectation:
    """Return E sum_i (x_i - k)^2 and its gradient, from E x = a / s and E x^2 = a (a + 1) / (s (s + 1)), s = a + b.

    Args:
        parameters: "concentration1" a and "concentration0" b [*event].
        constants: "k".
    """
    a, b, k = parameters["concentration1"], parameters["concentration0"], constants["k"]
    s = a + b
    second = a * (a + 1) / (s * (s + 1))
    by_one = second * (b / (a * s) + b / ((a + 1) * (s + 1))) - 2 * k * b / s**2
    by_zero = -second * (1 / s + 1 / (s + 1)) + 2 * k * a / s**2
    return Expectation(np.sum(second - 2 * k * a / s + k**2), {"concentration1": by_one, "concentration0": by_zero})


def gaussian_elbo(parameters: Arrays, constants: Arrays) -> Expectation:
    """Return E log p(x, z) - log q(z) of the linear Gaussian model, and its gradient.

    sum_i -((loc - prior)^2 + (x - loc)^2) / 2 - scale^2 + log scale + (1 - log(2 pi)) / 2.

    Args:
        parameters: "loc" and "scale" [dimension].
        constants: "prior" and "x" [dimension].
    """
    loc, scale = parameters["loc"], parameters["scale"]
    low, high = loc - constants["prior"], constants["x"] - loc
    terms = -(low**2 + high**2) / 2 - scale**2 + np.log(scale) + (1 - np.log(2 * np.pi)) / 2
    return Expectation(np.sum(terms), {"loc": high - low, "scale": 1 / scale - 2 * scale})


EXPECTATIONS: dict[str, Callable[[Arrays, Arrays], Expectation]] = {
    "quadratic": squared_distance,
    "norm_squared": squared_distance,
    "bernoulli": bernoulli,
    "exponential": exponential,
    "cosine": cosine,
    "bernoulli_quadratic": bernoulli_quadratic,
    "categorical_quadratic": categorical_quadratic,
    "gamma_quadratic": gamma_quadratic,
    "beta_quadratic": beta_quadratic,
    "gaussian_elbo": gaussian_elbo,
}


def expectation(problem: str, parameters: Arrays, constants: Arrays, samples: int = 1) -> Expectation | None:
    """Return the exact value and gradient of a problem; None where the oracle has none.

    Args:
        problem: its name.
        parameters: {name: [*event]}.
        constants: of the objective.
        samples: of one gradient, on which a bound depends.
    """
    from harness.oracle import bounds
    from harness.problems import PROBLEMS

    if problem in bounds.BOUNDS:
        return bounds.BOUNDS[problem](parameters, constants, samples)
    added = PROBLEMS[problem].exact if problem in PROBLEMS else None
    if added is not None:
        return Expectation(*added(*({k: np.asarray(v) for k, v in part.items()} for part in (parameters, constants))))
    exact = EXPECTATIONS.get(problem)
    return None if exact is None else exact(parameters, constants)
