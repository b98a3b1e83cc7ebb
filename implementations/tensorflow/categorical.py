"""The categorical distribution over n classes, by logits, with one-hot values."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from implementations.tensorflow import sampling
from implementations.tensorflow.precision import at_least_float32

__all__ = ["cdf", "log_prob", "prob", "sample"]


def one_hot_argmax(scores: tf.Tensor) -> tf.Tensor:
    """One-hot vector of the first maximum over the last axis. `tf.argmax` promises no index on a tie."""
    classes = scores.shape[-1]
    largest = tf.equal(scores, tf.reduce_max(scores, axis=-1, keepdims=True))
    first = tf.reduce_min(tf.where(largest, tf.range(classes), classes), axis=-1)  # [*batch]
    return tf.one_hot(first, classes, dtype=scores.dtype)  # [*batch, n]


@tf.custom_gradient
def softmax(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """Softmax over the last axis, with a derivative that does not cancel where one class has almost all the mass."""
    return tf.nn.softmax(x), lambda upstream: softmax_pullback(softmax(x), upstream)


def softmax_pullback(probs: tf.Tensor, cotangent: tf.Tensor) -> tf.Tensor:
    """Apply the softmax Jacobian diag(p) - p p^T: p_i (c_i - sum_j p_j c_j).

    A constant added to c changes nothing. Of 0 and the likeliest class's own c, the one that lies nearer to c in
    the mean is subtracted: then 1 - p appears as the sum of the other probabilities.
    """
    likeliest = tf.where(one_hot_argmax(probs) > 0.0, cotangent, tf.zeros_like(cotangent))
    pivot = tf.reduce_sum(likeliest, axis=-1, keepdims=True)
    distance = tf.reduce_sum(probs * tf.abs(cotangent - pivot), axis=-1, keepdims=True)
    nearer = distance < tf.reduce_sum(probs * tf.abs(cotangent), axis=-1, keepdims=True)
    centred = cotangent - tf.where(nearer, pivot, tf.zeros_like(pivot))
    return probs * (centred - tf.reduce_sum(probs * centred, axis=-1, keepdims=True))


@tf.custom_gradient
def log_softmax(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """Log-softmax over the last axis, accurate also where it is almost 0, with its derivative likewise."""

    def pullback(upstream: tf.Tensor) -> tf.Tensor:
        # c_i - p_i sum(c) sums to 0, which gives the dominant class without 1 - p_k.
        probs = softmax(x)
        dominant = probs > 0.5
        direct = upstream - probs * tf.reduce_sum(upstream, axis=-1, keepdims=True)
        others = tf.where(dominant, tf.zeros_like(direct), direct)
        return tf.where(dominant, -tf.reduce_sum(others, axis=-1, keepdims=True), direct)

    shifted = x - tf.reduce_max(x, axis=-1, keepdims=True)
    return shifted - _log_sum_exp(shifted), pullback


def _log_sum_exp(shifted: tf.Tensor) -> tf.Tensor:
    """Log of the sum of exponentials of scores whose maximum is 0: log1p of the sum of all but that one. Keeps axes."""
    others = tf.exp(shifted) * (1.0 - one_hot_argmax(shifted))
    return tf.math.log1p(tf.reduce_sum(others, axis=-1, keepdims=True))


@at_least_float32
def log_prob(value: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Log mass of a one-hot value: sum_i value_i log_softmax(logits)_i, with 0 (-inf) = 0."""
    log_probs = log_softmax(logits)
    selected = tf.where(tf.equal(value, 0.0), tf.zeros_like(log_probs), log_probs)
    return tf.reduce_sum(value * selected, axis=-1)


@at_least_float32
def prob(value: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Mass of a one-hot value: sum_i value_i softmax(logits)_i."""
    return tf.reduce_sum(value * softmax(logits), axis=-1)


@at_least_float32
def cdf(value: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Cumulative mass up to and including the class of a one-hot value: sum over j <= k of softmax(logits)_j."""
    up_to = tf.cumsum(value, axis=-1, reverse=True)  # 1 for j <= k
    return tf.reduce_sum(up_to * softmax(logits), axis=-1)


def sample(seed: int, sample_shape: tuple[int, ...], logits: tf.Tensor) -> tf.Tensor:
    """Draw one-hot categorical samples with the framework's own generator, by the Gumbel-max trick."""
    noise = sampling.standard_gumbel(seed, (*sample_shape, *logits.shape), logits)  # [*sample_shape, *batch, n]
    return one_hot_argmax(logits + noise)
