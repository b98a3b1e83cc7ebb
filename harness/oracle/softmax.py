"""Exact mean of a Gumbel-softmax sample, softmax((log p + g) / T), of any number of classes.

With w_i = exp((log p_i + g_i) / T), 1 / sum w = int_0^inf exp(-t sum w) dt, and t = exp(-y / T), independence leaves

    E w_k / sum w = (1 / T) int E[x_k exp(-x_k)] prod_(i != k) E[exp(-x_i)] dy,    x_i = exp((log p_i + g_i - y) / T),

whose means are integrals over one Gumbel number. All are trapezoidal rules on the whole line.

Reference:
    Derived here; the tests hold it against the integral over the logistic difference that two classes leave.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

#: Gumbel numbers outside have a mass of 1e-16.
LOW, HIGH = -4.0, 37.0
#: Steps for each unit of min(1, T).
FINENESS = 4


def mean(probs: Float, temperature: float) -> Float:
    """Return the mean of each class's share [classes].

    Args:
        probs: p [classes], above 0.
        temperature: T.
    """
    step = min(1.0, temperature) / FINENESS
    g = np.arange(LOW, HIGH, step)
    mass = np.exp(-g - np.exp(-g))
    mass /= mass.sum()
    logits = np.log(probs)
    reach = 40 * temperature
    y = np.arange(LOW + logits.min() - reach, HIGH + logits.max() + reach, step)
    bare, weighted = [], []
    for logit in logits:
        power = (logit + g - y[:, None]) / temperature  # [y, g]
        with np.errstate(over="ignore"):
            damped = np.exp(-np.exp(power))
            bare.append(damped @ mass)
            weighted.append(np.exp(power - np.exp(power)) @ mass)
    others = [np.prod([part for j, part in enumerate(bare) if j != k], axis=0) for k in range(len(logits))]
    return np.array([np.sum(own * rest) for own, rest in zip(weighted, others, strict=True)]) * step / temperature
