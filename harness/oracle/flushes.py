"""What it costs a result that an intermediate number below the smallest normal one is flushed to 0 (pitfall F1).

A probability q_i that is flushed takes with it what multiplies it: q_i (log q_i - log p_i) may be far above the
smallest normal number, where the logits are large; and so may y / p, with p small. Absolute numbers, added to the
condition in rounding units.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness import dtypes
from harness.dtypes import FloatType
from harness.oracle import bends, terms
from harness.oracle.terms import Sums, log_depths
from implementations.interface.contract import Kernel

if TYPE_CHECKING:
    from harness.oracle.truth import Directions

Array = NDArray[np.float64]


def kl_categorical(
    logits_q: Array, logits_p: Array, cotangent: Array, along: Mapping[str, Array], limits: FloatType
) -> Sums:
    """Terms of sum_i q_i l_i, l = log q - log p, of q_i (l_i - KL), and of the change of both, in flushed q_i."""
    q, depth_q = log_depths(logits_q)
    _, depth_p = log_depths(logits_p)
    flushed, logs = np.where(q < limits.tiny, q, 0.0), 2 + depth_q + depth_p
    lost = flushed * logs
    by_q = lost + q * np.sum(lost) + flushed * np.sum(q * logs)
    # a probability changes by itself times a difference of the tangents, which is at most their sum
    change = np.sum(along["logits_q"]) + np.sum(along["logits_p"])
    size = np.abs(cotangent)
    return {
        "value": np.sum(lost),
        "jvp": np.sum(lost) * change,
        "vjp:logits_q": size * by_q,
        "hvp:logits_q": size * by_q * change,
        "hvp:logits_p": size * by_q * change,
    }


def kl_bernoulli(
    logits_q: Array, logits_p: Array, cotangent: Array, along: Mapping[str, Array], limits: FloatType
) -> Sums:
    """As `kl_categorical`, with the classes 1 and 0."""
    two = {name: np.array([float(t), 0.0]) for name, t in along.items()}
    both = (np.array([float(logits_q), 0.0]), np.array([float(logits_p), 0.0]))
    return {name: np.sum(part) for name, part in kl_categorical(*both, cotangent, two, limits).items()}


def relaxed_prob(
    log_value: Array,
    logits: Array,
    temperature: Array,
    cotangent: Array,
    along: Mapping[str, Array],
    limits: FloatType,
) -> Sums:
    """Everything that the density multiplies, where it is flushed; second, where its product with a tangent is."""
    given = (log_value, logits, temperature, cotangent)
    density = terms.relaxed_density(log_value, logits, temperature)
    second = {f"hvp:{name}": part for name, part in bends.relaxed_prob(*given, along).items()}
    least = min((float(t[t > 0].min(initial=1.0)) for t in map(np.asarray, along.values())), default=1.0)
    if density >= limits.tiny:
        return second if density * least < limits.tiny else {}
    first = terms.relaxed_prob(*given)
    by_one = terms.relaxed_prob(*given[:3], np.ones(()))
    found = {f"vjp:{name}": first[name] for name in along} | second
    return found | {"jvp": sum(np.sum(by_one[name] * t) for name, t in along.items())}


def gumbel_softmax_from_probs(
    probs: Array, noise: Array, temperature: Array, cotangent: Array, along: Mapping[str, Array], limits: FloatType
) -> Sums:
    """Terms of y_i (c_i - c.y) / (T p_i), and of its change, in a y_i that is flushed and a small p_i."""
    scores = (np.log(probs) + noise) / temperature
    y, _ = log_depths(scores)
    safe = np.where(probs > 0, probs, 1.0)
    size = np.abs(cotangent)
    lost = np.where(
        (probs > 0) & (y < limits.tiny), limits.tiny * (size + np.sum(size * y)) / (temperature * safe), 0.0
    )
    turned = along["probs"] / safe
    finite = np.where(np.isfinite(scores), np.abs(scores), 0.0)
    moved = (turned + finite * along["temperature"]) / temperature
    change = moved + np.sum(y * moved) + along["temperature"] / temperature + turned
    return {"vjp:probs": lost, "hvp:probs": lost * change}


def relaxed_bernoulli(
    logits: Array,
    noise: Array,
    temperature: Array,
    cotangent: Array,
    along: Mapping[str, Array],
    limits: FloatType,
) -> Sums:
    """All of the derivatives of y = sigmoid(z) where the smaller of y and 1 - y, exp(-|z|), is flushed."""
    if np.exp(-np.abs((logits + noise) / temperature)) >= limits.tiny:
        return {}
    given = (logits, noise, temperature)
    first, by_one = terms.relaxed_sample(*given, cotangent), terms.relaxed_sample(*given, np.ones(()))
    second = bends.relaxed_sample(*given, cotangent, along)
    found = {f"vjp:{name}": first[name] for name in along} | {f"hvp:{name}": part for name, part in second.items()}
    return found | {"jvp": sum(np.sum(by_one[name] * t) for name, t in along.items())}


FLUSHES: dict[str, Callable[..., Sums]] = {
    "bernoulli.relaxed_sample": relaxed_bernoulli,
    "bernoulli.straight_through_sample": relaxed_bernoulli,
    "divergences.kl_categorical": kl_categorical,
    "divergences.kl_bernoulli": kl_bernoulli,
    "relaxed_categorical.prob": relaxed_prob,
    "gumbel.gumbel_softmax_from_probs": gumbel_softmax_from_probs,
}


def of(kernel: Kernel, arguments: list[Array], directions: Directions, dtype: str) -> dict[str, list[float]]:
    """Return the cost of flushed intermediate numbers by derivative, flat, in rounding units of the dtype.

    Args:
        kernel: the contract's row.
        arguments: one batch entry's cores.
        directions: of this entry.
        dtype: of the result.
    """
    rows = FLUSHES.get(kernel.name)
    if rows is None:
        return {}
    limits = dtypes.computing(dtype)
    along = {name: np.abs(tangent) for name, tangent in directions.tangents.items()}
    with np.errstate(all="ignore"):
        sums = rows(*arguments, directions.cotangent, along, limits)
    shapes = {name: np.shape(core) for name, core in zip(kernel.arguments, arguments, strict=True)}
    found = {}
    for name, part in sums.items():
        shape = shapes.get(name.partition(":")[2], np.shape(directions.cotangent))
        found[name] = np.ravel(np.broadcast_to(np.nan_to_num(part) / limits.eps, shape)).tolist()
    return found
