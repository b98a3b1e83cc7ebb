"""The relaxed categorical distribution, as the products of Maddison, Mnih and Teh, 2017, equations 11 and 25."""

from __future__ import annotations

from mpmath import mp

from harness.oracle.kernels.elementary import Number, Vector
from harness.oracle.kernels.gumbel import gumbel_softmax


def log_sample(logits: Vector, noise: Vector, temperature: Number) -> Vector:
    """Logarithm of the point of the simplex."""
    return [mp.log(x) for x in gumbel_softmax(logits, noise, temperature)]


def prob(log_value: Vector, logits: Vector, temperature: Number) -> Number:
    """Density of y: (n-1)! T^(n-1) prod_i w_i / (sum_i w_i)^n, w_i = exp(logit_i - T y_i)."""
    count = len(logits)
    weights = [mp.exp(logit - temperature * y) for logit, y in zip(logits, log_value, strict=True)]
    constant = mp.factorial(count - 1) * temperature ** (count - 1)
    return constant * mp.fprod(weights) / mp.fsum(weights) ** count


def log_prob(log_value: Vector, logits: Vector, temperature: Number) -> Number:
    """Logarithm of the density of y."""
    return mp.log(prob(log_value, logits, temperature))


def simplex_log_prob(log_value: Vector, logits: Vector, temperature: Number) -> Number:
    """Logarithm of the density of x = exp(y): that of y over the Jacobian prod_i x_i."""
    jacobian = mp.fprod([mp.exp(y) for y in log_value])
    return mp.log(prob(log_value, logits, temperature) / jacobian)
