"""An estimator of another package, judged: contract, agreement of its texts, its mean and variance where exact."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import msgspec
from scipy import stats

from harness.estimators import ESTIMATORS, fits
from harness.plugins import texts, trial
from harness.plugins.findings import (
    Settings,
    agreement,
    bias_error,
    contract,
    description,
    far,
    finding,
    improbability,
    measured,
    off,
    trials,
)
from harness.problems import PROBLEMS
from harness.results.schema import Check, Variance
from harness.statistics.intervals import CONFIDENCE
from harness.validation import settle
from harness.variance import laws
from harness.variance.judging import described
from implementations import registry


def judged_backends(functions: Sequence[str], settings: Settings) -> list[str]:
    """Return the backends that have a text, are installed, and were asked for."""
    wanted = [name for name in functions if not settings.backends or name in settings.backends]
    return [name for name in wanted if name in registry.backends() and registry.installed(name)]


def task(estimator: str, problem: str, samples: int, seed: int) -> dict[str, object]:
    """Return the fields of a `Task` of a trial, at default settings."""
    row, goal = ESTIMATORS[estimator], PROBLEMS[problem]
    return {
        "estimator": estimator,
        "problem": problem,
        "settings": settle({**goal.settings, **row.settings}, {}, "float64", problem),
        "dimension": goal.dimension or 1,
        "samples": samples,
        "replicates": trial.REPLICATES,
        "seed": seed,
        "dtype": "float64",
        "mode": "eager",
    }


def judge(name: str, settings: Settings) -> Iterator[Check]:
    """Judge an estimator.

    Args:
        name: a key of `ESTIMATORS`.
        settings: how.
    """
    row, kernel = ESTIMATORS[name], f"estimators.{name}"
    backends = judged_backends(tuple(row.functions), settings)
    # what a third package does is nothing to this one
    ours = [problem for problem in PROBLEMS if PROBLEMS.package(problem) in ("reparam", ESTIMATORS.package(name))]
    exact = [problem for problem in ours if "exact" in PROBLEMS[problem].features or PROBLEMS[problem].exact]
    fitting = [problem for problem in exact if fits(name, problem)]
    if not backends or not fitting:
        nothing = "no backend that has a text of it is installed" if fitting else "it fits no problem with exact values"
        yield finding(kernel, "call", wrong=f"{nothing}, so that nothing can be judged")
        return
    yield from contract(kernel, row.functions, backends)
    tasks = {
        backend: [
            task(name, problem, row.least_samples + 1, settings.seed)
            for problem in fitting
            if not texts.gap(backend, problem, PROBLEMS)
        ]
        for backend in backends
    }
    tried, sound = trials(kernel, "gradients", tasks, texts.packages([name], fitting[0]), settings.engine)
    yield from tried
    yield from agreement(kernel, sound)
    if sound:
        cells = laws.plan([name], fitting, backends=list(sound), replicates=settings.replicates, seed=settings.seed)
        failed, records = measured(cells, kernel, settings.engine)
        yield from failed
        yield from (_bias if row.biased else means)(kernel, records)
        yield from _variances(kernel, records)


def means(kernel: str, records: Sequence[Variance], by_estimator: bool = False) -> Iterator[Check]:
    """Judge the bias of every gradient: a record for each backend and problem, or estimator.

    What cannot be judged, such as the mean of a heavy tail, is a record of its own, without a comparison.
    """
    known = [record for record in records if not _undecided(record)]
    groups: dict[tuple[str, str], list[Variance]] = {}
    for record in known:
        case = record.estimator if by_estimator else record.problem
        groups.setdefault((record.backend, case), []).append(record)
    for (backend, case), group in groups.items():
        worst = max(group, key=bias_error)
        wrong = description(worst) if off(worst, len(known)) else ""
        yield _of_means(kernel, "mean", backend, case, worst, len(known), len(group), wrong)
    yield from _not_judged(kernel, records, by_estimator)


def _bias(kernel: str, records: Sequence[Variance]) -> Iterator[Check]:
    """Look for the bias that an estimator declares: it must be found somewhere."""
    known = [record for record in records if not _undecided(record)]
    groups: dict[str, list[Variance]] = {}
    for record in known:
        groups.setdefault(record.backend, []).append(record)
    for backend, own in groups.items():
        infinite = next((description(record) for record in own if record.mean is None), "")
        worst = max(own, key=bias_error)
        unseen = "" if off(worst, len(known)) else "it says that it is biased, and no mean is off; leave biased out"
        wrong = infinite or unseen
        yield _of_means(kernel, "bias", backend, worst.problem, worst, len(known), len(own), wrong, ", declared")
    yield from _not_judged(kernel, records, by_estimator=False)


def _undecided(record: Variance) -> bool:
    return record.mean is not None and record.bias_p_value is None


def _of_means(
    kernel: str, what: str, backend: str, case: str, worst: Variance, comparisons: int, size: int, wrong: str,
    note: str = "",
) -> Check:  # fmt: skip
    budget = improbability(laws.FAMILY_WISE / comparisons)
    return finding(kernel, what, backend=backend, case=case, error=bias_error(worst), unit=f"-log10 p{note}",
                   budget=budget, comparisons=size, wrong=wrong)  # fmt: skip


def _not_judged(kernel: str, records: Sequence[Variance], by_estimator: bool) -> Iterator[Check]:
    """Return what is not known: it is wrong where nothing else was judged in the backend."""
    judged = {record.backend for record in records if not _undecided(record)}
    for record in filter(_undecided, records):
        case = f"{record.estimator if by_estimator else record.problem} by {record.parameter}"
        check = finding(kernel, "not judged", backend=record.backend, case=case, comparisons=0)
        wrong = record.backend not in judged
        yield msgspec.structs.replace(check, within_budget=not wrong, observed=described(record))


def _variances(kernel: str, records: Sequence[Variance]) -> Iterator[Check]:
    """Hold every variance against the exact one, where the row knows it and the tail allows an interval."""
    known = [record for record in records if record.exact_variance is not None and record.trusted is not False]
    bound = far(known)
    for record in known:
        away = variance_distance(record)
        wrong = f"by {record.parameter}: variance {record.variance:.4g}, the row says {record.exact_variance:.4g}"
        case = f"{record.problem} by {record.parameter}"
        yield finding(kernel, "variance", backend=record.backend, case=case, error=away, unit="s.e.",
                      budget=bound, wrong=wrong if away > bound else "")  # fmt: skip


def variance_distance(record: Variance) -> float:
    """Return how far a variance is from the exact one, in standard errors, roundings forgiven; inf for NaN."""
    fields = (record.variance, record.exact_variance, record.variance_low, record.variance_high)
    if any(field is None for field in fields):
        return math.inf
    got, exact, low, high = (float(field or 0.0) for field in fields)
    beyond = max(abs(got - exact) - laws.rounding(record) ** 2, 0.0)
    error = (high - low) / 2 / float(stats.norm.isf((1 - CONFIDENCE) / 2))
    if not error:
        return math.inf if beyond else 0.0
    return beyond / error
