"""Reference gradients of the problems whose exact gradient nobody knows: long runs with their own standard errors.

A run is by hand, in float64, with derivatives on paper, and by another road than the estimators it is held against:

* Gaussian q of a decoder's latents: the pathwise gradient, the KL in closed form;
* Gaussian q of regression weights: the same with one number for what the weights give an example, x . w, which is
  normal itself (local reparameterization), so that the run is over one dimension;
* categorical q: local expectation gradients. With f's other variables drawn, the gradient by the logits of one
  variable is a sum over its own classes, p_k (f_k - sum_j p_j f_j): no score, no relaxation.

Uniform numbers are a Sobol sequence, scrambled anew `RANDOMIZATIONS` times: each gives an unbiased mean of `points`
gradients, they are independent, and the standard error is that of their mean.

Reference:
    Owen, Scrambled Net Variance for Integrals of Smooth Functions, 1997, and Monte Carlo Theory, Methods and Examples,
    2013 (randomized quasi-Monte Carlo); Kingma, Salimans and Welling, Variational Dropout and the Local
    Reparameterization Trick, 2015, section 2.3; Titsias and Lázaro-Gredilla, Local Expectation Gradients for Black
    Box Variational Inference, 2015.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtri
from scipy.stats import qmc
from threadpoolctl import threadpool_limits

from harness import noise
from harness.oracle.decoders import HIDDEN

Float = NDArray[np.float64]
Arrays = Mapping[str, Float]

#: Independent scramblings: their spread gives the standard error, with one degree of freedom less.
RANDOMIZATIONS = 16

#: Points that are held at once.
BLOCK = 64

#: Of a Sobol number: multiples of 2^-52, which half of that moves off 0, where the normal quantile is infinite.
BITS = 52


class Reference(NamedTuple):
    """A long run.

    Attributes:
        gradients: {parameter: the mean gradient of every scrambling, [randomizations, *param]}.
    """

    gradients: Mapping[str, Float]

    def mean(self, parameter: str) -> float:
        """Return the gradient, averaged over the coordinates."""
        return float(self.gradients[parameter].mean())

    def standard_error(self, parameter: str) -> float:
        """Return the standard error of `mean`."""
        rows = self.gradients[parameter]
        means = rows.reshape(len(rows), -1).mean(axis=1)
        return float(means.std(ddof=1) / np.sqrt(len(means)))


class Road(NamedTuple):
    """How one problem's gradient is found.

    Attributes:
        points: of each scrambling, a power of two.
        dimension: parameters -> uniform numbers that one point takes.
        gradient: (parameters, constants, uniform numbers [points, dimension]) -> sums over the points, {parameter:
            [*param]}.
    """

    points: int
    dimension: Callable[[Arrays], int]
    gradient: Callable[[Arrays, Arrays, Float], dict[str, Float]]


def _event(parameters: Arrays) -> tuple[int, ...]:
    return next(iter(parameters.values())).shape


def _size(parameters: Arrays) -> int:
    return int(np.prod(_event(parameters)))


def _with_prior(parameters: Arrays, points: int, loc: Float, scale: Float) -> dict[str, Float]:
    """Add the gradient of prior and entropy, in closed form: -loc, and 1 / scale - scale, for every point."""
    return {
        "loc": loc - points * parameters["loc"],
        "scale": scale + points * (1 / parameters["scale"] - parameters["scale"]),
    }


def _projected(design: Float, loc: Float, scale: Float) -> tuple[Float, Float]:
    """Return mean and standard deviation of x_n . w for every example, w ~ N(loc, scale^2 I)."""
    return design @ loc, np.sqrt(design**2 @ scale**2)


def logistic_regression(parameters: Arrays, constants: Arrays, uniform: Float) -> dict[str, Float]:
    """Return the pathwise gradient with one normal number for each logit, l_n = mean_n + deviation_n e.

    By loc sum_n (y_n - sigmoid(l_n)) x_n, by scale sum_n (y_n - sigmoid(l_n)) e scale x_n^2 / deviation_n.
    """
    design, e = constants["features"], ndtri(uniform)  # [points, 1]
    mean, deviation = _projected(design, parameters["loc"], parameters["scale"])
    residual = constants["labels"] - expit(mean + deviation * e)  # [points, examples]
    by_scale = ((residual * e).sum(0) / deviation) @ design**2 * parameters["scale"]
    return _with_prior(parameters, len(e), residual.sum(0) @ design, by_scale)


def heteroscedastic_regression(parameters: Arrays, constants: Arrays, uniform: Float) -> dict[str, Float]:
    """Return the pathwise gradient with one normal number e for each log scale s_n; the mean's part in closed form.

    With r_n the residual, normal with mean m_n and deviation d_n, and independent of s_n: the slopes are
    r_n exp(-2 s_n), whose mean given s_n is m_n exp(-2 s_n) and times its own normal number -d_n exp(-2 s_n), and
    r_n^2 exp(-2 s_n) - 1, whose mean given s_n is (m_n^2 + d_n^2) exp(-2 s_n) - 1.
    """
    design, e = constants["features"], ndtri(uniform)  # [points, 1]
    (at, spread), (log_scale, deviation) = (
        _projected(design, *pair) for pair in zip(parameters["loc"], parameters["scale"], strict=True)
    )
    residual = constants["targets"] - at
    precision = np.exp(-2 * (log_scale + deviation * e))  # [points, examples]
    slope = (residual**2 + spread**2) * precision - 1
    total = precision.sum(0)
    by_loc = np.stack([(residual * total) @ design, slope.sum(0) @ design])
    # by scale_i each deviation moves by x_ni^2 scale_i over itself, which for the mean's part cancels d_n
    by_scale = np.stack([-total @ design**2, ((slope * e).sum(0) / deviation) @ design**2]) * parameters["scale"]
    return _with_prior(parameters, len(e), by_loc, by_scale)


def _affine(constants: Arrays, name: str, rows: Float) -> Float:
    result: Float = rows @ constants[f"{name}.kernel"] + constants[f"{name}.bias"]
    return result


def vae(parameters: Arrays, constants: Arrays, uniform: Float) -> dict[str, Float]:
    """Return the pathwise gradient of log p(x | z), and that of -KL in closed form: -loc, and 1 / scale - scale."""
    e = ndtri(uniform).reshape(-1, *_event(parameters))  # [points, images, latents]
    z = parameters["loc"] + parameters["scale"] * e
    first = np.maximum(_affine(constants, "decoder_1", z), 0)
    second = np.maximum(_affine(constants, "decoder_2", first), 0)
    upstream = constants["images"] - expit(_affine(constants, "output", second))
    upstream = (upstream @ constants["output.kernel"].T) * (second > 0)
    upstream = (upstream @ constants["decoder_2.kernel"].T) * (first > 0)
    slope = upstream @ constants["decoder_1.kernel"].T
    return _with_prior(parameters, len(e), slope.sum(0), (slope * e).sum(0))


def _probs(logits: Float) -> Float:
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    result: Float = weights / weights.sum(-1, keepdims=True)
    return result


def categorical_vae(parameters: Arrays, constants: Arrays, uniform: Float) -> dict[str, Float]:
    """Return p_k (f_k - sum_j p_j f_j) of every variable, f_k with the other variables drawn, and that of -KL.

    Changing one variable changes the first layer's input by the difference of two of its rows.
    """
    logits = parameters["logits"]  # [images, variables, classes]
    images, variables, classes = logits.shape
    probs = _probs(logits)
    # the class whose interval of the cumulative probabilities holds the uniform number
    below = np.cumsum(probs, axis=-1)[..., :-1]
    drawn = (uniform.reshape(-1, images, variables, 1) > below).sum(-1)  # [points, images, variables]
    rows = constants["decoder_1.kernel"].reshape(variables, classes, -1)
    own = rows[np.arange(variables), drawn]  # [points, images, variables, hidden]
    base = own.sum(2, keepdims=True) - own + constants["decoder_1.bias"]
    total = np.zeros_like(logits)
    for point in base:
        hidden = np.tanh(point[:, :, None] + rows)  # [images, variables, classes, hidden]
        outputs = _affine(constants, "output", np.tanh(_affine(constants, HIDDEN[1], hidden)))
        shown = constants["images"][:, None, None]
        f = (shown * outputs - np.logaddexp(outputs, 0)).sum(-1)  # [images, variables, classes]
        total += probs * (f - (probs * f).sum(-1, keepdims=True))
    log_probs = np.log(probs)
    by_kl = probs * (log_probs - (probs * log_probs).sum(-1, keepdims=True))
    return {"logits": total - len(base) * by_kl}


def _one_to_a_number(parameters: Arrays) -> int:
    return _size(parameters)


def _one_to_a_variable(parameters: Arrays) -> int:
    return _size(parameters) // _event(parameters)[-1]


#: By the problem's name.
ROADS = {
    "logistic_regression": Road(2**12, lambda _: 1, logistic_regression),
    "heteroscedastic_regression": Road(2**14, lambda _: 1, heteroscedastic_regression),
    "vae": Road(2**10, _one_to_a_number, vae),
    "categorical_vae": Road(2**3, _one_to_a_variable, categorical_vae),
}


def run(problem: str, parameters: Arrays, constants: Arrays, points: int | None = None) -> Reference:
    """Return the reference gradient, computed anew; its numbers depend on the arguments alone.

    Args:
        problem: a key of `ROADS`.
        parameters: of the distribution, {name: [*param]}, in float64.
        constants: of the objective.
        points: of each scrambling, a power of two; None is the road's own.
    """
    road = ROADS[problem]
    count = road.points if points is None else points
    found: dict[str, list[Float]] = {}
    for number in range(RANDOMIZATIONS):
        seed = int(noise.generator(0, "reference", problem, number).integers(2**63))
        sequence = qmc.Sobol(road.dimension(parameters), scramble=True, bits=BITS, rng=seed)
        total: dict[str, Float] = {}
        for start in range(0, count, BLOCK):
            uniform = sequence.random(min(BLOCK, count - start)) + 0.5 ** (BITS + 1)
            # one thread: products this small are slower in several, by ten times where other work wants the cores
            with threadpool_limits(1, "blas"):
                sums = road.gradient(parameters, constants, uniform)
            for name, value in sums.items():
                total[name] = total[name] + value if name in total else value
        for name, value in total.items():
            found.setdefault(name, []).append(value / count)
    return Reference({name: np.stack(rows) for name, rows in found.items()})
