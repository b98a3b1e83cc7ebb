"""Exact moments of the relaxed gradient of one Bernoulli variable, by quadrature over its logistic noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.oracle.rules import Moments


def slope(logits: float, temperature: float) -> tuple[float, float]:
    """Return mean and variance of d sigmoid(z) / d logits = sigmoid(z) sigmoid(-z) / T, z = (logits + n) / T.

    The integral over the logistic noise n is the trapezoidal rule on the whole line: the integrand is analytic in
    a strip of half-width pi min(1, T) about it and decays exponentially, so a step of min(1, T) / 4 leaves an
    error of exp(-8 pi^2), below 1e-34. The range ends where the integrand is below exp(-45) of its peak.

    Args:
        logits: the logit.
        temperature: T, up to about 1e3; beyond that the variance is lost in the difference of its moments.

    Reference:
        Trefethen and Weideman, The Exponentially Convergent Trapezoidal Rule, 2014, theorem 5.1.
    """
    step = min(1.0, temperature) / 4
    low = max(-logits - 90 * temperature, min(-logits, 0.0) - 45)
    high = min(-logits + 90 * temperature, max(-logits, 0.0) + 45)
    n = np.arange(low, high + step, step).astype(np.longdouble)
    z = (logits + n) / np.longdouble(temperature)
    slopes = np.exp(-np.logaddexp(0, z) - np.logaddexp(0, -z)) / np.longdouble(temperature)
    weight = step * np.exp(-np.logaddexp(0, n) - np.logaddexp(0, -n))  # the logistic density
    first = np.sum(weight * slopes)
    return float(first), float(np.sum(weight * slopes**2) - first**2)


def bernoulli(parameters: Mapping[str, Any], constants: Mapping[str, Any], samples: int) -> Moments:
    """Return the moments of (f1 - f0) d relaxed / d logits, which straight-through Gumbel shares: f is linear.

    Args:
        parameters: "logits".
        constants: "f0", "f1" and "temperature".
        samples: samples that go into one gradient.
    """
    mean, variance = slope(float(parameters["logits"]), float(constants["temperature"]))
    step = constants["f1"] - constants["f0"]
    return Moments(step * mean, np.square(step) * variance / samples)
