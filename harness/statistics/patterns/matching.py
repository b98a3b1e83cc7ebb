r"""Any permutation: the values of the mean are those of the truth, in an order that no simple rule describes.

The permutation is found by assignment, or for many coordinates by order of size. It was selected among all that move
its n visible coordinates to different values, and the chance of a coincidence is multiplied by their number, at most

    min(D! / (D - n)!, D! / prod_j c_j!),

c_j the sizes of groups of equal truths. So it is claimed where the noise is small compared with the spacing of the
truths only, as for gradients without noise: with normal truths every other vector of normal numbers is a permutation
within a part of the spread.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.special import gammaln

from harness.statistics.patterns.fit import Candidate, fit, log_chance, remark
from harness.statistics.patterns.view import Float, Index, Integer, View, combined

#: Chance of a coincidence at which a permutation is claimed.
MATCHED = 0.006

#: Most coordinates that are matched by assignment, and by order.
MOST_ASSIGNED, MOST_MATCHED = 300, 2**20

#: A squared difference, in standard errors, from which on two coordinates do not match, however much larger it is.
APART = 100.0

#: Preference, in squared standard errors, for a coordinate that stays where it is among equal ones.
STAYS = 1e-6


def matched(view: View) -> Integer:
    """Return for each coordinate of the mean the coordinate of the truth that matches it, [D]."""
    if view.size > MOST_ASSIGNED:
        source = np.empty(view.size, np.intp)
        source[np.argsort(view.mean, kind="stable")] = np.argsort(view.truth, kind="stable")
        return source
    difference = view.mean[:, None] - view.truth
    cost = np.square(difference / combined(view.error[:, None], view.truth_error))
    return np.asarray(linear_sum_assignment(np.minimum(cost, APART) - STAYS * np.eye(view.size))[1])


def _log_arrangements(view: View, moved: Float) -> Float:
    """Return the log of the number of permutations that move at most `moved` coordinates."""
    some = gammaln(view.size + 1) - gammaln(view.size - moved + 1)
    spacing = float(np.median(combined(view.error, view.truth_error)))
    groups = np.unique(np.round(view.truth / spacing), return_counts=True)[1]
    return np.asarray(np.minimum(some, gammaln(view.size + 1) - gammaln(groups + 1.0).sum()))


def permutations(view: View) -> Iterator[Candidate]:
    """Yield the permutation that matches the mean, if it fits."""
    if not 1 < view.size <= MOST_MATCHED:
        return
    source = matched(view)

    def predicted(index: Index) -> tuple[Float, Float]:
        return view.truth[source[index]], view.truth_error[source[index]]

    fitted = fit(view, predicted)
    if fitted is None or not fitted.visible[0]:
        return
    chance = log_chance(fitted, log_tried=_log_arrangements(view, fitted.visible))
    text = f"coordinates are permuted: {int(fitted.visible[0])} of {view.size} hold the truth of another one"
    yield Candidate("permutation", "permutation", text + remark(fitted), None, chance, MATCHED)
