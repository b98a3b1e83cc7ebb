"""The arrays that an estimator on a problem is given, in float64 and rounded to the dtype under test."""

from __future__ import annotations

from collections.abc import Mapping

from harness import dtypes
from harness.estimators import ESTIMATORS
from harness.oracle import baselines
from harness.problems import Floats, instance


def inputs(
    estimator: str,
    problem: str,
    settings: Mapping[str, float],
    dimension: int,
    dtype: str,
    given: tuple[Floats, Floats] | None = None,
) -> tuple[Floats, Floats]:
    """Return the parameters of a problem, and its constants together with the estimator's.

    Args:
        estimator: a key of `ESTIMATORS`.
        problem: a key of `PROBLEMS`.
        settings: all of them, the problem's and the estimator's.
        dimension: coordinates, for a problem that takes them.
        dtype: to which all is rounded.
        given: parameters and constants in place of those that the problem makes, rounded to the dtype.
    """
    parameters, constants = instance(problem, settings, dimension, dtype) if given is None else given
    constants = constants | {key: dtypes.rounded(settings[key], dtype) for key in ESTIMATORS[estimator].settings}
    constants |= baselines.constants_of(estimator, problem, parameters, constants, dtype)
    return parameters, constants
