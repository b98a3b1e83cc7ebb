"""The bias of an estimator on a problem, judged by the rule of `harness.statistics.bias`, parameter by parameter.

`Judging` measures it, and `biased` is what everything else asks whether one is found. The first replicates of a run are
judged, at most `MOST` of them: their blocks are computed in one process and in order, however many processes share the
run, so that the verdict depends on none of that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness import dtypes
from harness.oracle import gradients as exact_gradients
from harness.oracle import reference_cache
from harness.oracle.gradients import Expectation
from harness.oracle.reference import Reference
from harness.results.schema import TrainingVariance, Variance, finite
from harness.statistics import bias, sizes
from harness.statistics.bias import BiasTest
from harness.variance.task import Task, inputs, instance_of

Float = NDArray[np.float64]

#: Replicates that are judged at most: they see a bias of a hundredth of a standard deviation.
MOST = 2**18

#: The same where the framework draws the noise: their blocks are computed again beside the stream.
MOST_NATIVE = 2**14

#: Fewer show no bias at a family-wise level over some hundred gradients, however large it is (`robust.log_least`).
LEAST = 256

#: Rows of a pilot.
PILOT = 1024

#: Terms of a gradient are of order 1 at the problems' default settings, and may cancel.
SCALE = 1.0


class Found(NamedTuple):
    """What a record holds of a bias; None where it is not known."""

    bias_p_value: float | None = None
    worst_coordinate: int | None = None
    worst_z: float | None = None
    distance: float | None = None
    distance_low: float | None = None
    distance_high: float | None = None
    detectable_distance: float | None = None


def found(p_value: float | None, comparisons: int = 1, level: float = bias.LEVEL) -> bool | None:
    """Return whether a p-value shows a bias: the rule of everything that decides it; None where it is not known.

    Args:
        p_value: of a record, family-wise over the coordinates of a parameter.
        comparisons: over which the level is family-wise too (Bonferroni).
        level: chance that any of them is called biased without a bias.
    """
    return None if p_value is None else p_value < level / max(comparisons, 1)


def biased(record: Variance | TrainingVariance, comparisons: int = 1, level: float = bias.LEVEL) -> bool | None:
    """Return whether the bias of a record is found, as `found` decides."""
    return found(record.bias_p_value, comparisons, level)


def reason_unknown(record: Variance | TrainingVariance) -> str:
    """Return why it is not known whether a record has a bias; "" where it is known."""
    if record.bias_p_value is not None:
        return ""
    if record.mean is None:
        return "a gradient is NaN or infinite"
    if record.bias is None:
        return "the true gradient is not known"
    if record.replicates < LEAST:
        return f"{record.replicates} replicates are fewer than {LEAST}"
    if record.distance is None:
        return "it was measured before biases were judged by coordinates"
    return "the tail of the gradients is too heavy for a test of their mean"


def described(record: Variance | TrainingVariance) -> str:
    """Return in words what is known of the bias of a gradient by one parameter."""
    unknown = reason_unknown(record)
    if unknown:
        return f"by {record.parameter}: {unknown}"
    place = f"by {record.parameter}"
    if record.dimension > 1:
        place += f", coordinate {record.worst_coordinate}"
    numbers = (record.worst_z, record.distance, record.distance_low, record.distance_high, record.detectable_distance)
    z, distance, low, high, detectable = (math.inf if number is None else number for number in numbers)
    return (
        f"{place}: {z:+.3g} standard errors; distance from the true gradient {distance:.3g} [{low:.3g}, {high:.3g}], "
        f"seen from {detectable:.3g} on, p = {record.bias_p_value:.2g}"
    )


class Goal(NamedTuple):
    """The true gradient of a task: exact, or a long run in its place; None where neither is known."""

    truth: Expectation | None
    reference: Reference | None

    def of(self, parameter: str) -> tuple[Float, Float | None]:
        """Return the true gradient by a parameter [coordinates], and the rows whose mean it is, where it is one."""
        if self.truth is not None:
            return np.ravel(np.asarray(self.truth.gradient[parameter], np.float64)), None
        if self.reference is None:
            raise AssertionError("a goal without a truth is not judged")
        rows = self.reference.gradients[parameter]
        rows = rows.reshape(len(rows), -1)
        return rows.mean(axis=0), rows


def goal_of(task: Task) -> Goal:
    """Return the true gradient of a task."""
    parameters, constants = inputs(task)
    truth = exact_gradients.expectation(task.problem, parameters, constants, task.samples)
    if truth is not None:
        return Goal(truth, None)
    return Goal(None, reference_cache.of(task.problem, parameters, instance_of(task)[1]))


class Judging:
    """Judges a run of which the blocks are added in order.

    Attributes:
        left: replicates that are still to be added.
    """

    def __init__(self, task: Task) -> None:
        """Begin to judge a task."""
        self._goal = goal_of(task)
        known = self._goal.truth is not None or self._goal.reference is not None
        self._replicates = min(task.replicates, MOST if task.source == "shared" else MOST_NATIVE)
        self.left = self._replicates if known and self._replicates >= LEAST else 0
        self._eps = dtypes.find(task.dtype).eps
        self._tests: dict[str, BiasTest] = {}
        self._seen: dict[str, sizes.Pilot] = {}
        self._infinite: set[str] = set()

    def add(self, rows: Mapping[str, Float]) -> None:
        """Add a block, {parameter: [replicates, coordinates]}; rows beyond those that are judged are not looked at."""
        count = min(self.left, len(next(iter(rows.values()))))
        for name, values in rows.items() if count else ():
            part = values[:count]
            if name in self._infinite or not np.isfinite(part).all():
                self._infinite.add(name)
                continue
            if name not in self._tests:
                self._tests[name] = self._begin(name, part)
            self._tests[name].add(part)
        self.left -= count

    def _begin(self, name: str, part: Float) -> BiasTest:
        truth, rows = self._goal.of(name)
        self._seen[name] = sizes.pilot(part[:PILOT], truth)
        scale = SCALE + math.sqrt(float(np.mean(np.square(truth))))
        return BiasTest(truth, len(truth), self._replicates, eps=self._eps, scale=scale, truth_rows=rows)

    def found(self) -> dict[str, Found]:
        """Return what is known, by parameter; nothing where replicates are missing."""
        if self.left:
            return {}
        return {name: self._found(name) for name in self._tests if name not in self._infinite}

    def _found(self, name: str) -> Found:
        test = self._tests[name]
        verdict = test.verdict()
        distance, detectable = verdict.distance, sizes.detectable(self._seen[name], verdict.replicates)
        return Found(
            bias_p_value=None if verdict.trusted is False else verdict.p_value,
            worst_coordinate=verdict.coordinate,
            worst_z=finite(verdict.z),
            distance=finite(distance.value),
            distance_low=finite(distance.low),
            distance_high=finite(distance.high),
            detectable_distance=finite(detectable + test.forgiven_norm()),
        )
