"""Sums of the absolute terms of formulas whose terms cancel, in float64.

A sum of terms cannot be right to better than the rounding of its largest term, whatever its own size: 1 - y with
y near 1, a log-sum-exp, a Kullback-Leibler divergence near equality. What is given here is added to the condition
of the kernels that are such sums. A kernel that its contract promises to full relative precision has no row.
Softmax scores carry a rounding of |s_i - s_max|, so that weight multiplies what is made of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from implementations.interface.contract import Kernel

if TYPE_CHECKING:
    from harness.oracle.truth import Directions

Array = NDArray[np.float64]
Sums = dict[str, Any]


def weighted_softmax(scores: Array) -> tuple[Array, Array, Array]:
    """Return softmax(s), the depth |s - max s| of each score that has a weight, and their error weight."""
    depth = np.where(np.isfinite(scores), np.max(scores) - scores, 0.0)
    weights = np.where(np.isfinite(scores), np.exp(-depth), 0.0)
    probs = weights / weights.sum()
    return probs, depth, 1 + depth + np.sum(probs * depth)


def log_depths(scores: Array) -> tuple[Array, Array]:
    """Return softmax(s) and the depth of each score below the largest."""
    probs, depth, _ = weighted_softmax(scores)
    return probs, depth


def _finite(values: Array) -> Array:
    return np.where(np.isfinite(values), np.abs(values), 0.0)


def _softmax_product(scores: Array, cotangent: Array, temperature: Array) -> Array:
    """Terms of y_i (c_i - sum_j c_j y_j) / T."""
    probs, _, weight = weighted_softmax(scores)
    size = np.abs(cotangent)
    return probs * (size + np.sum(size * probs)) / temperature * weight


def gumbel_softmax(logits: Array, noise: Array, temperature: Array, cotangent: Array) -> Sums:
    """Terms of the gradients of softmax((logits + noise) / T)."""
    scores = (logits + noise) / temperature
    by_logit = _softmax_product(scores, cotangent, temperature)
    return {"logits": by_logit, "noise": by_logit, "temperature": np.sum(_finite(scores) * by_logit)}


def gumbel_softmax_from_probs(probs: Array, noise: Array, temperature: Array, cotangent: Array) -> Sums:
    """As `gumbel_softmax`, by d log p = dp / p."""
    with np.errstate(divide="ignore"):
        sums = gumbel_softmax(np.log(probs), noise, temperature, cotangent)
    return {**sums, "probs": sums["logits"] / np.where(probs > 0, probs, 1.0)}


def article_gumbel_softmax(probs: Array, noise: Array, temperature: Array, cotangent: Array) -> Sums:
    """As `gumbel_softmax`, with probabilities in place of logits."""
    sums = gumbel_softmax(probs, noise, temperature, cotangent)
    return {**sums, "probs": sums["logits"]}


def article_without_noise(probs: Array, temperature: Array, cotangent: Array) -> Sums:
    """As `article_gumbel_softmax`, without noise."""
    return article_gumbel_softmax(probs, np.zeros_like(probs), temperature, cotangent)


def log_sample(logits: Array, noise: Array, temperature: Array, cotangent: Array) -> Sums:
    """Terms of s_i - logsumexp(s) and of its gradient (c_i - y_i sum_j c_j) / T."""
    scores = (logits + noise) / temperature
    probs, _, weight = weighted_softmax(scores)
    size = np.abs(cotangent)
    by_logit = (size + probs * np.sum(size)) / temperature * weight
    return {
        "result": weight,
        "logits": by_logit,
        "noise": by_logit,
        "temperature": np.sum(_finite(scores) * by_logit),
    }


def categorical_log_prob(value: Array, logits: Array, cotangent: Array) -> Sums:
    """Terms of v . (l - logsumexp(l)) and of its gradient v - y."""
    probs, _, weight = weighted_softmax(logits)
    return {"result": np.sum(value * weight), "logits": np.abs(cotangent) * (value + probs) * weight}


def categorical_prob(value: Array, logits: Array, cotangent: Array) -> Sums:
    """Terms of the gradient of v . softmax(l)."""
    return {"logits": _softmax_product(logits, cotangent * value, np.array(1.0))}


def categorical_cdf(value: Array, logits: Array, cotangent: Array) -> Sums:
    """Terms of the gradient of the sum of softmax(l) up to the class."""
    reached = 1.0 - np.cumsum(value) + value
    return {"logits": _softmax_product(logits, cotangent * reached, np.array(1.0))}


def relaxed_sample(logits: Array, noise: Array, temperature: Array, cotangent: Array) -> Sums:
    """Terms of y (1 - y) / T, y = sigmoid((l + g) / T)."""
    score = (logits + noise) / temperature
    by_logit = np.abs(cotangent) * sigmoid(score) * (1 + np.abs(score)) / temperature
    return {"logits": by_logit, "noise": by_logit, "temperature": by_logit * np.abs(score)}


def bernoulli_prob(value: Array, logits: Array, cotangent: Array) -> Sums:
    """Terms of y (1 - y)."""
    sign = np.where(value >= 1, 1.0, -1.0)
    return {"logits": np.abs(cotangent) * sigmoid(sign * logits) * (1 + np.abs(logits))}


def bernoulli_cdf(value: Array, logits: Array, cotangent: Array) -> Sums:
    """Terms of y (1 - y) on [0, 1)."""
    inside = (value >= 0) & (value < 1)
    return {"logits": np.where(inside, bernoulli_prob(np.zeros(()), logits, cotangent)["logits"], 0.0)}


def relaxed_log_prob(log_value: Array, logits: Array, temperature: Array, cotangent: Array) -> Sums:
    """Terms of log (n-1)! + (n-1) log T + sum_i s_i - n logsumexp(s), s = l - T y."""
    count = logits.size
    scores = logits - temperature * log_value
    probs, depth, weight = weighted_softmax(scores)
    size = np.abs(cotangent)
    by_score = size * (1 + count * probs) * weight
    spread = _finite(logits).sum() + np.sum(np.abs(temperature * log_value))
    mean_depth = 1 + np.sum(probs * depth)
    return {
        "result": (count - 1) * np.abs(np.log(temperature)) + spread + count * (np.max(_finite(scores)) + mean_depth),
        "logits": by_score,
        "log_value": temperature * by_score,
        "temperature": size * (count - 1) / temperature + np.sum(np.abs(log_value) * by_score),
    }


def relaxed_density(log_value: Array, logits: Array, temperature: Array) -> Array:
    """Return the relaxed categorical's density, from scores less the largest."""
    count = logits.size
    scores = logits - temperature * log_value
    below = scores - np.max(scores)
    constant = np.sum(np.log(np.arange(1, count))) + (count - 1) * np.log(temperature)
    return np.asarray(np.exp(constant + np.sum(below) - count * np.log(np.sum(np.exp(below)))))


