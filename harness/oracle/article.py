"""What the source article's literal formulas give in the limit of many samples, and what the right ones give."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


class Limits(NamedTuple):
    """Total variation distance from probs of a formula's argmax, with infinitely many samples.

    Attributes:
        literal: of the article's Gumbel step, whose argmax follows softmax(probs).
        without_noise: of its code line, whose argmax is always the most probable class.
        right: of noise on log-probabilities, whose argmax follows probs.
    """

    literal: float
    without_noise: float
    right: float


def total_variation(p: Float, q: Float) -> float:
    """Return the total variation distance of two distributions on n classes, sum_i |p_i - q_i| / 2."""
    return float(np.abs(p - q).sum() / 2)


def argmax_distances(probs: Float) -> Limits:
    """Return the limits for one vector of probabilities with a single largest element.

    Since argmax(v + Gumbel noise) follows softmax(v), noise on v = probs gives softmax(probs), and noise on
    v = log(probs) gives probs; without noise all mass lies on the largest, at distance 1 - max(probs).

    Args:
        probs: [n], they sum to 1.

    Reference:
        Maddison, Tarlow and Minka, A* Sampling, 2014, section 3.
    """
    tilted = np.exp(probs - probs.max())
    return Limits(
        literal=total_variation(tilted / tilted.sum(), probs), without_noise=1 - float(probs.max()), right=0.0
    )


#: The article's KL term over the KL itself, at every loc and scale: its formula lacks the factor 1/2.
KL_RATIO = 2.0
