"""The records of a run, from the parts of it that processes brought back. Needs no framework."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.oracle import gradients as exact_gradients
from harness.oracle import reference_cache
from harness.oracle import variances as exact_variances
from harness.problems import PROBLEMS, Floats, instance
from harness.results.schema import Variance, finite
from harness.variance import intervals, tails, tree
from harness.variance.against import against
from harness.variance.inputs import inputs
from harness.variance.plan import settings_text

if TYPE_CHECKING:
    from harness.variance.engine import Partial

Float = NDArray[np.float64]


def _average(values: Mapping[str, Float | np.float64] | None, parameter: str) -> float:
    return math.nan if values is None else float(np.mean(values[parameter]))


def records(
    partials: Sequence[Partial],
    name: str,
    device: str,
    *,
    estimator: str,
    problem: str,
    settings: Mapping[str, float],
    dimension: int,
    samples: int,
    replicates: int,
    seed: int,
    dtype: str,
    mode: str,
    source: str,
    given: tuple[Floats, Floats] | None = None,
    **_: Any,
) -> list[Variance]:
    """Return a record for each parameter.

    Args:
        partials: all parts of one run, in any order.
        name: of the backend.
        device: on which it ran.
        estimator: a key of `ESTIMATORS`.
        problem: a key of `PROBLEMS`.
        settings: all of them, the problem's and the estimator's.
        dimension: coordinates, for a problem that takes them.
        samples: samples in one gradient.
        replicates: of the whole run.
        seed: of the noise.
        dtype: floating type.
        mode: "eager" or "compiled".
        source: of the noise.
        given: parameters and constants in place of those that the problem makes, rounded to the dtype.
    """
    nodes: tree.Nodes = {}
    for part in partials:
        nodes = tree.add(nodes, part.nodes)
    with np.errstate(all="ignore"):
        streams = tree.root(nodes)
    seconds = float(np.median([part.seconds_per_gradient for part in partials]))
    parameters, constants = inputs(estimator, problem, settings, dimension, dtype, given)
    truth = exact_gradients.expectation(problem, parameters, constants, samples)
    reference = None
    if truth is None:
        of_objective = instance(problem, settings, dimension, dtype)[1] if given is None else given[1]
        reference = reference_cache.of(problem, parameters, of_objective)
    exact_variance = exact_variances.variance(estimator, problem, parameters, constants, samples)

    def record(parameter: str) -> Variance:
        kept = streams[parameter]
        largest = np.empty(0)
        for part in partials:
            largest = tails.keep(largest, part.largest[parameter], tails.size(replicates))
        with np.errstate(all="ignore"):
            mean, variance = intervals.mean(kept), intervals.variance(kept)
            shape = tails.shape(largest)
            compared = against(kept, mean, parameter, truth, reference)
        return Variance(
            backend=name,
            dtype=dtype,
            device=device,
            mode=mode,
            estimator=estimator,
            problem=problem,
            parameter=parameter,
            dimension=len(kept.centre),
            settings=settings_text(settings),
            samples=samples,
            replicates=replicates,
            seed=seed,
            mean=finite(mean.value),
            mean_standard_error=finite(mean.standard_error),
            variance=finite(variance.value),
            variance_low=finite(variance.low),
            variance_high=finite(variance.high),
            confidence=intervals.CONFIDENCE,
            exact_variance=finite(_average(exact_variance, parameter)),
            seconds_per_gradient=seconds,
            work_normalized_variance=finite(variance.value * seconds),
            source=source,
            tail_shape=None if shape is None else finite(shape),
            trusted=tails.trusted(shape),
            **compared._asdict(),
        )

    return [record(parameter) for parameter in PROBLEMS[problem].parameters]
