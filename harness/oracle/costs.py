"""The objectives by hand: value, derivative by the sample, and by the parameters where f sees them explicitly.

Samples are [replicates, samples, *event], values [replicates, samples], or [replicates, samples, *factors] where the
terms of an objective are kept apart (the images of a model). Parameters and constants are arrays of long
double.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from harness.oracle import decoders, regressions
from harness.oracle.sized import Real, Sized, cos, exp, log, sigmoid, sin, sized, softplus, square

Arrays = Mapping[str, Real]


class Cost(NamedTuple):
    """An objective.

    Attributes:
        value: (x, parameters, constants) -> f, [replicates, samples, *factors].
        slope: likewise -> d f / d x, [replicates, samples, *event].
        explicit: likewise -> {parameter: d f / d parameter at fixed x}; none where f does not see the parameters.
    """

    value: Callable[[Sized, Arrays, Arrays], Sized]
    slope: Callable[[Sized, Arrays, Arrays], Sized]
    explicit: Callable[[Sized, Arrays, Arrays], dict[str, Sized]] = lambda *_: {}


def over_event(values: Sized) -> Sized:
    """Sum over the event axes."""
    return values.sum(tuple(range(2, values.value.ndim)))


def _distance(x: Sized, constants: Arrays) -> Sized:
    return x - constants.get("k", np.longdouble(0))


def _exponential(x: Sized, constants: Arrays) -> Sized:
    return exp(-(sized(constants["k"]) * square(x)))


def _matrix_times(matrix: Real, x: Sized) -> Sized:
    return Sized(x.value @ matrix.T, x.size @ np.abs(matrix).T)


def _quadratic_form(x: Sized, _: Arrays, constants: Arrays) -> Sized:
    return (x * (_matrix_times(constants["matrix"], x) + constants["linear"])).sum(-1)


def _gaussian_weight(z: Sized, parameters: Arrays, constants: Arrays) -> Sized:
    """Return log p(z) + log p(x | z) - log q(z): two normalisers of log(2 pi) / 2, less one."""
    scale = sized(parameters["scale"])
    standardized = (z - parameters["loc"]) / scale
    terms = square(standardized) * 0.5 + log(scale) - np.log(2 * np.longdouble(np.pi)) / 2
    return over_event(terms - square(z - constants["prior"]) * 0.5 - square(z - constants["x"]) * 0.5)


def _gaussian_weight_slope(z: Sized, parameters: Arrays, constants: Arrays) -> Sized:
    pull = (z - parameters["loc"]) / square(parameters["scale"])
    return pull - (z - constants["prior"]) - (z - constants["x"])


def _gaussian_weight_explicit(z: Sized, parameters: Arrays, constants: Arrays) -> dict[str, Sized]:
    del constants
    scale = sized(parameters["scale"])
    standardized = (z - parameters["loc"]) / scale
    return {"loc": -(standardized / scale), "scale": (1 - square(standardized)) / scale}


def _bits_weight(b: Sized, parameters: Arrays, constants: Arrays) -> Sized:
    """Return log N(x; weights . b, 1) - bits log 2 - sum of b logits - softplus(logits)."""
    logits, bits = sized(parameters["logits"]), b.value.shape[-1]
    distance = (b * constants["weights"]).sum(-1) - constants["x"]
    fixed = np.log(2 * np.longdouble(np.pi)) / 2 + bits * np.log(np.longdouble(2))
    weight: Sized = -(square(distance) * 0.5) - fixed - (b * logits - softplus(logits)).sum(-1)
    return weight


def _bits_weight_slope(b: Sized, parameters: Arrays, constants: Arrays) -> Sized:
    distance: Sized = constants["x"] - (b * constants["weights"]).sum(-1, keepdims=True)
    return distance * constants["weights"] - parameters["logits"]


def _bits_weight_explicit(b: Sized, parameters: Arrays, constants: Arrays) -> dict[str, Sized]:
    del constants
    return {"logits": sigmoid(parameters["logits"]) - b}


#: By the objective's name in `implementations.interface.objectives`.
COSTS: dict[str, Cost] = {
    "quadratic": Cost(lambda x, _, c: over_event(square(_distance(x, c))), lambda x, _, c: _distance(x, c) * 2),
    "norm_squared": Cost(lambda x, *_: over_event(square(x)), lambda x, *_: x * 2),
    "exponential": Cost(
        lambda x, _, c: over_event(_exponential(x, c)), lambda x, _, c: _exponential(x, c) * x * c["k"] * -2
    ),
    "cosine": Cost(lambda x, _, c: over_event(cos(x * c["k"])), lambda x, _, c: -(sin(x * c["k"]) * c["k"])),
    "bernoulli": Cost(
        lambda b, _, c: sized(c["f0"]) + (sized(c["f1"]) - c["f0"]) * b,
        lambda b, _, c: (sized(c["f1"]) - c["f0"]) * np.ones_like(b.value),
    ),
    "bernoulli_quadratic": Cost(
        lambda b, _, c: square(b - c["t"]).mean(-1), lambda b, _, c: (b - c["t"]) * 2 / b.value.shape[-1]
    ),
    "categorical_quadratic": Cost(
        _quadratic_form, lambda x, _, c: _matrix_times(c["matrix"] + c["matrix"].T, x) + c["linear"]
    ),
    "linear_gaussian_weight": Cost(_gaussian_weight, _gaussian_weight_slope, _gaussian_weight_explicit),
    "bernoulli_weight": Cost(_bits_weight, _bits_weight_slope, _bits_weight_explicit),
    "vae": Cost(decoders.vae, decoders.vae_slope, decoders.vae_explicit),
    "categorical_vae": Cost(
        decoders.categorical_vae, decoders.categorical_vae_slope, decoders.categorical_vae_explicit
    ),
    "logistic_regression": Cost(regressions.logistic, regressions.logistic_slope, regressions.explicit),
    "heteroscedastic_regression": Cost(
        regressions.heteroscedastic, regressions.heteroscedastic_slope, regressions.explicit
    ),
}
