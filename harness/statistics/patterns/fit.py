r"""Whether a hypothesis fits a mean, and how likely a bias of no pattern would fit it as well.

A hypothesis predicts the mean: a = -truth, a = 2 truth, a = truth rolled by one. With z = (mean - a) / e, e the
standard error of the difference, it fits where

- |z| is below the Bonferroni quantile of the D coordinates, whatever their dependence; one in a thousand of all, and of
  those that show the bias, may be above it, as tails of means are heavier than normal: the text says how many are;
- sum z^2 <= R^2(D), where R^2(D) is D / v times the quantile of chi^2 with v = min(D, 10) degrees of freedom: D
  coordinates of any dependence whose squares vary no more than those of v independent groups;
- sum z^2 is below the quantile of chi^2 with D degrees of freedom, or sum (z^2 - 1) at most 2 % of that of the bias.

A rejected hypothesis is never claimed, so that a test which is too strict under some dependence costs a name and
makes no wrong one. What makes wrong names is a fit by coincidence. Let p = a - truth be the bias that the pattern
predicts, x = |p| / e, and let a bias of no pattern have independent coordinates b_i, each symmetric and unimodal about
0, of any scale: its density at p_i is at most 1 / (2 |p_i|). Whatever the noise and its dependence, this bias falls
into the ball sum z^2 <= R^2 over n coordinates with a probability of about

    C = V_n(R) prod_i 1 / (2 x_i),        V_n(R) the volume of the n-dimensional ball of radius R.

Where the pattern has a free coefficient c, p = c u, the ball becomes a tube about the ray, integrated from the estimate
outwards:

    C = V_{n-1}(R) |x| 2 / (n - 1) prod_i 1 / (2 x_i).

C is computed over the coordinates in which the predicted bias is visible, x above a threshold; it is the least of those
for a fixed series of thresholds, for each of which the fit is tested too. So faint coordinates are no evidence, nor
does a pattern that predicts a bias in one coordinate alone gain from all others, where it predicts none. C depends on
truth and noise, not on the residual: whether a pattern can be singled out is known before it is looked for.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np
from scipy.special import chdtri, gammaln, ndtri

from harness.statistics.intervals import Estimate
from harness.statistics.patterns.view import Float, Index, View, blocks, combined

#: Probability that a hypothesis which is right is rejected, for each of the two tests of its residual.
REJECTION = 1e-3

#: Groups of coordinates that are independent, at least, where there are so many coordinates.
INDEPENDENT = 10

#: Share of the squared bias that a pattern may leave unexplained, where independent coordinates would show it.
UNEXPLAINED = 0.02

#: Share of the coordinates that may be outside of the Bonferroni quantile.
OUTSIDE = 0.001

#: Share of the changed coordinates that show their bias, below which a text says so.
FEW = 0.1

#: Predicted bias, in standard errors, from which on a coordinate is visible, and the step between the thresholds.
VISIBLE, STEP = 4.0, math.sqrt(2)

#: Number of thresholds; the last is beyond what rounding leaves.
THRESHOLDS = 48


class Hypothesis(Protocol):
    """A prediction of the mean."""

    def __call__(self, index: Index, /) -> tuple[Float, Float]:
        """Return the predicted mean and its standard error at some coordinates, both [len(index)]."""


class Fit(NamedTuple):
    """A hypothesis that fits.

    Attributes:
        size: number of coordinates.
        changed: number of coordinates in which the predicted bias is not 0.
        outside: number of coordinates beyond the Bonferroni quantile.
        visible: number of coordinates in which the predicted bias x is above each threshold.
        doubled_logarithms: sum of log(2 x) over them.
        norms: sum of x^2 over them.
    """

    size: int
    changed: int
    outside: int
    visible: Float
    doubled_logarithms: Float
    norms: Float


class Candidate(NamedTuple):
    """A hypothesis that fits, and what it is called.

    Attributes:
        family: hypotheses of one family are special cases of each other; the first is the most special.
        pattern: its name.
        text: what the bias looks like.
        estimate: its coefficient; None where it has none.
        log_chance: log of the chance that a bias of no pattern fits one of the hypotheses of this kind.
        allowed: largest chance at which it is claimed.
    """

    family: str
    pattern: str
    text: str
    estimate: Estimate | None
    log_chance: float
    allowed: float


def largest_z(size: int) -> float:
    """Return the Bonferroni quantile of max |z| over `size` coordinates."""
    return float(-ndtri(REJECTION / (2 * size)))


def radius_squared(count: Float, rejection: float = REJECTION) -> Float:
    """Return the largest sum of z^2 over each count of coordinates that still fits."""
    groups = np.clip(count, 1, INDEPENDENT)
    return np.asarray(count * chdtri(groups, rejection) / groups)


def log_ball(dimensions: Float) -> Float:
    """Return log V_n(R), the volume of the ball of all z that fit, for each number n of dimensions."""
    return np.asarray(dimensions / 2 * np.log(math.pi * radius_squared(dimensions)) - gammaln(dimensions / 2 + 1))


def by_threshold(x: Float, squares: Float) -> Float:
    """Return the sums of 1, log 2 x, x^2 and other squares by the largest threshold below x, [4, THRESHOLDS]."""
    x, squares = x[x >= VISIBLE], squares[x >= VISIBLE]
    threshold = np.minimum(np.log(x / VISIBLE) / math.log(STEP), THRESHOLDS - 1).astype(np.intp)
    weights = (np.ones_like(x), np.log(2 * x), np.square(x), squares)
    return np.array([np.bincount(threshold, weight, THRESHOLDS) for weight in weights])


def above(sums: Float) -> Float:
    """Return the sums over all x above each threshold."""
    return np.asarray(sums[:, ::-1].cumsum(axis=1)[:, ::-1])


def remark(found: Fit) -> str:
    """Return what a text says of the coordinates that do not show a pattern, and of those that differ from it."""
    visible = int(found.visible[0])
    hidden = (
        f"; noise hides it in all but {visible} of {found.size} coordinates" if visible < FEW * found.changed else ""
    )
    return hidden + (f"; {found.outside} of {found.size} coordinates differ from it" if found.outside else "")


def fit(view: View, hypothesis: Hypothesis) -> Fit | None:
    """Return the fit of a hypothesis, or None where the mean rejects it.

    Args:
        view: the mean and the truth.
        hypothesis: predicts the mean.
    """
    limit, allowed = largest_z(view.size), int(OUTSIDE * view.size)
    if int((np.abs(_residual(view, hypothesis, view.screen)[0]) > limit).sum()) > allowed:
        return None
    changed, outside, outside_visible = 0, 0, 0
    total, sums = 0.0, np.zeros((4, THRESHOLDS))  # of 1, log 2 x, x^2 and z^2, by the largest threshold below x
    for block in blocks(0, view.size):
        z, x = _residual(view, hypothesis, block)
        beyond = np.abs(z) > limit
        changed, outside = changed + int((x > 0).sum()), outside + int(beyond.sum())
        outside_visible += int((beyond & (x >= VISIBLE)).sum())
        if outside > allowed:
            return None
        total += float(np.square(z).sum())
        sums += by_threshold(x, np.square(z))
    visible, logarithms, norms, squares = above(sums)
    noise = max(float(chdtri(view.size, REJECTION)), view.size + UNEXPLAINED * view.squares)
    if total > noise or total > radius_squared(np.array(float(view.size))):
        return None
    if outside_visible > int(OUTSIDE * visible[0]) or (squares > radius_squared(visible)).any():
        return None
    return Fit(view.size, changed, outside, visible, logarithms, norms)


def _residual(view: View, hypothesis: Hypothesis, index: Index) -> tuple[Float, Float]:
    """Return z = (mean - prediction) / e and x = |prediction - truth| / e at some coordinates.

    The prediction's error may come from the truth's, so that both add up in the error of their difference.
    """
    predicted, error = hypothesis(index)
    noise = combined(view.error[index], error)
    shift = np.abs(predicted - view.truth[index])
    return (view.mean[index] - predicted) / noise, shift / combined(noise, error + view.truth_error[index])


def log_chance(found: Fit, free: bool = False, log_tried: Float | float = 0.0) -> float:
    """Return the log of the chance C that a bias of no pattern fits as well; 0 at most.

    Args:
        found: the fit.
        free: whether a coefficient of the hypothesis was estimated.
        log_tried: log of the number of hypotheses from which this one was selected, for each threshold where it
            depends on the number of visible coordinates.
    """
    usable = found.visible > int(free or found.changed > 1)
    count, doubled, norms, log_tried = (
        sums[usable]
        for sums in (found.visible, found.doubled_logarithms, found.norms, np.broadcast_to(log_tried, usable.shape))
    )
    if not len(count):
        return 0.0
    dimensions = count - free
    ray = np.log(2 * np.sqrt(norms) / dimensions) if free else 0.0
    return min(float((log_ball(dimensions) + ray - doubled + log_tried).min()), 0.0)


def log_chance_unseen(sums: Float) -> float:
    """Return the log of the chance that a bias, uniform within -x to x standard errors, does not show; 0 at most.

    Args:
        sums: of `by_threshold` for these x.
    """
    visible, doubled, *_ = above(sums)
    usable = visible > 0
    return min(float((log_ball(visible[usable]) - doubled[usable]).min()), 0.0) if usable.any() else 0.0
