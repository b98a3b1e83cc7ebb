"""The categorical distribution, by exact normalisation."""

from __future__ import annotations

from mpmath import mp

from harness.oracle.kernels.elementary import Number, Vector, arg_max, softmax


def prob(value: Vector, logits: Vector) -> Number:
    """Probability of the class that the one-hot value marks."""
    return softmax(logits)[arg_max(value)]


def log_prob(value: Vector, logits: Vector) -> Number:
    """Logarithm of the class's probability."""
    return mp.log(prob(value, logits))


def cdf(value: Vector, logits: Vector) -> Number:
    """Probability of the classes up to the one that the value marks."""
    return mp.fsum(softmax(logits)[: arg_max(value) + 1])
