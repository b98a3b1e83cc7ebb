"""Kullback-Leibler divergences KL(q || p) = E_q[log q - log p], in closed form and by Monte Carlo. Nats."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from implementations.jax import bernoulli, gumbel
from implementations.jax.autodiff import divide, log
from implementations.jax.gaussian import softplus
from implementations.jax.precision import at_least_float32

__all__ = [
    "kl_bernoulli",
    "kl_bernoulli_monte_carlo",
    "kl_categorical",
    "kl_categorical_monte_carlo",
    "kl_diagonal_normal",
    "kl_normal",
    "kl_normal_monte_carlo",
    "kl_standard_normal",
]


def _identity_minus_log1p(x: Array) -> Array:
    """Return x - log1p(x) >= 0 for |x| < 1/4, from log1p(x) = 2 artanh(s), s = x / (2 + x): s (x - 2 s^2 series)."""
    s = x / (2 + x)
    square = s * s
    series = jnp.zeros_like(x)
    for k in reversed(range(10)):
        series = 1 / (2 * k + 3) + square * series  # sum_k s^(2k) / (2k + 3)
    return s * (x - 2 * square * series)


def _expm1_minus_identity(x: Array) -> Array:
    """Return expm1(x) - x >= 0 for |x| < 1, from its Taylor series x^2 (1/2! + x/3! + x^2/4! + ...)."""
    series = jnp.ones_like(x)
    for k in reversed(range(3, 20)):
        series = 1 + x * (1 / k) * series
    return 0.5 * x * x * series


@at_least_float32
def kl_normal(loc_q: Array, scale_q: Array, loc_p: Array, scale_p: Array) -> Array:
    """KL of N(loc_q, scale_q^2) from N(loc_p, scale_p^2): log(scale_p / scale_q) + (r^2 + d^2 - 1) / 2."""
    return _kl_normal(loc_q, scale_q, loc_p, scale_p)


@jax.custom_jvp
def _kl_normal(loc_q: Array, scale_q: Array, loc_p: Array, scale_p: Array) -> Array:
    d = divide(loc_q - loc_p, scale_p)
    u = divide(scale_q - scale_p, scale_p)
    near = 0.5 * u * u + _identity_minus_log1p(u)
    # Half the logarithm from square roots, whose ratio neither overflows nor underflows.
    far = 0.5 * u * (u + 2) - 2 * jnp.log(jnp.sqrt(scale_q) / jnp.sqrt(scale_p))
    return 0.5 * d * d + jnp.where(jnp.abs(u) < 0.25, near, far)


@_kl_normal.defjvp
def _kl_normal_jvp(primals: tuple[Array, ...], tangents: tuple[Array, ...]) -> tuple[Array, Array]:
    loc_q, scale_q, loc_p, scale_p = primals
    loc_q_dot, scale_q_dot, loc_p_dot, scale_p_dot = tangents
    d = divide(loc_q - loc_p, scale_p)
    u = divide(scale_q - scale_p, scale_p)
    # By reciprocals, since XLA turns (x / s) / t into x / (s t), which overflows.
    inverse_q, inverse_p = 1 / scale_q, 1 / scale_p
    by_loc = d * inverse_p
    by_scale_q = u * inverse_p + u * inverse_q  # (s_q - s_p)(s_q + s_p) / (s_q s_p^2)
    by_scale_p = -(u * inverse_p * (u + 2) + by_loc * d)  # -(r^2 - 1 + d^2) / s_p
    tangent = by_loc * (loc_q_dot - loc_p_dot) + by_scale_q * scale_q_dot + by_scale_p * scale_p_dot
    return _kl_normal(*primals), tangent


@at_least_float32
def kl_standard_normal(loc: Array, scale: Array) -> Array:
    """KL of N(loc, scale^2) from N(0, 1): (loc^2 + scale^2 - 1) / 2 - log(scale), free of cancellation near 0."""
    return kl_normal(loc, scale, jnp.zeros((), loc.dtype), jnp.ones((), scale.dtype))


@at_least_float32
def kl_diagonal_normal(loc_q: Array, scale_q: Array, loc_p: Array, scale_p: Array) -> Array:
    """KL between normals of diagonal covariance: the sum of `kl_normal` over the last axis."""
    return jnp.sum(kl_normal(loc_q, scale_q, loc_p, scale_p), axis=-1)


def _centered_difference(probs_q: Array, logits_q: Array, logits_p: Array) -> Array:
    """Return c = delta - E_q[delta] with delta = logits_p - logits_q; a class of probability 0 counts as delta 0.

    Each from its own logit of the likeliest class of q, so that large ones are not rounded before they cancel.
    """
    logits_q, logits_p = jnp.broadcast_arrays(logits_q, logits_p)
    likeliest = jnp.argmax(logits_q, axis=-1, keepdims=True)
    below_q, below_p = (x - jnp.take_along_axis(x, likeliest, axis=-1) for x in (logits_q, logits_p))
    return gumbel.centered(probs_q, jnp.where(probs_q > 0, below_p - below_q, 0))


def _kl_and_log_ratio(logits_q: Array, logits_p: Array) -> tuple[Array, Array]:
    """Return KL(q || p) [*batch, 1] and log p_i - log q_i [*batch, n], both without cancellation near equality.

    With c = `_centered_difference`, exp(KL) - 1 = sum_i q_i (expm1(c_i) - c_i), a sum of non-negative terms, since
    E_q[c] = 0; and log p_i - log q_i = c_i - KL. Where |c_i| is not small, or q_i is 0, q_i exp(c_i) is taken from
    the likeliest class k of q as q_k exp(c_k) p_i / p_k. From KL = log 2 on, nothing cancels in the definition.
    """
    logits_q, logits_p = jnp.broadcast_arrays(logits_q, logits_p)
    log_q, log_p = gumbel.log_softmax(logits_q), gumbel.log_softmax(logits_p)
    probs_q = gumbel.softmax(logits_q)
    c = _centered_difference(probs_q, logits_q, logits_p)
    likeliest = jnp.argmax(logits_q, axis=-1, keepdims=True)
    log_q_k, c_k, logits_p_k = (jnp.take_along_axis(x, likeliest, axis=-1) for x in (log_q, c, logits_p))
    near = probs_q * _expm1_minus_identity(c)
    far = jnp.exp(logits_p - logits_p_k + log_q_k + c_k) - probs_q - probs_q * c
    excess = jnp.sum(jnp.where((jnp.abs(c) < 1) & (probs_q > 0), near, far), axis=-1, keepdims=True)
    plain = jnp.sum(jnp.where(probs_q > 0, probs_q * (log_q - log_p), 0), axis=-1, keepdims=True)
    close = excess < 1
    kl = jnp.where(close, jnp.log1p(excess), plain)
    return kl, jnp.where(close & (probs_q > 0), c - kl, log_p - log_q)


@at_least_float32
def kl_categorical(logits_q: Array, logits_p: Array) -> Array:
    """KL between categoricals by logits: sum_i q_i (log q_i - log p_i), with 0 log 0 = 0 and q log(q / 0) = inf."""
    return _kl_categorical(logits_q, logits_p)


@jax.custom_jvp
def _kl_categorical(logits_q: Array, logits_p: Array) -> Array:
    kl, _ = _kl_and_log_ratio(logits_q, logits_p)
    impossible = (logits_q > -jnp.inf) & (logits_p == -jnp.inf)  # by the logit: a probability of q may underflow
    return jnp.where(jnp.any(impossible, axis=-1), jnp.inf, kl[..., 0])  # [*batch, 1] -> [*batch]


@_kl_categorical.defjvp
def _kl_categorical_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    logits_q, logits_p = primals
    logits_q_dot, logits_p_dot = tangents
    kl = _kl_categorical(*primals)
    probs_q = gumbel.softmax(logits_q)
    probs_p = gumbel.softmax(logits_p)
    c = _centered_difference(probs_q, logits_q, logits_p)
    log_ratio = c - kl[..., None]  # log p_i - log q_i, [*batch, n]
    near = (jnp.abs(log_ratio) < 1) & (probs_q > 0) & (kl[..., None] < 0.5)
    # p - q = q expm1(log p - log q), which is exact near equality.
    change = jnp.where(near, probs_q * jnp.expm1(jnp.where(near, log_ratio, 0)), probs_p - probs_q)
    return kl, jnp.sum(change * logits_p_dot - probs_q * c * logits_q_dot, axis=-1)


def _two_logits(logits: Array) -> Array:
    """Return the logits of the two classes 1 and 0 of a Bernoulli: (a, 0)."""
    return jnp.stack([logits, jnp.zeros_like(logits)], axis=-1)  # [*batch] -> [*batch, 2]


@at_least_float32
def kl_bernoulli(logits_q: Array, logits_p: Array) -> Array:
    """KL between Bernoullis by logits: q (a - b) + softplus(b) - softplus(a), with q = sigmoid(a), a, b the logits.

    As the KL between categoricals over the classes 1 and 0, which has no cancellation near equality.
    """
    return kl_categorical(_two_logits(logits_q), _two_logits(logits_p))


@at_least_float32
def kl_normal_monte_carlo(loc_q: Array, scale_q: Array, loc_p: Array, scale_p: Array, noise: Array) -> Array:
    """Monte-Carlo KL between normals: the mean over samples of log q(x) - log p(x), x = loc_q + scale_q * noise.

    With e the noise and z = d + r e the sample standardized by p, the summand is (z^2 - e^2) / 2 - log r; near
    equality the difference of squares is w (z + e), w = z - e = d + u e, elsewhere z is not formed as w + e.
    """
    d = divide(loc_q - loc_p, scale_p)
    u = divide(scale_q - scale_p, scale_p)
    w, z = d + u * noise, d + divide(scale_q, scale_p) * noise
    near = jnp.abs(u) < 0.25
    log_r = jnp.where(near, jnp.log1p(jnp.where(near, u, 0)), log(scale_q) - log(scale_p))
    half = jnp.where(near, 0.5 * w * (z + noise), 0.5 * z * z - 0.5 * noise * noise)
    return jnp.mean(half, axis=0) - log_r


@at_least_float32
def kl_categorical_monte_carlo(logits_q: Array, logits_p: Array, noise: Array) -> Array:
    """Monte-Carlo KL between categoricals: the mean over samples of log q(x) - log p(x), x by the Gumbel-max trick."""
    x = gumbel.hard_sample(logits_q, noise)
    _, log_ratio = _kl_and_log_ratio(logits_q, logits_p)
    return jnp.mean(jnp.sum(jnp.where(x == 0, 0, -log_ratio), axis=-1), axis=0)


@at_least_float32
def kl_bernoulli_monte_carlo(logits_q: Array, logits_p: Array, noise: Array) -> Array:
    """Monte-Carlo KL between Bernoullis: the mean over samples of log q(x) - log p(x), x = 1 where a + noise > 0."""
    sign = 2 * bernoulli.hard_sample(logits_q, noise) - 1
    # log q(x) - log p(x) of the outcome's own logits, a for 1 and -a for 0
    return jnp.mean(_log_sigmoid_difference(sign * logits_q, sign * logits_p), axis=0)


def _log_sigmoid_difference(a: Array, b: Array) -> Array:
    """Return log s(a) - log s(b), s the logistic function; near equality from s(a) / s(b) = 1 + s(-a) expm1(a - b)."""
    near = jnp.abs(a - b) < 0.25
    excess = jnp.exp(-softplus(a)) * jnp.expm1(jnp.where(near, a - b, 0))
    return jnp.where(near, jnp.log1p(excess), softplus(-b) - softplus(-a))
