"""The distributions by hand: samples, scores and their paths to the parameters, from given base noise.

Noise is [replicates, samples, *event], parameters [*event]. A path takes the derivative of a scalar by a sample (or by
a relaxed sample, or by the mean) to the parameters: a vector-Jacobian product that is worked out on paper.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from harness.oracle import gammas
from harness.oracle.sized import Real, Sized, exp, log_sum_exp, sigmoid, sized, softmax, softplus, square
from implementations.interface import outcomes

Arrays = Mapping[str, Real]
Paths = dict[str, Sized]


class Relaxed(NamedTuple):
    """A relaxed sample, and its path: cotangent -> {parameter: product}."""

    value: Sized
    path: Callable[[Sized], Paths]


class Sampler(NamedTuple):
    """A distribution.

    Attributes:
        sample: (parameters, noise) -> x.
        score: (x, parameters) -> {parameter: d log p(x) / d parameter of each event, of the event's shape}.
        log_prob: (x, parameters) -> log p of the whole event, [replicates, samples].
        path: (parameters, noise, cotangent) -> paths through the sample; None for a discrete one.
        mean: parameters -> the mean, and its path; None where it has no use.
        relaxed: (parameters, noise, temperature) -> the relaxation at unconditional noise; None for a continuous one.
        conditional: (parameters, x, noise, temperature, whole) -> the relaxation at the noise given x, with the path
            through that noise too where `whole`, else with the noise held constant.
        support: parameters -> all values, [1, points, *event]; ValueError where they are too many.
        points: parameters -> how many values there are; 0 for a continuous one.
    """

    sample: Callable[[Arrays, Real], Sized]
    score: Callable[[Sized, Arrays], Paths]
    log_prob: Callable[[Sized, Arrays], Sized]
    path: Callable[[Arrays, Real, Sized], Paths] | None = None
    mean: Callable[[Arrays], Relaxed] | None = None
    relaxed: Callable[[Arrays, Real, Real], Relaxed] | None = None
    conditional: Callable[[Arrays, Sized, Real, Real, bool], Relaxed] | None = None
    support: Callable[[Arrays], Real] | None = None
    points: Callable[[Arrays], int] = lambda _: 0


def _normal_score(x: Sized, parameters: Arrays) -> Paths:
    """Return z / scale and (z^2 - 1) / scale, with z = (x - loc) / scale found again from the rounded sample."""
    scale = sized(parameters["scale"])
    z = (x - parameters["loc"]) / scale
    return {"loc": z / scale, "scale": (square(z) - 1) / scale}


def _normal_log_prob(x: Sized, parameters: Arrays) -> Sized:
    scale = parameters["scale"]
    z = (x - parameters["loc"]) / scale
    terms: Sized = -(square(z) * 0.5) - np.log(scale) - np.log(2 * np.longdouble(np.pi)) / 2
    return terms.sum(tuple(range(2, x.value.ndim)))


NORMAL = Sampler(
    sample=lambda parameters, noise: sized(parameters["loc"]) + sized(parameters["scale"]) * noise,
    score=_normal_score,
    log_prob=_normal_log_prob,
    path=lambda _, noise, cotangent: {"loc": cotangent, "scale": cotangent * noise},
)


def _bits_score(b: Sized, parameters: Arrays) -> Paths:
    """Return b - p without cancellation: sigmoid(-logits) at 1, -sigmoid(logits) at 0."""
    sign = 2 * b.value - 1
    return {"logits": sigmoid(parameters["logits"] * -sign) * sign}


def _bits_log_prob(b: Sized, parameters: Arrays) -> Sized:
    terms = b * parameters["logits"] - softplus(parameters["logits"])
    return terms.sum(tuple(range(2, b.value.ndim)))


def _sigmoid_at(z: Sized, temperature: Real, slope: Sized) -> Relaxed:
    """Return sigmoid(z / T) with the path c -> c s (1 - s) / T slope, slope = d z / d logits."""
    soft, rest = sigmoid(z / temperature), sigmoid(-z / temperature)
    return Relaxed(soft, lambda cotangent: {"logits": cotangent * soft * rest * slope / temperature})


def _bits_relaxed(parameters: Arrays, noise: Real, temperature: Real) -> Relaxed:
    z = sized(parameters["logits"]) + noise
    return _sigmoid_at(z, temperature, sized(np.ones_like(z.value)))


def _bits_conditional(parameters: Arrays, b: Sized, noise: Real, temperature: Real, whole: bool) -> Relaxed:
    """Return z = softplus(l + softplus(logits)) given 1, -softplus(softplus(-logits) - l) given 0, each by logits."""
    logits = sized(parameters["logits"])
    one, zero = softplus(logits) + noise, softplus(-logits) - noise
    given_one = b.value > 0
    z = Sized(*(np.where(given_one, yes, no) for yes, no in zip(softplus(one), -softplus(zero), strict=True)))
    slopes = sigmoid(one) * sigmoid(logits), sigmoid(zero) * sigmoid(-logits)
    slope = Sized(*(np.where(given_one, yes, no) for yes, no in zip(*slopes, strict=True)))
    return _sigmoid_at(z, temperature, slope if whole else sized(np.ones_like(z.value)))


def _bits_mean(parameters: Arrays) -> Relaxed:
    one, zero = sigmoid(parameters["logits"]), sigmoid(-parameters["logits"])
    return Relaxed(one, lambda cotangent: {"logits": cotangent * one * zero})


def _bits_support(parameters: Arrays) -> Real:
    shape = parameters["logits"].shape
    outcomes.require_enumerable("logistic", shape)
    values = np.array(list(itertools.product((0, 1), repeat=int(np.prod(shape)))), np.longdouble)
    return values.reshape(1, -1, *shape)


BERNOULLI = Sampler(
    sample=lambda parameters, noise: sized((parameters["logits"] + noise > 0).astype(np.longdouble)),
    score=_bits_score,
    log_prob=_bits_log_prob,
    mean=_bits_mean,
    relaxed=_bits_relaxed,
    conditional=_bits_conditional,
    support=_bits_support,
    points=lambda parameters: 2 ** int(parameters["logits"].size),
)


def _one_hot(scores: Real) -> Real:
    rows: Real = np.eye(scores.shape[-1], dtype=np.longdouble)[scores.argmax(-1)]
    return rows


def _class_score(x: Sized, parameters: Arrays) -> Paths:
    """Return x - p; 1 - p of the class that was drawn is the sum of the others."""
    probs = softmax(sized(parameters["logits"]))
    others = Sized(*(part.sum(-1, keepdims=True) - part for part in probs))
    return {"logits": x * others - (1 - x.value) * probs}


def _softmax_path(probs: Sized, cotangent: Sized) -> Sized:
    """Return p (c - sum p c)."""
    return probs * (cotangent - (probs * cotangent).sum(-1, keepdims=True))


def _classes_relaxed(parameters: Arrays, noise: Real, temperature: Real) -> Relaxed:
    soft = softmax((sized(parameters["logits"]) + noise) / temperature)
    return Relaxed(soft, lambda cotangent: {"logits": _softmax_path(soft, cotangent) / temperature})


def _classes_conditional(parameters: Arrays, x: Sized, noise: Real, temperature: Real, whole: bool) -> Relaxed:
    """Return z_k = g_k of the class drawn, z_i = -log(exp(-g_i) / p_i + exp(-g_k)) of the others, each by log p_i.

    d z_i / d log p_i is the share of the first term in the sum; log p = logits - logsumexp(logits) passes it on.
    """
    logits = sized(parameters["logits"])
    log_probs = logits - log_sum_exp(logits, -1, keepdims=True)
    drawn = (x.value * noise).sum(-1, keepdims=True)  # g_k
    excess = -(log_probs + noise) + drawn  # log of the first term over the second
    others = -(softplus(excess) - drawn)
    z = Sized(*(np.where(x.value > 0, one, other) for one, other in zip(sized(noise), others, strict=True)))
    soft = softmax(z / temperature)
    share = sigmoid(excess) * (1 - x.value)

    def path(cotangent: Sized) -> Paths:
        by_z = _softmax_path(soft, cotangent) / temperature
        if not whole:
            return {"logits": by_z}
        by_log_probs = by_z * share
        return {"logits": by_log_probs - exp(log_probs) * by_log_probs.sum(-1, keepdims=True)}

    return Relaxed(soft, path)


def _classes_mean(parameters: Arrays) -> Relaxed:
    probs = softmax(sized(parameters["logits"]))
    return Relaxed(probs, lambda cotangent: {"logits": _softmax_path(probs, cotangent)})


def _classes_log_prob(x: Sized, parameters: Arrays) -> Sized:
    logits = sized(parameters["logits"])
    terms = x * (logits - log_sum_exp(logits, -1, keepdims=True))
    return terms.sum(tuple(range(2, x.value.ndim)))


def _classes_points(parameters: Arrays) -> int:
    *batch, classes = parameters["logits"].shape
    return int(classes ** math.prod(batch))


def _classes_support(parameters: Arrays) -> Real:
    shape = parameters["logits"].shape
    outcomes.require_enumerable("gumbel", shape)
    chosen = np.array(list(itertools.product(range(shape[-1]), repeat=math.prod(shape[:-1]))))  # [points, vectors]
    values: Real = np.eye(shape[-1], dtype=np.longdouble)[chosen].reshape(1, -1, *shape)
    return values


CATEGORICAL = Sampler(
    sample=lambda parameters, noise: sized(_one_hot(parameters["logits"] + noise)),
    score=_class_score,
    log_prob=_classes_log_prob,
    mean=_classes_mean,
    relaxed=_classes_relaxed,
    conditional=_classes_conditional,
    support=_classes_support,
    points=_classes_points,
)

GAMMA = Sampler(
    sample=gammas.gamma_sample, score=gammas.gamma_score, log_prob=gammas.gamma_log_prob, path=gammas.gamma_path
)
BETA = Sampler(sample=gammas.beta_sample, score=gammas.beta_score, log_prob=gammas.beta_log_prob, path=gammas.beta_path)

#: By attribute of `backend.distributions`; a categorical event is one vector of classes, or an array of them.
SAMPLERS = {"NORMAL": NORMAL, "BERNOULLI": BERNOULLI, "CATEGORICAL": CATEGORICAL, "GAMMA": GAMMA, "BETA": BETA}
