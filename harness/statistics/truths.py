"""A truth that has an error of its own, as the mean of a few independent estimates of it, such as long runs.

What chooses the directions of a test of bias must know nothing of the numbers that test: the error e of a truth that
did both would be found in the direction e as a bias. So some estimates choose, and the others test.

With C the deviations of R rows from their mean, the covariance of the mean is C'C / (R (R - 1)). Its eigenvalues other
than 0 are those of CC' / (R (R - 1)), which is R x R however many coordinates there are.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from harness.statistics.coordinates import pieces

Float = NDArray[np.float64]

#: The share of the estimates that choose; the others test, and their number counts in Student's quantile.
CHOOSING = 0.25

#: The fewest estimates: two choose, and two test.
LEAST = 4


class Truth(NamedTuple):
    """A truth, twice.

    Attributes:
        choosing: that for the replicates that choose [coordinates].
        testing: that for those that test, independent of the first, or the same where it has no error.
        variance: of `choosing` [coordinates], or 0.
        rows: whose mean is `testing` [rows, coordinates]; none where it has no error.
    """

    choosing: Float
    testing: Float
    variance: Float | float
    rows: Float

    @property
    def certain(self) -> bool:
        """Whether it has no error."""
        return not len(self.rows)

    @property
    def ratio(self) -> float:
        """The variance of `choosing` over that of `testing`, which are means of different numbers of estimates."""
        return (1 - CHOOSING) / CHOOSING

    def quantile(self, log_inverse_level: float) -> float:
        """Return how many standard errors of `testing` a level allows for; 0 where it has no error."""
        return 0.0 if self.certain else -float(stdtrit(len(self.rows) - 1, math.exp(-log_inverse_level)))

    def largest_error(self) -> float:
        """Return the standard error of w.testing, over all w of norm 1 the largest; it is rather too large."""
        if self.certain:
            return 0.0
        count = len(self.rows)
        products = np.zeros((count, count))
        for piece in pieces(self.rows.shape[1], count):
            part = self.rows[:, piece] - self.testing[piece]
            products += part @ part.T
        return math.sqrt(max(float(np.linalg.eigvalsh(products)[-1]), 0.0) / (count * (count - 1)))


def truth_of(values: Float, rows: Float | None) -> Truth:
    """Return a truth.

    Args:
        values: [coordinates].
        rows: independent estimates whose mean it is, at least `LEAST`; None where it has no error.
    """
    if rows is None:
        return Truth(values, values, 0.0, np.empty((0, len(values))))
    cut = max(round(CHOOSING * len(rows)), 2)
    first, second = rows[:cut], rows[cut:]
    return Truth(first.mean(axis=0), second.mean(axis=0), first.var(axis=0, ddof=1) / cut, second)
