"""Kullback-Leibler divergences from their definitions: expectations of log q - log p."""

from __future__ import annotations

from mpmath import mp

from harness.oracle.kernels import bernoulli, gaussian
from harness.oracle.kernels.elementary import Number, Vector, arg_max, softmax


def kl_normal(loc_q: Number, scale_q: Number, loc_p: Number, scale_p: Number) -> Number:
    """Cross entropy minus entropy: E_q[-log p] has second moment scale_q^2 + (loc_q - loc_p)^2 about loc_p."""
    second_moment = scale_q**2 + (loc_q - loc_p) ** 2
    cross_entropy = second_moment / (2 * scale_p**2) + mp.log(scale_p * mp.sqrt(2 * mp.pi))
    return cross_entropy - gaussian.entropy(loc_q, scale_q)


def kl_standard_normal(loc: Number, scale: Number) -> Number:
    """Divergence from N(0, 1)."""
    return kl_normal(loc, scale, mp.zero, mp.one)


def kl_diagonal_normal(loc_q: Vector, scale_q: Vector, loc_p: Vector, scale_p: Vector) -> Number:
    """Sum of the coordinates' divergences."""
    return mp.fsum(kl_normal(*row) for row in zip(loc_q, scale_q, loc_p, scale_p, strict=True))


def _discrete(q: Vector, p: Vector) -> Number:
    """Sum of q log(q / p), with 0 log 0 = 0 and q log(q / 0) = inf."""
    return mp.fsum((x * mp.log(x / y) if y else mp.inf) for x, y in zip(q, p, strict=True) if x)


def kl_categorical(logits_q: Vector, logits_p: Vector) -> Number:
    """Expectation over the classes."""
    return _discrete(softmax(logits_q), softmax(logits_p))


def kl_bernoulli(logits_q: Number, logits_p: Number) -> Number:
    """Expectation over the two outcomes."""
    outcomes = (mp.zero, mp.one)
    return _discrete([bernoulli.prob(x, logits_q) for x in outcomes], [bernoulli.prob(x, logits_p) for x in outcomes])


def kl_normal_monte_carlo(
    loc_q: Vector, scale_q: Vector, loc_p: Vector, scale_p: Vector, noise: list[Vector]
) -> Vector:
    """Mean over the samples loc_q + scale_q noise of the two log densities' difference."""

    def one(index: int) -> Number:
        q, p = (loc_q[index], scale_q[index]), (loc_p[index], scale_p[index])
        samples = [q[0] + q[1] * row[index] for row in noise]
        return mp.fsum(gaussian.log_prob(x, *q) - gaussian.log_prob(x, *p) for x in samples) / len(samples)

    return [one(index) for index in range(len(loc_q))]


def kl_categorical_monte_carlo(logits_q: Vector, logits_p: Vector, noise: list[Vector]) -> Number:
    """Mean over Gumbel-max samples of the log ratio of the classes' probabilities."""
    q, p = softmax(logits_q), softmax(logits_p)
    classes = [arg_max([a + g for a, g in zip(logits_q, row, strict=True)]) for row in noise]
    return mp.fsum(mp.log(q[k] / p[k]) if p[k] else mp.inf for k in classes) / len(classes)


def kl_bernoulli_monte_carlo(logits_q: Vector, logits_p: Vector, noise: list[Vector]) -> Vector:
    """Mean over thresholded samples of the log ratio of the outcomes' probabilities."""

    def one(index: int) -> Number:
        a, b = logits_q[index], logits_p[index]
        samples = [bernoulli.hard_sample(a, row[index]) for row in noise]
        return mp.fsum(bernoulli.log_prob(x, a) - bernoulli.log_prob(x, b) for x in samples) / len(samples)

    return [one(index) for index in range(len(logits_q))]
