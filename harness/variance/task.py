"""What is measured, as data: one estimator on one problem, its sizes, and the arrays that it is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness import dtypes
from harness.estimators import ESTIMATORS, noise_shape
from harness.oracle import baselines
from harness.problems import Floats, instance
from harness.results.schema import Variance


@dataclass(frozen=True, kw_only=True)
class Task:
    """One estimator on one problem.

    Attributes:
        estimator: a key of `ESTIMATORS`.
        problem: a key of `PROBLEMS`.
        settings: all of them, the problem's and the estimator's.
        dimension: coordinates, for a problem that takes them.
        samples: samples in one gradient.
        replicates: gradients of the whole run.
        seed: of the noise.
        dtype: floating type.
        mode: "eager" or "compiled".
        source: of the noise: "shared", NumPy's, or "framework", its own generator.
        given: parameters and constants in place of those that the problem makes, rounded to the dtype.
    """

    estimator: str
    problem: str
    settings: Mapping[str, float]
    dimension: int
    samples: int
    replicates: int
    seed: int
    dtype: str
    mode: str
    source: str = "shared"
    given: tuple[Floats, Floats] | None = None


def task_of(record: Variance) -> Task:
    """Return the task that a record was measured with, whose problem made its own parameters."""
    settings = {name: float(value) for name, _, value in (text.partition("=") for text in record.settings.split())}
    return Task(
        estimator=record.estimator,
        problem=record.problem,
        settings=settings,
        dimension=record.dimension,
        samples=record.samples,
        replicates=record.replicates,
        seed=record.seed,
        dtype=record.dtype,
        mode=record.mode,
        source=record.source,
    )


def instance_of(task: Task) -> tuple[Floats, Floats]:
    """Return parameters and constants of the problem, in float64 and rounded to the dtype under test."""
    if task.given is not None:
        return task.given
    return instance(task.problem, task.settings, task.dimension, task.dtype)


def inputs(task: Task) -> tuple[Floats, Floats]:
    """Return the parameters of the problem, and its constants together with the estimator's."""
    parameters, constants = instance_of(task)
    own = {key: dtypes.rounded(task.settings[key], task.dtype) for key in ESTIMATORS[task.estimator].settings}
    constants = constants | own
    return parameters, constants | baselines.constants_of(
        task.estimator, task.problem, parameters, constants, task.dtype
    )


def event(parameters: Floats) -> tuple[int, ...]:
    """Return the shape of one sample, which is that of every parameter."""
    return next(iter(parameters.values())).shape


def shape(task: Task, parameters: Floats, replicates: int) -> tuple[int, ...]:
    """Return the shape of the noise of some replicates: [replicates, samples, *event], or what the estimator asks."""
    return noise_shape(task.estimator, task.settings, replicates, task.samples, event(parameters))
