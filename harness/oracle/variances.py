"""Exact variance of each gradient estimator on each problem: Gaussian moments, enumeration, and quadrature.

Normal problems: with x = loc + scale e, e ~ N(0, 1), the objective and the scores are polynomials in e, and
E e^(2 n) = (2 n - 1)!!. In several coordinates f = u_i + rest_i, and the rest is independent of e_i.
Gamma and beta problems: the moments of `gamma_moments`, likewise in several coordinates.
Bernoulli: the two outcomes are enumerated.
Everything else has the roads of `exact`, where they are short enough.

Gradients by one parameter have one variance per coordinate, of the parameter's shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.estimators import ESTIMATORS
from harness.oracle import exact, gamma_moments, measures
from harness.oracle.gradients import sigmoid
from harness.problems import PROBLEMS

Float = NDArray[np.float64] | np.float64
Arrays = Mapping[str, Float]
#: Coefficients of a polynomial in e, lowest power first; each is a number or an array [*event].
Polynomial = Sequence[Float]

_NORMAL_MOMENTS = (1.0, 0.0, 1.0, 0.0, 3.0, 0.0, 15.0, 0.0, 105.0)  # E e^n


class ScoreMoments(NamedTuple):
    """Moments of the objective f and of the score h = d log p / d parameter, per coordinate.

    Attributes:
        f: E f.
        ff: E f^2.
        hh: E h^2, the Fisher information.
        fh: E f h, the gradient.
        fhh: E f h^2.
        ffhh: E f^2 h^2.
    """

    f: Float
    ff: Float
    hh: Float
    fh: Float
    fhh: Float
    ffhh: Float


def _product(*factors: Polynomial) -> Polynomial:
    result: list[Float] = [np.float64(1)]
    for factor in factors:
        terms: list[Float] = [np.float64(0)] * (len(result) + len(factor) - 1)
        for i, a in enumerate(result):
            for j, b in enumerate(factor):
                terms[i + j] = terms[i + j] + a * b
        result = terms
    return result


def _mean(*factors: Polynomial) -> Float:
    """Return E of the product of polynomials in e ~ N(0, 1)."""
    total: Float = np.float64(0)
    for coefficient, moment in zip(_product(*factors), _NORMAL_MOMENTS, strict=False):
        total = total + coefficient * moment
    return total


def _variance(polynomial: Polynomial) -> Float:
    centred = [polynomial[0] - _mean(polynomial), *polynomial[1:]]
    return _mean(centred, centred)


def _distance(parameters: Arrays, constants: Arrays) -> Polynomial:
    """Return x - k as a polynomial in e."""
    return [parameters["loc"] - constants.get("k", np.float64(0)), parameters["scale"]]


def pathwise_normal(parameters: Arrays, constants: Arrays) -> dict[str, Float]:
    """Return the variance of 2 (x - k) by loc, which is 4 scale^2, and of 2 (x - k) e by scale, for one sample."""
    distance = _distance(parameters, constants)
    zero, two = np.float64(0), np.float64(2)
    return {"loc": _variance(_product([two], distance)), "scale": _variance(_product([zero, two], distance))}


def score_moments_normal(parameters: Arrays, constants: Arrays) -> dict[str, ScoreMoments]:
    """Return the moments of f = sum_i (x_i - k)^2 and of the scores e / scale by loc, (e^2 - 1) / scale by scale."""
    distance, scale = _distance(parameters, constants), parameters["scale"]
    u = _product(distance, distance)
    mean_u, variance_u = _mean(u), _variance(u)
    rest = np.sum(mean_u) - mean_u  # E of the other coordinates' terms
    rest_squared = rest**2 + np.sum(variance_u) - variance_u
    zero = np.float64(0)
    scores = {"loc": [zero, 1 / scale], "scale": [-1 / scale, zero, 1 / scale]}

    def by(h: Polynomial) -> ScoreMoments:
        hh, uhh = _mean(h, h), _mean(u, h, h)
        return ScoreMoments(
            f=mean_u + rest,
            ff=_mean(u, u) + 2 * mean_u * rest + rest_squared,
            hh=hh,
            fh=_mean(u, h),
            fhh=uhh + rest * hh,
            ffhh=_mean(u, u, h, h) + 2 * rest * uhh + rest_squared * hh,
        )

    return {name: by(h) for name, h in scores.items()}


def score_moments_of_sum(coordinates: Mapping[str, gamma_moments.CoordinateMoments]) -> dict[str, ScoreMoments]:
    """Return the moments of a sum over independent coordinates from those of each coordinate.

    f = u_i + rest, where the rest is independent of coordinate i and of its score, of mean E h_i = 0.
    """

    def by(own: gamma_moments.CoordinateMoments) -> ScoreMoments:
        spread = own.uu - np.square(own.u)
        rest = np.sum(own.u) - own.u  # E of the other coordinates' terms
        rest_squared = np.square(rest) + np.sum(spread) - spread
        return ScoreMoments(
            f=own.u + rest,
            ff=own.uu + 2 * own.u * rest + rest_squared,
            hh=own.hh,
            fh=own.uh,
            fhh=own.uhh + rest * own.hh,
            ffhh=own.uuhh + 2 * rest * own.uhh + rest_squared * own.hh,
        )

    return {name: by(own) for name, own in coordinates.items()}


def score_moments_bernoulli(parameters: Arrays, constants: Arrays) -> dict[str, ScoreMoments]:
    """Return the moments of f and of the score b - p by enumeration of b = 0 and b = 1."""
    mass = np.stack([sigmoid(-parameters["logits"]), sigmoid(parameters["logits"])])  # [2]
    f = np.stack([constants["f0"], constants["f1"]])
    h = np.stack([-mass[1], mass[0]])  # 0 - p and 1 - p

    def mean(values: Float) -> Float:
        total: Float = np.sum(mass * values, axis=0)
        return total

    return {
        "logits": ScoreMoments(mean(f), mean(f * f), mean(h * h), mean(f * h), mean(f * h * h), mean(f * f * h * h))
    }


def score_function(m: ScoreMoments, samples: int) -> Float:
    """Return Var of (1/S) sum_s f_s h_s: (E f^2 h^2 - G^2) / S, G = E f h."""
    return (m.ffhh - m.fh**2) / samples


def leave_one_out(m: ScoreMoments, samples: int) -> Float:
    """Return the variance with the mean of the other samples as baseline.

    g = A - B with A = (1/S) sum_s f_s h_s and B = (1 / (S (S - 1))) sum_{s != t} f_t h_s. Since E h = 0,
    E B = 0, E A B = E f E f h^2 / S, and of the pairs of terms in E B^2 only (s, t) with itself, with (s, t'),
    and with (t, s) are not 0:
    E B^2 = [E f^2 E h^2 + (S - 2) E h^2 (E f)^2 + G^2] / (S (S - 1)).

    Args:
        m: moments of f and h.
        samples: S, at least 2.

    Reference:
        Derived here, and held against enumeration and simulation by the tests; the estimator is that of
        Mnih and Rezende, 2016, section 2.4.
    """
    pairs = (m.ff * m.hh + (samples - 2) * m.hh * m.f**2 + m.fh**2) / (samples * (samples - 1))
    return score_function(m, samples) + pairs - 2 * m.fhh * m.f / samples


_SCORE_MOMENTS: dict[str, Callable[[Arrays, Arrays], dict[str, ScoreMoments]]] = {
    "quadratic": score_moments_normal,
    "norm_squared": score_moments_normal,
    "bernoulli": score_moments_bernoulli,
    "gamma_quadratic": lambda parameters, constants: score_moments_of_sum(gamma_moments.gamma(parameters, constants)),
    "beta_quadratic": lambda parameters, constants: score_moments_of_sum(gamma_moments.beta(parameters, constants)),
}
_SCORE_VARIANCES = {"score_function": score_function, "score_function_leave_one_out": leave_one_out}
_SINGLE_SAMPLE_VARIANCES: dict[tuple[str, str], Callable[[Arrays, Arrays], dict[str, Float]]] = {
    ("pathwise", "quadratic"): pathwise_normal,
    ("pathwise", "norm_squared"): pathwise_normal,
    **{("measure_valued", problem): partial(measures.variance, problem) for problem in measures.SEPARABLE},
}


def variance(
    estimator: str, problem: str, parameters: Arrays, constants: Arrays, samples: int
) -> dict[str, Float] | None:
    """Return the exact variance of one gradient, per coordinate; None where it is not known exactly.

    Args:
        estimator: its name.
        problem: its name.
        parameters: of the distribution, in float64.
        constants: of the objective and of the estimator.
        samples: samples that go into one gradient, at least the estimator's least.
    """
    row = ESTIMATORS[estimator]
    if row.functions:
        found = row.variance(problem, parameters, constants, samples) if row.variance else None
        return None if found is None else {name: np.asarray(found[name], np.float64) for name in parameters}
    if PROBLEMS[problem].functions:
        return None
    if (estimator, problem) in _SINGLE_SAMPLE_VARIANCES:
        single = _SINGLE_SAMPLE_VARIANCES[estimator, problem](parameters, constants)
        return {name: value / samples for name, value in single.items()}
    if estimator in _SCORE_VARIANCES and problem in _SCORE_MOMENTS:
        scores = _SCORE_MOMENTS[problem](parameters, constants)
        return {name: _SCORE_VARIANCES[estimator](m, samples) for name, m in scores.items()}
    known = exact.moments(estimator, problem, parameters, constants, samples)
    return None if known is None else {name: row.variance for name, row in known.items()}