def relaxed_prob(log_value: Array, logits: Array, temperature: Array, cotangent: Array) -> Sums:
    """Terms of the log density, carried through exp: they are relative errors of the density."""
    sums = relaxed_log_prob(log_value, logits, temperature, cotangent)
    density = relaxed_density(log_value, logits, temperature)
    return {name: density * part * (1 if name == "result" else 1 + sums["result"]) for name, part in sums.items()}


def simplex_log_prob(log_value: Array, logits: Array, temperature: Array, cotangent: Array) -> Sums:
    """Terms of `relaxed_log_prob`, and of sum_i y_i."""
    sums = relaxed_log_prob(log_value, logits, temperature, cotangent)
    return {
        **sums,
        "result": sums["result"] + np.sum(np.abs(log_value)),
        "log_value": sums["log_value"] + np.abs(cotangent),
    }


def kl_categorical(logits_q: Array, logits_p: Array, cotangent: Array) -> Sums:
    """Terms of sum_i q_i (log q_i - log p_i), of q_i (l_i - KL) and of p_i - q_i.

    Near equality the kernels promise more: with t = log p - log q, |t| < 0.4, the terms are those of q t^2, of q t
    and of p - q, each with the roundings of the logits.
    """
    q, depth_q, weight_q = weighted_softmax(logits_q)
    p, depth_p, weight_p = weighted_softmax(logits_p)
    logs = depth_q + depth_p + 2
    size = np.abs(cotangent)
    if np.all((q > 0) & (p > 0)) and np.max(ratio := np.abs(np.log(p / q))) < 0.4:
        near = q * ratio * logs
        return {
            "result": np.sum(near * ratio),
            "logits_q": size * (near + q * np.sum(near)),
            "logits_p": size * np.abs(p - q) * logs,
        }
    return {
        "result": np.sum(q * logs),
        "logits_q": size * q * (logs + np.sum(q * logs)),
        "logits_p": size * (p * weight_p + q * weight_q),
    }


