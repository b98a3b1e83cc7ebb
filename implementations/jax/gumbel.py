"""The Gumbel distribution, and the Gumbel-softmax relaxation that is built on its noise."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from implementations.jax import sampling
from implementations.jax.autodiff import divide, log
from implementations.jax.precision import at_least_float32

__all__ = [
    "cdf",
    "gumbel_softmax",
    "gumbel_softmax_from_probs",
    "hard_sample",
    "log_prob",
    "noise_from_uniform",
    "prob",
    "sample",
    "straight_through_gumbel_softmax",
]


def noise_from_uniform(uniform: Array) -> Array:
    """Transform uniform noise into standard Gumbel noise: -log(-log u).

    XLA's float64 log1p is off by up to 120 eps on [-0.5, -0.35], so log1p serves from u = 3/4 only.
    """
    limits = jnp.finfo(uniform.dtype)
    u = jnp.where(uniform < limits.tiny, limits.tiny, uniform)
    u = jnp.where(u >= 1, 1 - limits.epsneg, u)
    return _quantile(u)


@at_least_float32
def _quantile(u: Array) -> Array:
    near_one = u > 0.75
    minus_log = -jnp.where(near_one, jnp.log1p(jnp.where(near_one, u, 1) - 1), jnp.log(u))
    return -jnp.log(minus_log)


@jax.custom_jvp
def _standard_log_prob(z: Array) -> Array:
    """-z - exp(-z), whose derivative expm1(-z) keeps its precision where it vanishes, at the mode."""
    return -z - jnp.exp(-z)


@_standard_log_prob.defjvp
def _standard_log_prob_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (z,), (z_dot,) = primals, tangents
    return _standard_log_prob(z), _expm1(-z) * z_dot


@jax.custom_jvp
def _expm1(x: Array) -> Array:
    """expm1(x), whose derivative is exp(x): jax takes expm1(x) + 1, which is 0 in the lower tail."""
    return jnp.expm1(x)


_expm1.defjvps(lambda x_dot, _, x: jnp.exp(x) * x_dot)


@jax.custom_jvp
def _root_standard_prob(z: Array) -> Array:
    """Square root of the standard density, exp(-(z + exp(-z)) / 2)."""
    return jnp.exp(-0.5 * (z + jnp.exp(-z)))


@_root_standard_prob.defjvp
def _root_standard_prob_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (z,), (z_dot,) = primals, tangents
    root = _root_standard_prob(z)
    return root, 0.5 * root * _bounded_slope(z) * z_dot


def _bounded_slope(z: Array) -> Array:
    """Return expm1(-z), bounded where z < -10: there the density is 0 in every dtype, and 0 * inf must stay away."""
    return _expm1(-jnp.maximum(z, -10))


@jax.custom_jvp
def _standard_cdf(z: Array) -> Array:
    """exp(-exp(-z)), whose derivative is the density exp(-z - exp(-z)): finite where exp(-z) overflows."""
    return jnp.exp(-jnp.exp(-z))


@_standard_cdf.defjvp
def _standard_cdf_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (z,), (z_dot,) = primals, tangents
    return _standard_cdf(z), jnp.square(_root_standard_prob(z)) * z_dot


@at_least_float32
def log_prob(value: Array, loc: Array, scale: Array) -> Array:
    """Log density of the Gumbel: -z - exp(-z) - log(scale) with z = (value - loc) / scale."""
    return _standard_log_prob(divide(value - loc, scale)) - log(scale)


@at_least_float32
def prob(value: Array, loc: Array, scale: Array) -> Array:
    """Density of the Gumbel: exp(-z - exp(-z)) / scale with z = (value - loc) / scale."""
    return _prob(value, loc, scale)


@jax.custom_jvp
def _prob(value: Array, loc: Array, scale: Array) -> Array:
    """Two equal factors around the division, so that neither underflows before the result, nor the slope overflows."""
    root = _root_standard_prob(divide(value - loc, scale))
    return divide(root, scale) * root


@_prob.defjvp
def _prob_jvp(primals: tuple[Array, ...], tangents: tuple[Array, ...]) -> tuple[Array, Array]:
    value, loc, scale = primals
    value_dot, loc_dot, scale_dot = tangents
    z = divide(value - loc, scale)
    factor = divide(_root_standard_prob(z), scale)
    slope = _bounded_slope(z)
    # d prob = prob / scale (slope (d value - d loc) - (1 + slope z) d scale), prob / scale = factor^2
    tangent = factor * slope * (value_dot - loc_dot) - factor * (1 + slope * z) * scale_dot
    return _prob(*primals), factor * tangent


@at_least_float32
def cdf(value: Array, loc: Array, scale: Array) -> Array:
    """Cumulative distribution of the Gumbel: exp(-exp(-z)) with z = (value - loc) / scale."""
    return _standard_cdf(divide(value - loc, scale))


def centered(probs: Array, value: Array) -> Array:
    """Deviation from the mean, v_i - sum_j p_j v_j, over the last axis.

    Taken from the value of a class above 1/2, if there is one: its own deviation is then a sum over the other
    classes, and 1 - p is nowhere a difference (pitfall H1).
    """
    top = probs > 0.5
    pivot = jnp.sum(jnp.where(top, value, 0), axis=-1, keepdims=True)
    shifted = jnp.where(top, 0, value - pivot)
    return shifted - jnp.sum(probs * shifted, axis=-1, keepdims=True)


def _largest(logits: Array) -> Array:
    """Mark the largest of each vector, the lowest index on a tie."""
    return jax.nn.one_hot(jnp.argmax(logits, axis=-1), logits.shape[-1], dtype=bool)


def _shifted_and_rest(logits: Array) -> tuple[Array, Array]:
    """Return s = logits - max, and the sum of exp(s_j) over all classes but the largest, whose own is 1."""
    shifted = logits - jnp.max(logits, axis=-1, keepdims=True)
    return shifted, jnp.sum(jnp.where(_largest(logits), 0, jnp.exp(shifted)), axis=-1, keepdims=True)


@jax.custom_jvp
def softmax(logits: Array) -> Array:
    """Softmax over the last axis, with a derivative that is right where a class nears certainty."""
    shifted, rest = _shifted_and_rest(logits)
    return jnp.exp(shifted) / (1 + rest)


@softmax.defjvp
def _softmax_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (logits,), (logits_dot,) = primals, tangents
    probs = softmax(logits)
    change = probs * centered(probs, logits_dot)
    # The changes sum to 0. Saying so makes the pullback see differences of cotangents only.
    return probs, change - jnp.where(_largest(logits), jnp.sum(change, axis=-1, keepdims=True), 0)


@jax.custom_jvp
def log_softmax(logits: Array) -> Array:
    """Return s_i - log sum_j exp(s_j) with s = logits - max, the sum as log1p over all classes but the largest.

    `jax.nn.log_softmax` takes log(1 + small), and so loses the log-probability of a class near certainty.
    """
    shifted, rest = _shifted_and_rest(logits)
    return shifted - jnp.log1p(rest)


@log_softmax.defjvp
def _log_softmax_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (logits,), (logits_dot,) = primals, tangents
    return log_softmax(logits), centered(softmax(logits), logits_dot)


@jax.custom_jvp
def temper(scores: Array, temperature: Array) -> Array:
    """Quotient scores / temperature, where an infinite score does not move with the temperature."""
    return scores / temperature


@temper.defjvp
def _temper_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    _, temperature = primals
    scores_dot, temperature_dot = tangents
    tempered = temper(*primals)
    finite = jnp.where(jnp.isinf(tempered), 0, tempered)
    return tempered, (scores_dot - finite * temperature_dot) * (1 / temperature)


def tempered_scores(logits: Array, noise: Array, temperature: Array) -> Array:
    """Return (s - max s) / temperature, s = logits + noise; shifted first, so that no division can overflow."""
    scores = logits + noise
    shift = jax.lax.stop_gradient(jnp.max(scores, axis=-1, keepdims=True))
    return temper(scores - shift, temperature[..., None])  # temperature [*batch] -> [*batch, 1]


@at_least_float32
def gumbel_softmax(logits: Array, noise: Array, temperature: Array) -> Array:
    """Relaxed one-hot sample from logits: softmax((logits + noise) / temperature) over the last axis."""
    return softmax(tempered_scores(logits, noise, temperature))


@at_least_float32
def gumbel_softmax_from_probs(probs: Array, noise: Array, temperature: Array) -> Array:
    """Relaxed one-hot sample from probabilities: softmax((log(probs) + noise) / temperature) over the last axis.

    A class of probability 0 is held constant: no gradient flows to it, where log' is infinite.
    """
    positive = probs > 0
    logits = jnp.where(positive, jnp.log(jnp.where(positive, probs, 1)), -jnp.inf)
    return gumbel_softmax(logits, noise, temperature)


@at_least_float32
def hard_sample(logits: Array, noise: Array) -> Array:
    """Exact one-hot sample by the Gumbel-max trick: one_hot(argmax(logits + noise))."""
    scores = logits + noise
    return jax.nn.one_hot(jnp.argmax(scores, axis=-1), scores.shape[-1], dtype=scores.dtype)  # [*batch, n]


@at_least_float32
def straight_through_gumbel_softmax(logits: Array, noise: Array, temperature: Array) -> Array:
    """One-hot sample forward, Gumbel-softmax gradient backward: (hard - stop(soft)) + soft."""
    soft = gumbel_softmax(logits, noise, temperature)
    return (hard_sample(logits, noise) - jax.lax.stop_gradient(soft)) + soft


def sample(seed: int, sample_shape: tuple[int, ...], loc: Array, scale: Array) -> Array:
    """Draw Gumbel samples with the framework's own generator."""
    shape = (*sample_shape, *jnp.broadcast_shapes(loc.shape, scale.shape))
    return loc + scale * sampling.standard_gumbel(seed, shape, loc)
