"""Sums of the absolute terms of Hessian-vector products, in float64: what `harness.oracle.terms` is for gradients.

The Hessian-vector product is the derivative of the gradient along the tangents, and a gradient is a sum of products:
each factor in turn is replaced by its change along the tangents, and every term counts with its absolute value. A
score s changes by ds, a probability p_i by p_i (ds_i - p.ds), a quotient g / T by dg / T - g dT / T^2. With equal
cotangents, say, a softmax's product is 0 while these terms are not, and no arithmetic gives better than their rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special

from harness.oracle import terms
from harness.oracle.terms import Sums
from implementations.interface.contract import Kernel

if TYPE_CHECKING:
    from harness.oracle.truth import Directions

Array = NDArray[np.float64]
#: Absolute values of the tangents, by argument.
Tangents = Mapping[str, Array]


def _finite(values: Array) -> Array:
    return np.where(np.isfinite(values), np.abs(values), 0.0)


def _tempered(
    gradient: Array, bend: Array, scores: Array, moved: Array, along: Tangents, temperature: Array
) -> tuple[Array, Array]:
    """Terms by x and by T of a function of s = x / T, from those of its gradient by s and of the change of that.

    By x it is G(s) / T, by T -s.G(s) / T.
    """
    turned = along["temperature"] / temperature
    by_score = (bend + gradient * turned) / temperature
    return by_score, np.asarray(np.sum(_finite(scores) * by_score + moved * gradient / temperature))


def _moved(scores: Array, shift: Array, along: Tangents, temperature: Array) -> Array:
    """Change of s = x / T, when x changes by `shift`."""
    return np.where(np.isfinite(scores), (shift + _finite(scores) * along["temperature"]) / temperature, 0.0)


def _of_softmax(scores: Array, moved: Array, cotangent: Array) -> tuple[Array, Array]:
    """Terms of G_i = p_i (c_i - c.p), and of its change."""
    probs, _, weight = terms.weighted_softmax(scores)
    size = np.abs(cotangent)
    spread = moved + np.sum(probs * moved)
    mean = np.sum(size * probs)
    change = probs * (spread * (size + mean) + np.sum(size * probs * spread))
    return probs * (size + mean) * weight, change * weight


def _of_log_softmax(scores: Array, moved: Array, cotangent: Array) -> tuple[Array, Array]:
    """Terms of G_i = c_i - p_i sum c, and of its change."""
    probs, _, weight = terms.weighted_softmax(scores)
    size = np.abs(cotangent)
    change = probs * (moved + np.sum(probs * moved)) * np.sum(size)
    return (size + probs * np.sum(size)) * weight, change * weight


def gumbel_softmax(logits: Array, noise: Array, temperature: Array, cotangent: Array, along: Tangents) -> Sums:
    """Terms of the second derivatives of softmax((logits + noise) / T)."""
    scores = (logits + noise) / temperature
    moved = _moved(scores, along["logits"] + along.get("noise", 0.0), along, temperature)
    by_score, by_temperature = _tempered(*_of_softmax(scores, moved, cotangent), scores, moved, along, temperature)
    return {"logits": by_score, "noise": by_score, "temperature": by_temperature}


def gumbel_softmax_from_probs(
    probs: Array, noise: Array, temperature: Array, cotangent: Array, along: Tangents
) -> Sums:
    """As `gumbel_softmax`, by d log p = dp / p, which changes by -(dp / p)^2."""
    safe = np.where(probs > 0, probs, 1.0)
    shift = along["probs"] / safe
    scores = np.log(probs)
    sums = gumbel_softmax(scores, noise, temperature, cotangent, {**along, "logits": shift})
    gradient = terms.gumbel_softmax(scores, noise, temperature, cotangent)["logits"]
    return {**sums, "probs": (sums["logits"] + gradient * shift) / safe}


def article_gumbel_softmax(probs: Array, noise: Array, temperature: Array, cotangent: Array, along: Tangents) -> Sums:
    """As `gumbel_softmax`, with probabilities in place of logits."""
    sums = gumbel_softmax(probs, noise, temperature, cotangent, {**along, "logits": along["probs"]})
    return {**sums, "probs": sums["logits"]}


def article_without_noise(probs: Array, temperature: Array, cotangent: Array, along: Tangents) -> Sums:
    """As `article_gumbel_softmax`, without noise."""
    return article_gumbel_softmax(probs, np.zeros_like(probs), temperature, cotangent, along)


def log_sample(logits: Array, noise: Array, temperature: Array, cotangent: Array, along: Tangents) -> Sums:
    """Terms of the second derivatives of log_softmax((logits + noise) / T)."""
    scores = (logits + noise) / temperature
    moved = _moved(scores, along["logits"] + along.get("noise", 0.0), along, temperature)
    by_score, by_temperature = _tempered(*_of_log_softmax(scores, moved, cotangent), scores, moved, along, temperature)
    return {"logits": by_score, "noise": by_score, "temperature": by_temperature}


def categorical_log_prob(value: Array, logits: Array, cotangent: Array, along: Tangents) -> Sums:
    """Terms of the second derivative of v . log_softmax(l)."""
    return {"logits": _of_log_softmax(logits, along["logits"], cotangent * value)[1]}


def categorical_prob(value: Array, logits: Array, cotangent: Array, along: Tangents) -> Sums:
    """Terms of the second derivative of v . softmax(l)."""
    return {"logits": _of_softmax(logits, along["logits"], cotangent * value)[1]}


def categorical_cdf(value: Array, logits: Array, cotangent: Array, along: Tangents) -> Sums:
    """Terms of the second derivative of the sum of softmax(l) up to the class."""
    reached = 1.0 - np.cumsum(value) + value
    return {"logits": _of_softmax(logits, along["logits"], cotangent * reached)[1]}


def relaxed_log_prob(log_value: Array, logits: Array, temperature: Array, cotangent: Array, along: Tangents) -> Sums:
    """Terms of the second derivatives of (n-1) log T + sum_i log_softmax(l - T y)_i."""
    count, size = logits.size, np.abs(cotangent)
    scores = logits - temperature * log_value
    moved = along["logits"] + temperature * along["log_value"] + np.abs(log_value) * along["temperature"]
    gradient, bend = _of_log_softmax(scores, moved, np.full(count, size))
    return {
        "logits": bend,
        "log_value": temperature * bend + along["temperature"] * gradient,
        "temperature": size * (count - 1) * along["temperature"] / temperature**2
        + np.sum(along["log_value"] * gradient + np.abs(log_value) * bend),
    }


def relaxed_prob(log_value: Array, logits: Array, temperature: Array, cotangent: Array, along: Tangents) -> Sums:
    """Terms of p (H t + g (g.t)), with gradient g and Hessian H of the log density; the exponent's terms enter p."""
    one = np.ones(())
    gradient = terms.relaxed_log_prob(log_value, logits, temperature, one)
    change = sum(np.sum(gradient[name] * t) for name, t in along.items())
    bend = relaxed_log_prob(log_value, logits, temperature, one, along)
    density = terms.relaxed_prob(log_value, logits, temperature, one)["result"] / gradient["result"]
    scale = np.abs(cotangent) * density * (1 + gradient["result"])
    return {name: scale * (part + gradient[name] * change) for name, part in bend.items()}