def kl_bernoulli(logits_q: Array, logits_p: Array, cotangent: Array) -> Sums:
    """As `kl_categorical`, with the classes 1 and 0."""
    sums = kl_categorical(np.array([float(logits_q), 0.0]), np.array([float(logits_p), 0.0]), cotangent)
    return {name: np.max(part) for name, part in sums.items()}


def kl_normal_monte_carlo(
    loc_q: Array, scale_q: Array, loc_p: Array, scale_p: Array, noise: Array, cotangent: Array
) -> Sums:
    """Terms of the mean of two log densities' difference, at samples rounded to eps (|loc| + |scale noise|)."""
    size = np.abs(cotangent)
    spread = np.abs(loc_q) + np.abs(scale_q * noise)
    z_q, z_p = np.abs(noise) + spread / scale_q, (spread + np.abs(loc_p)) / scale_p
    logs = np.abs(np.log(scale_q)) + np.abs(np.log(scale_p)) + 2
    by_sample = z_q / scale_q + z_p / scale_p
    return {
        "result": np.mean(z_q**2 + z_p**2, axis=0) + logs,
        "loc_q": size * np.mean(by_sample + z_q / scale_q, axis=0),
        "scale_q": size * np.mean((1 + np.abs(noise) * z_q + z_q**2) / scale_q + np.abs(noise) * z_p / scale_p, axis=0),
        "loc_p": size * np.mean(z_p / scale_p, axis=0),
        "scale_p": size * np.mean((1 + z_p**2) / scale_p, axis=0),
    }


def kl_categorical_monte_carlo(logits_q: Array, logits_p: Array, noise: Array, cotangent: Array) -> Sums:
    """Terms of the mean of log q - log p at the sampled classes."""
    del cotangent
    classes = np.argmax(logits_q + noise, axis=-1)
    logs = weighted_softmax(logits_q)[2] + weighted_softmax(logits_p)[2]
    return {"result": np.mean(logs[classes])}


def kl_bernoulli_monte_carlo(logits_q: Array, logits_p: Array, noise: Array, cotangent: Array) -> Sums:
    """Terms of the mean of log q - log p at the sampled outcomes."""
    del cotangent
    sign = np.where(logits_q + noise > 0, -1.0, 1.0)
    return {"result": np.mean(np.logaddexp(0, sign * logits_q) + np.logaddexp(0, sign * logits_p), axis=0)}


def gumbel_log_prob(value: Array, loc: Array, scale: Array, cotangent: Array) -> Sums:
    """Terms of -z - exp(-z) - log(scale), and of (exp(-z) - 1) / scale."""
    z = (value - loc) / scale
    by_loc = np.abs(cotangent) * (1 + np.exp(-z)) / scale
    by_scale = np.abs(cotangent) * (1 + np.abs(z) * (1 + np.exp(-z))) / scale
    total = np.abs(z) + np.exp(-z) + np.abs(np.log(scale))
    return {"result": total, "value": by_loc, "loc": by_loc, "scale": by_scale}


def gumbel_prob(value: Array, loc: Array, scale: Array, cotangent: Array) -> Sums:
    """Terms of the density's gradients: those of the log density, times the density."""
    z = (value - loc) / scale
    density = np.exp(-z - np.exp(-z)) / scale
    sums = gumbel_log_prob(value, loc, scale, cotangent)
    return {name: part * density for name, part in sums.items() if name != "result"}


def gaussian_icdf(probability: Array, loc: Array, scale: Array, cotangent: Array) -> Sums:
    """Terms of loc + scale r, and of scale sqrt(2 pi) exp(r^2 / 2), whose exponent carries the rounding of r."""
    root = special.ndtri(probability)
    slope = np.sqrt(2 * np.pi) * np.exp(root**2 / 2)
    return {
        "result": np.abs(loc) + scale * np.abs(root),
        "probability": np.abs(cotangent) * scale * slope * (1 + root**2),
    }


