"""Functions of another package, tried in a process of their own: shapes, finite numbers, same noise, same result.

What is found is data: texts of what is wrong, and float64 arrays, which are compared in the driver.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import noise as noises
from harness.errors import without_folders
from harness.plugins import texts
from harness.problems import PROBLEMS, draw_noise
from harness.variance.task import Task, inputs, shape
from implementations.entries import in_one_line

Float = NDArray[np.float64]

#: Replicates of a trial, half of which are computed again by themselves.
REPLICATES = 32

#: Samples of an objective: with all replicates, enough to see an exact value that is off by a hundredth.
SAMPLES = 2048

#: Roundings that may differ between two orders of summation, relative to the largest number.
SAME = 1e-9


def gradients(backend: ModuleType, tasks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Try an estimator on problems.

    Args:
        backend: the loaded backend.
        tasks: fields of a `Task`, one for each problem.

    Returns:
        {problem: {"wrong": {what: text}, "results": {parameter: [replicates, *param]}}}.
    """
    return {task["problem"]: _tried(_gradients, backend, task) for task in tasks}


def values(backend: ModuleType, tasks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Try the objectives of problems at samples of their distributions.

    Args:
        backend: the loaded backend.
        tasks: fields of a `Task`, one for each problem.

    Returns:
        {problem: {"wrong": {what: text}, "results": {"value": [replicates, samples]}}}, summed over factors.
    """
    return {task["problem"]: _tried(_values, backend, task) for task in tasks}


def _tried(
    trial: Callable[[ModuleType, Task], tuple[dict[str, str], dict[str, Float]]],
    backend: ModuleType,
    task: dict[str, Any],
) -> dict[str, Any]:
    try:
        wrong, results = trial(backend, Task(**task))
    except Exception as error:
        wrong, results = {"call": without_folders(in_one_line(error))}, {}
    return {"wrong": wrong, "results": results}


def _arrays(backend: ModuleType, values: Mapping[str, Any], dtype: str) -> dict[str, Any]:
    return {name: backend.runtime.asarray(value, dtype) for name, value in values.items()}


def _draws(task: Task, parameters: Any, replicates: int) -> Float:
    random = noises.generator(task.seed, "plug-in", task.problem)
    return draw_noise(task.problem, parameters, shape(task, parameters, replicates), random)


def _gradients(backend: ModuleType, task: Task) -> tuple[dict[str, str], dict[str, Float]]:
    parameters, constants = inputs(task)
    noise = _draws(task, parameters, REPLICATES)
    function, objective = texts.estimator(backend, task.estimator), texts.objective(backend, task.problem)
    distribution = getattr(backend.distributions, PROBLEMS[task.problem].distribution)
    given, fixed = (_arrays(backend, part, task.dtype) for part in (parameters, constants))

    def call(noise: Float) -> Any:
        return function(distribution, objective, given, fixed, backend.runtime.asarray(noise, task.dtype))

    result = call(noise)
    wrong = _misshapen(result, {name: (REPLICATES, *value.shape) for name, value in parameters.items()})
    if wrong:
        return {"shape": wrong}, {}
    whole, again, half = (_numbers(backend, part) for part in (result, call(noise), call(noise[: REPLICATES // 2])))
    found = {}
    for name, numbers in whole.items():
        scale = np.nanmax(np.abs(numbers), initial=0.0)
        bad = np.argwhere(~np.isfinite(numbers))
        if len(bad):
            found["finite"] = f"by {name}: {numbers[tuple(bad[0])]} in {len(bad)} of {numbers.size} numbers"
        if not np.array_equal(numbers, again[name], equal_nan=True):
            found["repeatable"] = f"by {name}: the same noise gives another gradient"
        elif half[name].shape != (REPLICATES // 2, *numbers.shape[1:]) or not np.allclose(
            numbers[: REPLICATES // 2], half[name], rtol=0, atol=SAME * scale, equal_nan=True
        ):
            found["replicates"] = f"by {name}: a gradient depends on the noise of other replicates"
    return found, whole


def _misshapen(result: Any, wanted: Mapping[str, tuple[int, ...]]) -> str:
    """Say what is wrong with the shape of a result; "" for nothing."""
    if not isinstance(result, Mapping):
        return f"it returns a {type(result).__name__}; the contract: {{name: [replicates, *param]}}"
    if set(result) != set(wanted):
        return f"gradients by {', '.join(map(str, sorted(result)))}; the contract: by {', '.join(wanted)}"
    for name, shape_ in wanted.items():
        got = tuple(getattr(result[name], "shape", ()))
        if got != shape_:
            return f"by {name} of shape {got}; the contract: [replicates, *param], here {shape_}"
    return ""


def _numbers(backend: ModuleType, result: Any) -> dict[str, Float]:
    return {name: np.asarray(value, np.float64) for name, value in backend.runtime.to_numpy(dict(result)).items()}


def _values(backend: ModuleType, task: Task) -> tuple[dict[str, str], dict[str, Float]]:
    row = PROBLEMS[task.problem]
    parameters, constants = inputs(task)
    noise = backend.runtime.asarray(_draws(task, parameters, REPLICATES), task.dtype)
    broadcast = {name: np.broadcast_to(value, (REPLICATES, 1, *value.shape)) for name, value in parameters.items()}
    given, fixed = _arrays(backend, broadcast, task.dtype), _arrays(backend, constants, task.dtype)
    sample = getattr(backend.distributions, row.distribution).sample(given, noise)
    function = texts.objective(backend, task.problem)

    def call(given: Any) -> Any:
        return function(sample, given, fixed)

    result = call(given)
    event = next(iter(parameters.values())).shape
    got, allowed = tuple(result.shape), [(REPLICATES, task.samples, *event[:axes]) for axes in range(len(event) + 1)]
    if got not in allowed:
        return {"shape": f"shape {got}; the contract: [replicates, samples, *factors], here {allowed[0]}"}, {}
    shifted = {name: value + 0.125 for name, value in broadcast.items()}
    first, again, other = (
        np.asarray(backend.runtime.to_numpy(part), np.float64)
        for part in (result, call(given), call(_arrays(backend, shifted, task.dtype)))
    )
    found = {}
    if not np.isfinite(first).all():
        found["finite"] = f"{np.count_nonzero(~np.isfinite(first))} of {first.size} numbers are NaN or infinite"
    if not np.array_equal(first, again, equal_nan=True):
        found["repeatable"] = "the same sample gives another value"
    if "plain" in row.features and not np.array_equal(first, other, equal_nan=True):
        found["plain"] = "it depends on the parameters, and features say 'plain'; leave that word out"
    return found, {"value": first.reshape(*first.shape[:2], -1).sum(axis=-1)}  # [replicates, samples]