def relaxed_sample(logits: Array, noise: Array, temperature: Array, cotangent: Array, along: Tangents) -> Sums:
    """Terms of the second derivatives of sigmoid((l + g) / T): y (1 - y), and y (1 - y) ds in place of that less y."""
    scores = (logits + noise) / temperature
    moved = _moved(scores, along["logits"] + along.get("noise", 0.0), along, temperature)
    slope = np.abs(cotangent) * terms.sigmoid(scores) * terms.sigmoid(-scores) * (1 + np.abs(scores))
    by_score, by_temperature = _tempered(slope, slope * moved, scores, moved, along, temperature)
    return {"logits": by_score, "noise": by_score, "temperature": by_temperature}


def bernoulli_prob(_value: Array, logits: Array, cotangent: Array, along: Tangents) -> Sums:
    """Terms of p (1 - p) (1 - 2 p), whose last factor vanishes at logit 0."""
    slope = terms.sigmoid(logits) * terms.sigmoid(-logits) * (1 + np.abs(logits))
    return {"logits": np.abs(cotangent) * along["logits"] * slope}


def bernoulli_cdf(value: Array, logits: Array, cotangent: Array, along: Tangents) -> Sums:
    """Terms of `bernoulli_prob` on [0, 1)."""
    inside = (value >= 0) & (value < 1)
    return {"logits": np.where(inside, bernoulli_prob(value, logits, cotangent, along)["logits"], 0.0)}