def article_kl(loc: Array, scale: Array, cotangent: Array) -> Sums:
    """Terms of loc^2 + scale^2 - log(scale^2) - 1, and of 2 (scale - 1 / scale)."""
    return {
        "result": loc**2 + scale**2 + np.abs(2 * np.log(scale)) + 1,
        "scale": np.abs(cotangent) * 2 * (scale + 1 / scale),
    }


def sigmoid(x: Array) -> Array:
    """Return the logistic function, without overflow."""
    return np.exp(-np.logaddexp(0, -x))


TERMS: dict[str, Callable[..., Sums]] = {
    "gaussian.icdf": gaussian_icdf,
    "gumbel.log_prob": gumbel_log_prob,
    "gumbel.prob": gumbel_prob,
    "gumbel.gumbel_softmax": gumbel_softmax,
    "gumbel.gumbel_softmax_from_probs": gumbel_softmax_from_probs,
    "gumbel.straight_through_gumbel_softmax": gumbel_softmax,
    # log of a number near 1 / e is near 0, and has the rounding of its argument
    "gumbel.noise_from_uniform": lambda uniform, cotangent: {"result": np.ones_like(uniform * cotangent)},
    "article.gumbel_softmax": article_gumbel_softmax,
    "article.gumbel_softmax_without_noise": article_without_noise,
    "article.kl_standard_normal": article_kl,
    "relaxed_categorical.log_sample": log_sample,
    "relaxed_categorical.log_prob": relaxed_log_prob,
    "relaxed_categorical.prob": relaxed_prob,
    "relaxed_categorical.simplex_log_prob": simplex_log_prob,
    "categorical.log_prob": categorical_log_prob,
    "categorical.prob": categorical_prob,
    "categorical.cdf": categorical_cdf,
    "bernoulli.relaxed_sample": relaxed_sample,
    "bernoulli.straight_through_sample": relaxed_sample,
    "bernoulli.prob": bernoulli_prob,
    "bernoulli.cdf": bernoulli_cdf,
    "divergences.kl_categorical": kl_categorical,
    "divergences.kl_bernoulli": kl_bernoulli,
    "divergences.kl_normal_monte_carlo": kl_normal_monte_carlo,
    "divergences.kl_categorical_monte_carlo": kl_categorical_monte_carlo,
    "divergences.kl_bernoulli_monte_carlo": kl_bernoulli_monte_carlo,
}


def of(kernel: Kernel, arguments: list[Array], directions: Directions) -> dict[str, list[float]]:
    """Return the absolute terms of value, "jvp" and each "vjp:ARGUMENT", flat, 0 where there are none.

    Those of a Jacobian-vector product are, for each output, those of the output's gradient times the tangents.

    Args:
        kernel: the contract's row.
        arguments: one batch entry's cores.
        directions: of this entry.
    """
    shapes = {name: np.shape(core) for name, core in zip(kernel.arguments, arguments, strict=True)}
    output = np.shape(directions.cotangent)

    def of_cotangent(cotangent: Array) -> dict[str, Array]:
        rows = TERMS.get(kernel.name)
        with np.errstate(all="ignore"):
            sums = rows(*arguments, cotangent) if rows else {}
        found = {"result": output} | {name: shapes[name] for name in kernel.differentiable}
        return {name: np.broadcast_to(np.nan_to_num(sums.get(name, 0.0)), shape) for name, shape in found.items()}

    by_output = []
    for unit in np.eye(int(np.prod(output))).reshape(-1, *output):
        sums = of_cotangent(unit)
        with np.errstate(over="ignore"):
            by_output.append(sum(float(np.sum(sums[name] * np.abs(t))) for name, t in directions.tangents.items()))
    sums = of_cotangent(directions.cotangent)
    found = {"value": np.ravel(sums.pop("result")).tolist(), "jvp": by_output}
    return found | {f"vjp:{name}": np.ravel(part).tolist() for name, part in sums.items()}
