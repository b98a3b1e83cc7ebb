"""The Gumbel distribution and the Gumbel-softmax relaxation."""

from __future__ import annotations

from mpmath import mp

from harness.oracle.kernels.elementary import Number, Vector, arg_max, one_hot, softmax


def noise_from_uniform(uniform: Number) -> Number:
    """Quantile function of the Gumbel, inside the open unit interval."""
    return -mp.log(-mp.log(uniform))


def log_prob(value: Number, loc: Number, scale: Number) -> Number:
    """Logarithm of the density."""
    z = (value - loc) / scale
    return -z - mp.exp(-z) - mp.log(scale)


def prob(value: Number, loc: Number, scale: Number) -> Number:
    """Density as the derivative of exp(-t) along t = exp(-z)."""
    t = mp.exp((loc - value) / scale)
    return t * _survival(t) / scale


def cdf(value: Number, loc: Number, scale: Number) -> Number:
    """Distribution function."""
    return _survival(mp.exp((loc - value) / scale))


def _survival(t: Number) -> Number:
    """Exponential of -t; 0 beyond 10^6, where it needs as many digits as t has, and is below 10^-400000."""
    return mp.exp(-t) if t < 1e6 else mp.zero


def gumbel_softmax(logits: Vector, noise: Vector, temperature: Number) -> Vector:
    """Normalised exponentials of the perturbed logits over the temperature."""
    return softmax([(logit + gumbel) / temperature for logit, gumbel in zip(logits, noise, strict=True)])


def gumbel_softmax_from_probs(probs: Vector, noise: Vector, temperature: Number) -> Vector:
    """Powers of p exp(g), normalised: no logarithm of a probability is taken."""
    weights = [(p * mp.exp(gumbel)) ** (1 / temperature) for p, gumbel in zip(probs, noise, strict=True)]
    total = mp.fsum(weights)
    return [weight / total for weight in weights]


def hard_sample(logits: Vector, noise: Vector) -> Vector:
    """Unit vector of the largest perturbed logit."""
    scores = [logit + gumbel for logit, gumbel in zip(logits, noise, strict=True)]
    return one_hot(arg_max(scores), len(scores))


def straight_through_gumbel_softmax(logits: Vector, noise: Vector, temperature: Number) -> Vector:  # noqa: ARG001
    """Value of the straight-through sample: the hard one."""
    return hard_sample(logits, noise)
