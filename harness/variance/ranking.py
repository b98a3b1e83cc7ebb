"""The order of estimators by the mean squared error that a budget buys, and which of them cannot be told apart.

In B seconds n = B / t gradients are averaged, t the seconds of one, its draw included. The expected square of the
distance of their mean is sum_p D_p (bias_p^2 + variance_p / n), over parameters p of D_p coordinates. An estimator that
is unbiased by its law counts with bias 0, a biased one with its measured bias, less what sampling errors add to it;
so does one that is unbiased by its law and whose bias is seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from scipy.special import ndtri

from harness.estimators import ESTIMATORS
from harness.results.schema import Recommendation, Variance
from harness.timing.turns import CONFIDENCE
from harness.variance import judging

#: Chance that any estimator is wrongly told apart from the best one.
LEVEL = 0.05

_Z = float(ndtri((1 + CONFIDENCE) / 2))


class Cost(NamedTuple):
    """Seconds of one gradient, its draw included: medians over the turns.

    Attributes:
        seconds: of one gradient in a block: the block's seconds over its gradients.
        low: lower end of the interval of `seconds`.
        high: upper end of it.
        block: gradients of a block.
        alone: of a call that computes one gradient.
    """

    seconds: float
    low: float
    high: float
    block: int
    alone: float


class Error(NamedTuple):
    """Mean squared error at a budget.

    Attributes:
        value: sum over all coordinates.
        log_error: standard error of its logarithm.
        bias_squared: what of it is bias.
        gradients: how many are averaged.
        trusted: False where the tail of a variance is too heavy.
    """

    value: float
    log_error: float
    bias_squared: float
    gradients: float
    trusted: bool


class Skipped(NamedTuple):
    """An estimator that fits the problem and cannot be measured.

    Attributes:
        estimator: its name.
        settings: as "name=value" joined by blanks.
        samples: in one gradient.
        reason: why.
    """

    estimator: str
    settings: str
    samples: int
    reason: str


class _Judged(NamedTuple):
    """One estimator's records and cost, whether a bias is seen that its law does not have, and its error.

    The error is None where not even one gradient fits, or nothing is known.
    """

    rows: list[Variance]
    cost: Cost
    bias_seen: bool
    error: Error | None

    @property
    def name(self) -> str:
        return self.rows[0].estimator

    @property
    def known(self) -> Error | None:
        """The error, where it can be trusted."""
        return self.error if self.error is not None and self.error.trusted else None

    @property
    def order(self) -> tuple[bool, float]:
        """Sort key: estimators that need an oracle last, and within both kinds the best first."""
        return ESTIMATORS[self.name].needs_oracle, math.inf if self.known is None else self.known.value


def bias_seen(rows: Sequence[Variance], comparisons: int) -> bool:
    """Tell whether a bias is found of an estimator that is unbiased by its law, by the rule of `judging`.

    Args:
        rows: of one estimator, one for each parameter.
        comparisons: records of the whole ranking.
    """
    by_law = ESTIMATORS[rows[0].estimator].biased
    return not by_law and any(judging.biased(row, comparisons) is True for row in rows)


def error(rows: Sequence[Variance], cost: Cost, budget: float, seen: bool = False) -> Error | None:
    """Return the mean squared error that a budget buys; None where not even one gradient fits, or nothing is known.

    Args:
        rows: of one estimator, one for each parameter.
        cost: of one gradient.
        budget: in seconds.
        seen: whether a bias is seen that the estimator does not have by its law.
    """
    gradients = float(math.floor(budget / cost.seconds))
    if gradients < 1 or any(row.variance is None or row.variance_low is None for row in rows):
        return None
    bias = noise = deviation = 0.0
    for row in rows:
        if row.variance is None or row.variance_low is None or row.variance_high is None:
            return None
        part = row.dimension * row.variance / gradients
        noise += part
        width = math.log(row.variance_high / row.variance_low) / 2 / _Z if row.variance_low > 0 else 0.0
        deviation += part * width  # parameters share their noise: errors are added, not their squares
        if seen or ESTIMATORS[row.estimator].biased:
            if row.squared_bias is None or row.squared_bias_standard_error is None:
                return None
            bias += row.dimension * max(row.squared_bias, 0.0)
            deviation += row.dimension * row.squared_bias_standard_error
    value = bias + noise
    clock = noise * math.log(cost.high / cost.low) / 2 / _Z
    log_error = math.hypot(deviation, clock) / value if value > 0 else 0.0
    return Error(value, log_error, bias, gradients, all(row.trusted is not False for row in rows))


def told_apart(best: Error, other: Error, estimators: int) -> bool:
    """Tell whether another estimator is worse than the best one beyond chance, at `LEVEL` over all comparisons.

    By the logarithm of their ratio against Bonferroni's bound over all ordered pairs: the best one is chosen by the
    same numbers, so that comparisons with it alone would be too few.

    Args:
        best: of all.
        other: to be compared with it.
        estimators: how many are compared.
    """
    spread = math.hypot(best.log_error, other.log_error)
    if best.value == 0 or other.value == 0:
        return other.value > best.value
    return math.log(other.value / best.value) > -float(ndtri(LEVEL / max(estimators * (estimators - 1), 1))) * spread


def rank(
    measured: tuple[list[list[Variance]], list[Cost]], budget: float, skipped: Sequence[Skipped] = ()
) -> list[Recommendation]:
    """Return a record for each estimator.

    The best first; then those that do not fit the budget, those that need an oracle, likewise ordered and without a
    rank, and those that were skipped.

    Args:
        measured: by `recommend.measure`.
        budget: in seconds.
        skipped: what fits the problem and was not measured.
    """
    comparisons = sum(map(len, measured[0]))
    every = []
    for rows, cost in zip(*measured, strict=True):
        seen = bias_seen(rows, comparisons)
        every.append(_Judged(rows, cost, seen, error(rows, cost, budget, seen)))
    every.sort(key=lambda one: one.order)
    ranked = [one.known for one in every if one.known is not None and not ESTIMATORS[one.name].needs_oracle]
    places = iter(range(1, len(ranked) + 1))
    found = [_record(one, budget, ranked, places) for one in every]
    return found + [_skipped(row, budget, every[0].rows[0]) for row in skipped if every]


def _record(one: _Judged, budget: float, ranked: Sequence[Error], places: Iterator[int]) -> Recommendation:
    oracle, known = ESTIMATORS[one.name].needs_oracle, one.known
    numbers: dict[str, Any] = {}
    if known is not None:
        reach = math.exp(_Z * known.log_error)
        numbers = {"mean_squared_error": known.value, "low": known.value / reach, "high": known.value * reach}
        if ranked and ranked[0].value > 0:
            numbers["ratio"] = known.value / ranked[0].value
        if not oracle:
            equal = not told_apart(ranked[0], known, len(ranked))
            numbers |= {"rank": next(places), "as_good_as_the_best": equal}
    return Recommendation(
        **_common(one.rows[0], budget)
        | {
            "estimator": one.name,
            "settings": one.rows[0].settings,
            "samples": one.rows[0].samples,
            "gradients": None if one.error is None else one.error.gradients,
            "seconds_per_gradient": one.cost.seconds,
            "bias_squared": None if one.error is None else one.error.bias_squared,
            "trusted": None if one.error is None else one.error.trusted,
            "block": one.cost.block,
            "seconds_alone": one.cost.alone,
            "needs_oracle": oracle,
            "bias_seen": one.bias_seen,
        }
        | numbers
    )


def _skipped(row: Skipped, budget: float, beside: Variance) -> Recommendation:
    """Return the record of an estimator that was not measured beside others that were."""
    needs = ESTIMATORS[row.estimator].needs_oracle
    return Recommendation(
        **_common(beside, budget)
        | {
            "estimator": row.estimator,
            "settings": row.settings,
            "samples": row.samples,
            "needs_oracle": needs,
            "skipped": row.reason,
        }
    )


def _common(first: Variance, budget: float) -> dict[str, Any]:
    """Return what all records of one ranking share, and None for what is not known."""
    return {
        "backend": first.backend,
        "dtype": first.dtype,
        "device": first.device,
        "problem": first.problem,
        "dimension": first.dimension,
        "replicates": first.replicates,
        "seed": first.seed,
        "budget_seconds": budget,
        "confidence": CONFIDENCE,
        "as_good_as_the_best": False,
        **dict.fromkeys(("rank", "gradients", "seconds_per_gradient", "mean_squared_error", "low", "high")),
        **dict.fromkeys(("bias_squared", "trusted")),
    }
