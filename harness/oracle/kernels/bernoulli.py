"""The Bernoulli distribution and its binary concrete relaxation, as odds."""

from __future__ import annotations

from mpmath import mp

from harness.oracle.kernels.elementary import Number, sigmoid


def prob(value: Number, logits: Number) -> Number:
    """Odds of the value over one plus those odds."""
    odds = mp.exp(logits if value == 1 else -logits)
    return odds / (1 + odds)


def log_prob(value: Number, logits: Number) -> Number:
    """Minus log1p of the odds against the value."""
    return -mp.log1p(mp.exp(-logits if value == 1 else logits))


def cdf(value: Number, logits: Number) -> Number:
    """Step function of the value."""
    if value < 0:
        return mp.zero
    return mp.one if value >= 1 else prob(mp.zero, logits)


def hard_sample(logits: Number, noise: Number) -> Number:
    """Threshold of the perturbed logit."""
    return mp.one if logits + noise > 0 else mp.zero


def relaxed_sample(logits: Number, noise: Number, temperature: Number) -> Number:
    """Logistic function of the perturbed logit over the temperature."""
    return sigmoid((logits + noise) / temperature)


def straight_through_sample(logits: Number, noise: Number, temperature: Number) -> Number:  # noqa: ARG001
    """Value of the straight-through sample: the hard one."""
    return hard_sample(logits, noise)
