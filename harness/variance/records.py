"""The records of a run, from the parts of it that processes brought back. Needs no framework."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.oracle import variances as exact_variances
from harness.problems import PROBLEMS
from harness.results.schema import Variance, finite
from harness.statistics import intervals, merging, tails
from harness.variance.against import against
from harness.variance.judging import Found, goal_of
from harness.variance.plan import settings_text
from harness.variance.task import Task, inputs

if TYPE_CHECKING:
    from harness.variance.kept import Partial

Float = NDArray[np.float64]


def _average(values: Mapping[str, Float | np.float64] | None, parameter: str) -> float:
    return math.nan if values is None else float(np.mean(values[parameter]))


def records(partials: Sequence[Partial], name: str, device: str, task: Task) -> list[Variance]:
    """Return a record for each parameter.

    Args:
        partials: all parts of one run, in any order.
        name: of the backend.
        device: on which it ran.
        task: what was measured.
    """
    nodes: merging.Nodes = {}
    for part in partials:
        nodes = merging.add(nodes, part.nodes)
    with np.errstate(all="ignore"):
        streams = merging.root(nodes)
    biases = {name: found for part in partials for name, found in part.biases.items()}
    seconds = float(np.median([part.seconds_per_gradient for part in partials]))
    parameters, constants = inputs(task)
    truth, reference = goal_of(task)
    exact_variance = exact_variances.variance(task.estimator, task.problem, parameters, constants, task.samples)

    def record(parameter: str) -> Variance:
        kept = streams[parameter]
        largest = np.empty(0)
        for part in partials:
            largest = tails.keep(largest, part.largest[parameter], tails.size(task.replicates))
        with np.errstate(all="ignore"):
            mean, variance = intervals.mean(kept), intervals.variance(kept)
            shape = tails.shape(largest)
            compared = against(kept, mean, parameter, truth, reference)
        return Variance(
            backend=name,
            dtype=task.dtype,
            device=device,
            mode=task.mode,
            estimator=task.estimator,
            problem=task.problem,
            parameter=parameter,
            dimension=len(kept.centre),
            settings=settings_text(task.settings),
            samples=task.samples,
            replicates=task.replicates,
            seed=task.seed,
            mean=finite(mean.value),
            mean_standard_error=finite(mean.standard_error),
            variance=finite(variance.value),
            variance_low=finite(variance.low),
            variance_high=finite(variance.high),
            confidence=intervals.CONFIDENCE,
            exact_variance=finite(_average(exact_variance, parameter)),
            seconds_per_gradient=seconds,
            work_normalized_variance=finite(variance.value * seconds),
            source=task.source,
            tail_shape=None if shape is None else finite(shape),
            trusted=tails.trusted(shape),
            **compared._asdict(),
            **biases.get(parameter, Found())._asdict(),
        )

    return [record(parameter) for parameter in PROBLEMS[task.problem].parameters]