def kl_categorical(logits_q: Array, logits_p: Array, cotangent: Array, along: Tangents) -> Sums:
    """Terms of the change of q_i (l_i - KL), l = log q - log p, and of p_i - q_i."""
    q, depth_q, weight_q = terms.weighted_softmax(logits_q)
    p, depth_p, weight_p = terms.weighted_softmax(logits_p)
    logs, size = depth_q + depth_p + 2, np.abs(cotangent)
    moved_q = along["logits_q"] + np.sum(q * along["logits_q"])
    moved_p = along["logits_p"] + np.sum(p * along["logits_p"])
    moved = moved_q + moved_p
    mean = np.sum(q * logs)
    return {
        "logits_q": size * q * (moved_q * (logs + mean) + moved + np.sum(q * (moved_q * logs + moved))),
        "logits_p": size * (p * moved_p * weight_p + q * moved_q * weight_q),
    }


def kl_bernoulli(logits_q: Array, logits_p: Array, cotangent: Array, along: Tangents) -> Sums:
    """As `kl_categorical`, with the classes 1 and 0."""
    two = {name: np.array([float(t), 0.0]) for name, t in along.items()}
    sums = kl_categorical(
        np.array([float(logits_q), 0.0]), np.array([float(logits_p), 0.0]), np.full(2, np.abs(cotangent)), two
    )
    return {name: part[0] for name, part in sums.items()}


def gaussian_icdf(probability: Array, _loc: Array, scale: Array, cotangent: Array, along: Tangents) -> Sums:
    """Terms of scale r'' and r', r' = sqrt(2 pi) exp(r^2 / 2), r'' = r r'^2: the exponent carries the rounding of r."""
    root = special.ndtri(probability)
    slope = np.sqrt(2 * np.pi) * np.exp(root**2 / 2)
    weight = np.abs(cotangent) * slope * (1 + root**2)
    return {
        "probability": weight * (scale * np.abs(root) * slope * along["probability"] + along["scale"]),
        "scale": weight * along["probability"],
    }


BENDS: dict[str, Callable[..., Sums]] = {
    "gaussian.icdf": gaussian_icdf,
    "gumbel.gumbel_softmax": gumbel_softmax,
    "gumbel.gumbel_softmax_from_probs": gumbel_softmax_from_probs,
    "gumbel.straight_through_gumbel_softmax": gumbel_softmax,
    "article.gumbel_softmax": article_gumbel_softmax,
    "article.gumbel_softmax_without_noise": article_without_noise,
    "relaxed_categorical.log_sample": log_sample,
    "relaxed_categorical.log_prob": relaxed_log_prob,
    "relaxed_categorical.prob": relaxed_prob,
    "relaxed_categorical.simplex_log_prob": relaxed_log_prob,
    "categorical.log_prob": categorical_log_prob,
    "categorical.prob": categorical_prob,
    "categorical.cdf": categorical_cdf,
    "bernoulli.relaxed_sample": relaxed_sample,
    "bernoulli.straight_through_sample": relaxed_sample,
    "bernoulli.prob": bernoulli_prob,
    "bernoulli.cdf": bernoulli_cdf,
    "divergences.kl_categorical": kl_categorical,
    "divergences.kl_bernoulli": kl_bernoulli,
}


def of(kernel: Kernel, arguments: list[Array], directions: Directions) -> dict[str, list[float]]:
    """Return the absolute terms of each "hvp:ARGUMENT", flat, 0 where there are none.

    Args:
        kernel: the contract's row.
        arguments: one batch entry's cores.
        directions: of this entry.
    """
    shapes = {name: np.shape(core) for name, core in zip(kernel.arguments, arguments, strict=True)}
    along = {name: np.abs(tangent) for name, tangent in directions.tangents.items()}
    rows = BENDS.get(kernel.name)
    with np.errstate(all="ignore"):
        sums = rows(*arguments, directions.cotangent, along) if rows else {}
    return {
        f"hvp:{name}": np.ravel(np.broadcast_to(np.nan_to_num(sums.get(name, 0.0)), shapes[name])).tolist()
        for name in kernel.differentiable
    }
