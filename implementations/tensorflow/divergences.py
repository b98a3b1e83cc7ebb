"""Kullback-Leibler divergences KL(q || p) = E_q[log q - log p], in closed form and by Monte Carlo. Nats."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import tensorflow as tf

from implementations.tensorflow import bernoulli
from implementations.tensorflow.autodiff import broadcast, divide
from implementations.tensorflow.bernoulli import log_sigmoid, sigmoid
from implementations.tensorflow.categorical import log_softmax, one_hot_argmax, softmax, softmax_pullback
from implementations.tensorflow.precision import at_least_float32

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

#: (expm1(t) - t) / t^2 = sum of t^k / (k + 2)!, highest power first; to double precision for |t| < 1/2.
_EXCESS = [1.0 / math.factorial(k + 2) for k in reversed(range(14))]

#: (atanh(w) - w) / w^3 = sum of w^2k / (2k + 3), highest power first; to double precision for |w| < 1/7.
_ATANH = [1.0 / (2 * k + 3) for k in reversed(range(9))]


@at_least_float32
def kl_normal(loc_q: tf.Tensor, scale_q: tf.Tensor, loc_p: tf.Tensor, scale_p: tf.Tensor) -> tf.Tensor:
    """KL of N(loc_q, scale_q^2) from N(loc_p, scale_p^2): log(scale_p / scale_q) + (r^2 + d^2 - 1) / 2."""
    return _kl_normal(*broadcast(loc_q, scale_q, loc_p, scale_p))


@at_least_float32
def kl_standard_normal(loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """KL of N(loc, scale^2) from N(0, 1): (loc^2 + scale^2 - 1) / 2 - log(scale), free of cancellation near 0."""
    return kl_normal(loc, scale, tf.zeros_like(loc), tf.ones_like(scale))


@at_least_float32
def kl_diagonal_normal(loc_q: tf.Tensor, scale_q: tf.Tensor, loc_p: tf.Tensor, scale_p: tf.Tensor) -> tf.Tensor:
    """KL between normals of diagonal covariance: the sum of `kl_normal` over the last axis."""
    return tf.reduce_sum(kl_normal(loc_q, scale_q, loc_p, scale_p), axis=-1)


@at_least_float32
def kl_categorical(logits_q: tf.Tensor, logits_p: tf.Tensor) -> tf.Tensor:
    """KL between categoricals by logits: sum_i q_i (log q_i - log p_i), with 0 log 0 = 0 and q log(q / 0) = inf.

    Computed as sum_i q_i (expm1(t_i) - t_i), t = log p - log q: no term is negative, and sum_i q_i expm1(t_i) = 0.
    """
    return _kl_categorical(*broadcast(logits_q, logits_p))


@at_least_float32
def kl_bernoulli(logits_q: tf.Tensor, logits_p: tf.Tensor) -> tf.Tensor:
    """KL between Bernoullis by logits: q (a - b) + softplus(b) - softplus(a), with q = sigmoid(a), a, b the logits.

    Computed as `kl_categorical` is, over the two classes.
    """
    return _kl_bernoulli(*broadcast(logits_q, logits_p))


@at_least_float32
def kl_normal_monte_carlo(
    loc_q: tf.Tensor, scale_q: tf.Tensor, loc_p: tf.Tensor, scale_p: tf.Tensor, noise: tf.Tensor
) -> tf.Tensor:
    """Monte-Carlo KL between normals: the mean over samples of log q(x) - log p(x), x = loc_q + scale_q * noise.

    With z = (x - loc_p) / scale_p it is (z^2 - noise^2) / 2 - log r. Near equality the difference of squares is the
    product of z + noise with z - noise, which is formed by itself; elsewhere z is not formed from that.
    """
    shift = divide(loc_q - loc_p, scale_p)
    relative = divide(scale_q - scale_p, scale_p)
    standard = shift + divide(scale_q, scale_p) * noise  # [samples, *batch]
    excess = shift + relative * noise
    log_ratio = _log_scale_ratio(*broadcast(scale_q, scale_p))
    far = 0.5 * standard * standard - 0.5 * noise * noise
    half = tf.where(tf.abs(relative) < 0.25, 0.5 * excess * (standard + noise), far)
    return tf.reduce_mean(half, axis=0) - log_ratio


@at_least_float32
def kl_categorical_monte_carlo(logits_q: tf.Tensor, logits_p: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """Monte-Carlo KL between categoricals: the mean over samples of log q(x) - log p(x), x by the Gumbel-max trick."""
    value = one_hot_argmax(logits_q + noise)  # [samples, *batch, n]
    log_ratio = _categorical_log_ratio(*broadcast(logits_q, logits_p))  # log p - log q
    drawn = tf.where(value > 0.0, -log_ratio, tf.zeros_like(log_ratio))
    return tf.reduce_mean(tf.reduce_sum(drawn, axis=-1), axis=0)


@at_least_float32
def kl_bernoulli_monte_carlo(logits_q: tf.Tensor, logits_p: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """Monte-Carlo KL between Bernoullis: the mean over samples of log q(x) - log p(x), x = 1 where a + noise > 0."""
    value = bernoulli.hard_sample(logits_q, noise)  # [samples, *batch]
    at_one, at_zero = _bernoulli_log_ratios(*broadcast(logits_q, logits_p))  # log p - log q
    return tf.reduce_mean(tf.where(value > 0.0, -at_one, -at_zero), axis=0)


@tf.custom_gradient
def _kl_normal(
    loc_q: tf.Tensor, scale_q: tf.Tensor, loc_p: tf.Tensor, scale_p: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, ...]]]:
    """KL as (d^2 + u^2) / 2 + (u - log r), u = r - 1; its derivatives as products with scale_q - scale_p."""
    # Reciprocals, since XLA would turn x / y / y into x / y^2, which underflows early.
    by_p = 1.0 / scale_p
    difference = (loc_q - loc_p) * by_p
    u = (scale_q - scale_p) * by_p

    def rule(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
        by_loc = difference * by_p
        # (r^2 - 1) / scale_q = u / scale_p + u / scale_q, since r^2 may overflow alone (K4).
        by_scale_q = u * by_p + u * (1.0 / scale_q)
        by_scale_p = -(u * by_p * (u + 2.0) + difference * by_loc)
        return upstream * by_loc, upstream * by_scale_q, -upstream * by_loc, upstream * by_scale_p

    # log r = 2 atanh(w) with w = u / (2 + u), and u - 2 w = u w: the terms of order u drop out by themselves.
    near = tf.abs(u) < 0.25
    small = tf.where(near, u, tf.zeros_like(u))
    w = small / (small + 2.0)
    series = w * (small - 2.0 * tf.square(w) * _polynomial(_ATANH, tf.square(w)))
    excess = tf.where(near, series, u - _log_scale_ratio(scale_q, scale_p))
    return 0.5 * (tf.square(difference) + tf.square(u)) + excess, rule


@tf.custom_gradient
def _log_scale_ratio(
    scale_q: tf.Tensor, scale_p: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]:
    """Logarithm of scale_q / scale_p, also where the ratio is near 1, overflows or underflows."""
    r = scale_q / scale_p
    u = (scale_q - scale_p) / scale_p
    bound = math.sqrt(float(r.dtype.max))
    representable = tf.logical_and(r > 1.0 / bound, r < bound)
    far = tf.where(representable, tf.math.log(r), tf.math.log(scale_q) - tf.math.log(scale_p))
    value = tf.where(tf.abs(u) < 0.25, tf.math.log1p(u), far)
    return value, lambda upstream: (upstream / scale_q, -upstream / scale_p)


@tf.custom_gradient
def _kl_categorical(
    logits_q: tf.Tensor, logits_p: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]:
    """KL with derivatives q_i ((log q_i - log p_i) - KL) and p_i - q_i."""
    q, p = softmax(logits_q), softmax(logits_p)
    log_ratio = _categorical_log_ratio(logits_q, logits_p)

    def rule(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        weight = upstream[..., tf.newaxis]  # [*batch, 1]
        cost = tf.where(q > 0.0, -log_ratio, tf.zeros_like(q))
        return weight * softmax_pullback(q, cost), weight * _mass_difference(q, p, log_ratio)

    # by the logit: a probability of q may underflow
    impossible = tf.logical_and(logits_q > float("-inf"), tf.equal(logits_p, float("-inf")))
    infinite = tf.fill(q.shape, tf.constant(float("inf"), q.dtype))
    return tf.reduce_sum(tf.where(impossible, infinite, _weighted_excess(q, p, log_ratio)), axis=-1), rule


@tf.custom_gradient
def _kl_bernoulli(
    logits_q: tf.Tensor, logits_p: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]:
    """KL with derivatives q (1 - q) (a - b) and p - q."""
    q, p = sigmoid(logits_q), sigmoid(logits_p)
    at_one, at_zero = _bernoulli_log_ratios(logits_q, logits_p)

    def rule(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        by_q = q * sigmoid(-logits_q) * (logits_q - logits_p)
        return upstream * by_q, upstream * _mass_difference(q, p, at_one)

    excess_at_zero = _weighted_excess(sigmoid(-logits_q), sigmoid(-logits_p), at_zero)
    return _weighted_excess(q, p, at_one) + excess_at_zero, rule


def _categorical_log_ratio(logits_q: tf.Tensor, logits_p: tf.Tensor) -> tf.Tensor:
    """Log p_i - log q_i; 0 where both are impossible. From the logits' differences where they are small."""
    log_q, log_p = log_softmax(logits_q), log_softmax(logits_p)
    impossible = tf.logical_and(tf.equal(logits_q, float("-inf")), tf.equal(logits_p, float("-inf")))
    zeros = tf.zeros_like(log_q)
    far = tf.where(impossible, zeros, log_p) - tf.where(impossible, zeros, log_q)

    q = softmax(logits_q)
    likeliest = one_hot_argmax(q) > 0.0
    # each from its own logit of that class, so that large logits are not rounded before they cancel
    below_q, below_p = (
        logits - tf.reduce_sum(tf.where(likeliest, logits, zeros), axis=-1, keepdims=True)
        for logits in (tf.where(impossible, zeros, logits_q), tf.where(impossible, zeros, logits_p))
    )
    centred = tf.where(impossible, zeros, below_p - below_q)
    near = tf.reduce_all(tf.abs(centred) < 1.0, axis=-1, keepdims=True)
    small = tf.where(near, centred, zeros)
    return tf.where(near, small - _log1p(tf.reduce_sum(q * tf.math.expm1(small), axis=-1, keepdims=True)), far)


