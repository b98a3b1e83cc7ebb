"""Exact gradient of an importance-weighted bound E log((1/S) sum_s w_s): quadrature, and enumeration.

The samples of a normal are integrated by a Gauss-Hermite product rule over all S D numbers, those of bits enumerated;
the integrand's gradient is the hand-written one of `estimators`. Where the rule would have too many points there is no
exact gradient.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from harness.oracle.costs import COSTS
from harness.oracle.estimators import GRADIENTS, Given
from harness.oracle.gradients import Expectation
from harness.oracle.quadrature import LARGEST, POINTS, hermite, product
from harness.oracle.samplers import SAMPLERS
from harness.oracle.sized import exp, log_sum_exp, sized

Arrays = Mapping[str, NDArray[np.float64] | np.float64]


def _wide(arrays: Arrays) -> dict[str, NDArray[np.longdouble]]:
    return {name: np.asarray(value, np.longdouble) for name, value in arrays.items()}


def linear_gaussian(parameters: Arrays, constants: Arrays, samples: int) -> Expectation | None:
    """Return value and gradient of the bound of the linear Gaussian model.

    Args:
        parameters: "loc" and "scale" [dimension].
        constants: "prior" and "x" [dimension].
        samples: S.

    Reference:
        Rainforth et al., 2018, section 4; Abramowitz and Stegun, 1964, 25.4.46.
    """
    event = np.shape(parameters["loc"])
    numbers = samples * int(np.prod(event))
    if POINTS**numbers > LARGEST:
        return None
    noise, mass = product([hermite()] * numbers)
    given = Given(
        SAMPLERS["NORMAL"],
        COSTS["linear_gaussian_weight"],
        _wide(parameters),
        _wide(constants),
        noise.reshape(-1, samples, *event),
    )
    bound = log_sum_exp(given.f(given.x()), 1).value - np.log(np.longdouble(samples))
    found = {name: value.value for name, value in GRADIENTS["iwae"](given).items()}
    return _expectation(mass, bound, found)


def bernoulli(parameters: Arrays, constants: Arrays, samples: int) -> Expectation | None:
    """Return value and gradient of the bound of the model with bits: all joint values of S samples.

    d E L = E[L sum_s score_s + sum_s v_s d log w_s], the sum over values of the derivative of p L.

    Args:
        parameters: "logits" [bits].
        constants: "weights" [bits] and "x".
        samples: S.
    """
    bits = np.size(parameters["logits"])
    if 2 ** (bits * samples) > LARGEST:
        return None
    values = np.array(list(itertools.product((0, 1), repeat=bits * samples)), np.longdouble)
    sampler, cost = SAMPLERS["BERNOULLI"], COSTS["bernoulli_weight"]
    wide, fixed = _wide(parameters), _wide(constants)
    x = sized(values.reshape(-1, samples, bits))
    log_weights = cost.value(x, wide, fixed)
    bound = log_sum_exp(log_weights, 1).value - np.log(np.longdouble(samples))
    shares = exp(log_weights - log_sum_exp(log_weights, 1, keepdims=True)).value
    mass = np.exp(sampler.log_prob(x, wide).value.sum(1))
    score = sampler.score(x, wide)["logits"].value.sum(1)
    explicit = (cost.explicit(x, wide, fixed)["logits"].value * shares[..., None]).sum(1)
    return _expectation(mass, bound, {"logits": bound[:, None] * score + explicit})


def _expectation(
    mass: NDArray[np.longdouble], bound: NDArray[np.longdouble], found: dict[str, NDArray[np.longdouble]]
) -> Expectation:
    gradient = {name: np.tensordot(mass, value, 1).astype(np.float64) for name, value in found.items()}
    return Expectation(np.float64(mass @ bound), gradient)


#: By the problem's name.
BOUNDS: dict[str, Callable[[Arrays, Arrays, int], Expectation | None]] = {
    "linear_gaussian_iwae": linear_gaussian,
    "bernoulli_iwae": bernoulli,
}
