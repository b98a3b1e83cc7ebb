"""An estimator of another package, judged: contract, agreement of its texts, its mean and variance where exact."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from scipy import stats

from harness.estimators import ESTIMATORS, fits
from harness.plugins import texts, trial
from harness.plugins.findings import Settings, agreement, contract, distance, far, finding, measured, told, trials
from harness.problems import PROBLEMS
from harness.results.schema import Check, Variance
from harness.validation import settle
from harness.variance import laws
from harness.variance.intervals import CONFIDENCE
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
    """Hold every mean against the exact gradient: a record for each backend and problem, or estimator."""
    bound = far(records)
    groups: dict[tuple[str, str], list[Variance]] = {}
    for record in records:
        case = record.estimator if by_estimator else record.problem
        groups.setdefault((record.backend, case), []).append(record)
    for (backend, case), group in groups.items():
        worst = max(group, key=distance)
        off = distance(worst)
        yield finding(kernel, "mean", backend=backend, case=case, error=off, unit="s.e.", budget=bound,
                      wrong=told(worst) if off > bound else "", comparisons=len(group))  # fmt: skip


def _bias(kernel: str, records: Sequence[Variance]) -> Iterator[Check]:
    """Look for the bias that an estimator declares: somewhere it must be there."""
    bound = far(records)
    for backend in dict.fromkeys(record.backend for record in records):
        own = [record for record in records if record.backend == backend]
        infinite = next((told(record) for record in own if record.mean is None), "")
        worst = max(own, key=distance)
        unseen = "" if distance(worst) > bound else "it says that it is biased, and no mean is off; leave biased out"
        yield finding(kernel, "bias", backend=backend, case=worst.problem, error=distance(worst), comparisons=len(own),
                      unit="s.e., declared", budget=bound, wrong=infinite or unseen)  # fmt: skip


def _variances(kernel: str, records: Sequence[Variance]) -> Iterator[Check]:
    """Hold every variance against the exact one, where the row knows it and the tail allows an interval."""
    known = [record for record in records if record.exact_variance is not None and record.trusted is not False]
    bound = far(known)
    for record in known:
        off = variance_distance(record)
        wrong = f"by {record.parameter}: variance {record.variance:.4g}, the row says {record.exact_variance:.4g}"
        case = f"{record.problem} by {record.parameter}"
        yield finding(kernel, "variance", backend=record.backend, case=case, error=off, unit="s.e.",
                      budget=bound, wrong=wrong if off > bound else "")  # fmt: skip


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
