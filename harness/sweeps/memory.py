"""An estimate of the memory that a worker takes: its framework as it was measured, and the arrays of its cells."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from harness import dtypes
from harness.estimators import ESTIMATORS
from harness.execution.work import Work
from harness.problems import PROBLEMS, instance
from harness.variance.blocks import BLOCK_NUMBERS, block_replicates
from implementations import registry

#: Arrays of a timed kernel: arguments, results and their derivatives.
_ARRAYS = 6

#: Copies of a block of noise in float64, then in the dtype: noise, samples, objective's intermediates, gradients.
_COPIES = 4


@cache
def workers() -> Mapping[str, Mapping[str, Any]]:
    """Return what a process of each framework takes, {bytes, seen}, by the framework's reference backend."""
    rows: dict[str, dict[str, Any]] = tomllib.loads(files("harness.sweeps").joinpath("workers.toml").read_text())
    return rows


def of_worker(backend: str) -> int | None:
    """Return the bytes of a process that has loaded a backend's framework and compiled; None where none was measured.

    Args:
        backend: its name.
    """
    row = registry.find(backend)
    found = workers().get(row.base or backend)
    return None if found is None else int(found["bytes"])


@cache
def _event(problem: str, dimension: int) -> int:
    """Return the numbers of one sample."""
    row = PROBLEMS[problem]
    if row.source:  # the data need not be loaded: a block never has more numbers than its bound
        return BLOCK_NUMBERS
    defaults = {name: setting.default for name, setting in row.settings.items()}
    parameters, _ = instance(problem, defaults, dimension, "float64")
    return int(np.prod(next(iter(parameters.values())).shape))


def _of_variance(arguments: Mapping[str, Any]) -> int:
    event = _event(arguments["problem"], arguments["dimension"])
    per_gradient = arguments["samples"] * ESTIMATORS[arguments["estimator"]].draws(arguments["settings"])
    size = block_replicates(arguments["problem"], event, per_gradient)
    numbers = size * per_gradient * (event + PROBLEMS[arguments["problem"]].intermediates)
    width = dtypes.find(arguments["dtype"]).numpy.itemsize
    return int(numbers * (8 + _COPIES * width))


def _of_time(arguments: Mapping[str, Any]) -> int:
    return int(_ARRAYS * arguments["size"] * dtypes.find(arguments["dtype"]).numpy.itemsize)


_ARRAYS_OF: dict[str, Callable[[Mapping[str, Any]], int]] = {
    "harness.variance.engine:measure": _of_variance,
    "harness.variance.engine:partial": _of_variance,
    "harness.timing.measure:measure": _of_time,
}


def of_arrays(work: Work) -> int | None:
    """Return the bytes of a cell's arrays, from their sizes; None where that is not known.

    Args:
        work: of the cell.
    """
    estimate = _ARRAYS_OF.get(work.function)
    return None if estimate is None else estimate(work.arguments)
