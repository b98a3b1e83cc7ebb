"""A problem of another package, judged: contract, agreement of its texts, and its exact value and gradient."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from harness.estimators import ESTIMATORS, fits
from harness.plugins import texts, trial
from harness.plugins.estimators import judged_backends, means, task
from harness.plugins.findings import Settings, agreement, contract, finding, measured, trials
from harness.problems import PROBLEMS, instance
from harness.results.schema import Check
from harness.variance import laws

Float = NDArray[np.float64]

#: A derivative by differences of fourth order, with this relative step, of a value in float64.
STEP = 1e-3
DIFFERENCES = 1e-6


def judge(name: str, settings: Settings) -> Iterator[Check]:
    """Judge a problem.

    Args:
        name: a key of `PROBLEMS`.
        settings: how.
    """
    row, kernel = PROBLEMS[name], f"problems.{name}"
    yield derivative(name)
    backends = judged_backends(tuple(row.functions), settings)
    fitting = [other for other in ESTIMATORS.built_in if fits(other, name) and not ESTIMATORS[other].biased]
    if not backends or not fitting:
        nothing = "no estimator fits it" if backends else "no backend that has a text of it is installed"
        yield finding(kernel, "call", wrong=f"{nothing}, so that nothing can be judged")
        return
    yield from contract(kernel, row.functions, backends)
    tasks = {backend: [task(fitting[0], name, trial.SAMPLES, settings.seed)] for backend in backends}
    tried, sound = trials(kernel, "values", tasks, texts.packages(fitting[:1], name), settings.engine)
    yield from tried
    yield from agreement(kernel, sound)
    for backend, results in sound.items():
        yield value(name, backend, results[name]["value"])
    if sound:
        cells = laws.plan(fitting, [name], backends=list(sound), replicates=settings.replicates, seed=settings.seed)
        failed, records = measured(cells, kernel, settings.engine)
        yield from failed
        yield from means(kernel, records, by_estimator=True)


def _exact(
    name: str, parameters: Mapping[str, Float], constants: Mapping[str, Float]
) -> tuple[float, dict[str, Float]]:
    row = PROBLEMS[name]
    if row.exact is None:
        raise AssertionError("a row of another package has exact values")
    found, gradient = row.exact(dict(parameters), dict(constants))
    return float(found), {key: np.asarray(part, np.float64) for key, part in gradient.items()}


def _instance(name: str) -> tuple[dict[str, Float], dict[str, Float]]:
    settings = {key: setting.default for key, setting in PROBLEMS[name].settings.items()}
    return instance(name, settings, PROBLEMS[name].dimension or 1, "float64")


def derivative(name: str) -> Check:
    """Hold the exact gradient against differences of the exact value."""
    parameters, constants = _instance(name)
    gradient = _exact(name, parameters, constants)[1]
    worst, wrong = 0.0, ""
    for key, index in ((key, index) for key, array in parameters.items() for index in np.ndindex(array.shape)):
        slope, given = _slope(name, (parameters, constants), key, index), float(gradient[key][index])
        off = abs(given - slope) / max(abs(slope), abs(given), 1.0)
        if not off <= max(worst, DIFFERENCES):
            wrong = f"by {key}{list(index) or ''}: exact says {given:.9g}, differences of its value {slope:.9g}"
        worst = max(worst, off) if math.isfinite(off) else math.inf
    return finding(f"problems.{name}", "exact gradient", error=worst, unit="relative",
                   budget=DIFFERENCES, wrong=wrong)  # fmt: skip


def _slope(name: str, at: tuple[dict[str, Float], dict[str, Float]], key: str, index: tuple[int, ...]) -> float:
    """Return the derivative of the exact value by one coordinate, by central differences of fourth order."""
    parameters, constants = at
    step = STEP * (abs(float(parameters[key][index])) or 1.0)

    def moved(by: float) -> float:
        other = parameters[key].copy()
        other[index] += by
        return _exact(name, parameters | {key: other}, constants)[0]

    return (8 * (moved(step) - moved(-step)) - (moved(2 * step) - moved(-2 * step))) / (12 * step)


def value(name: str, backend: str, values: Float) -> Check:
    """Hold the exact value against the mean of the objective over samples."""
    exact = _exact(name, *_instance(name))[0]
    mean, error = float(values.mean()), float(values.std(ddof=1) / math.sqrt(values.size))
    beyond = max(abs(mean - exact) - laws.ROUNDINGS * np.finfo(np.float64).eps * (1 + abs(exact)), 0.0)
    off = beyond / error if error else math.inf if beyond else 0.0
    bound = float(stats.norm.isf(laws.FAMILY_WISE / 2))
    wrong = f"mean of {values.size} values {mean:.6g} (s.e. {error:.2g}), exact {exact:.6g}"
    return finding(f"problems.{name}", "exact value", backend=backend, error=off, unit="s.e.", budget=bound,
                   comparisons=values.size, wrong=wrong if off > bound else "")  # fmt: skip
