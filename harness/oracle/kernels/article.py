"""The source article's formulas, as distances from the right ones or as normalised exponentials."""

from __future__ import annotations

from mpmath import mp

from harness.oracle.kernels import divergences
from harness.oracle.kernels.elementary import Number, Vector, softmax


def kl_standard_normal(loc: Number, scale: Number) -> Number:
    """Twice the divergence from N(0, 1)."""
    return 2 * divergences.kl_standard_normal(loc, scale)


def gumbel_softmax(probs: Vector, noise: Vector, temperature: Number) -> Vector:
    """Normalised exponentials of perturbed probabilities over the temperature."""
    return softmax([(p + gumbel) / temperature for p, gumbel in zip(probs, noise, strict=True)])


def gumbel_softmax_without_noise(probs: Vector, temperature: Number) -> Vector:
    """Normalised exponentials of the probabilities over the temperature."""
    return gumbel_softmax(probs, [mp.zero] * len(probs), temperature)
