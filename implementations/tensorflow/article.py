"""The source article's formulas, taken literally, so that their distance from the mathematics can be measured."""

from __future__ import annotations

import tensorflow as tf

from implementations.tensorflow import gumbel
from implementations.tensorflow.precision import at_least_float32

__all__ = ["gumbel_softmax", "gumbel_softmax_without_noise", "kl_standard_normal"]


@at_least_float32
def kl_standard_normal(loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """The article's KL term: loc^2 + scale^2 - log(scale^2) - 1, which is twice the KL of N(loc, scale^2) from N(0, 1).

    Term by term as the article writes it, cancellation near 0 included.
    """
    return tf.square(loc) + tf.square(scale) - tf.math.log(tf.square(scale)) - 1.0


@at_least_float32
def gumbel_softmax(probs: tf.Tensor, noise: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
    """The article's Gumbel step: softmax((probs + noise) / temperature), noise on the probabilities."""
    return gumbel.gumbel_softmax(probs, noise, temperature)


@at_least_float32
def gumbel_softmax_without_noise(probs: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
    """The article's code line: softmax(probs / temperature), which leaves the noise out and so is deterministic."""
    return gumbel.gumbel_softmax(probs, tf.zeros_like(probs), temperature)