def _bernoulli_log_ratios(logits_q: tf.Tensor, logits_p: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Log p - log q of the values 1 and 0. From the logits' difference where it is small."""
    difference = logits_p - logits_q
    near = tf.abs(difference) < 1.0
    small = tf.where(near, difference, tf.zeros_like(difference))
    at_one = -_log1p(sigmoid(-logits_q) * tf.math.expm1(-small))
    at_zero = -_log1p(sigmoid(logits_q) * tf.math.expm1(small))
    return (
        tf.where(near, at_one, log_sigmoid(logits_p) - log_sigmoid(logits_q)),
        tf.where(near, at_zero, log_sigmoid(-logits_p) - log_sigmoid(-logits_q)),
    )


def _polynomial(coefficients: list[float], x: tf.Tensor) -> tf.Tensor:
    """Horner's rule, highest power first, in the dtype of x (`tf.math.polyval` reads Python numbers as float32)."""
    return functools.reduce(lambda value, coefficient: value * x + coefficient, coefficients, tf.zeros_like(x))


def _log1p(x: tf.Tensor) -> tf.Tensor:
    """Logarithm of 1 + x for x above -1: XLA's float64 log1p is off by 100 ulp on [-0.42, -0.3]."""
    return tf.where(tf.abs(x) < 0.25, tf.math.log1p(x), tf.math.log(1.0 + x))


def _weighted_excess(q: tf.Tensor, p: tf.Tensor, log_ratio: tf.Tensor) -> tf.Tensor:
    """Term q (expm1(t) - t) = p - q - q t, at least 0, with t = log p - log q."""
    t = tf.where(q > 0.0, log_ratio, tf.zeros_like(q))
    small = q * tf.square(t) * _polynomial(_EXCESS, t)
    middle = q * (tf.math.expm1(tf.minimum(t, 1.0)) - t)
    large = (p - q) - q * t
    nonzero = tf.where(t > 1.0, large, tf.where(tf.abs(t) < 0.5, small, middle))
    return tf.where(q > 0.0, nonzero, p)


def _mass_difference(q: tf.Tensor, p: tf.Tensor, log_ratio: tf.Tensor) -> tf.Tensor:
    """Difference p - q, as q expm1(t) where p is not much the larger, with t = log p - log q."""
    return tf.where(log_ratio > 1.0, p - q, q * tf.math.expm1(tf.minimum(log_ratio, 1.0)))
