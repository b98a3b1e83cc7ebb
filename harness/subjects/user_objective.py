"""An objective f(x) that someone wrote: its signature, its values at samples, and where it can be differentiated."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness import dtypes
from harness.errors import BadInputError, shown
from implementations.entries import in_one_line

#: Leading axes [replicates, samples] of the points at which an objective is tried, unlike those of most events.
POINTS = (12, 5)

#: Of these, some are evaluated once more by themselves: neither the first nor the last ones.
_FEWER = (slice(4, 8), slice(1, 4))

_ALLOWED = "objective(x), or objective(x, parameters) where it depends on the parameters explicitly"


@dataclass(frozen=True)
class Objective:
    """An objective with the signature of the project's own: (value, parameters, constants) -> [replicates, samples].

    Attributes:
        function: x [replicates, samples, *event] -> [replicates, samples], or of x and {name: [replicates, 1, *param]}.
        sees_parameters: whether it takes the parameters.
    """

    function: Callable[..., Any]
    sees_parameters: bool

    def __call__(self, value: Any, parameters: Mapping[str, Any], constants: Mapping[str, Any]) -> Any:
        """Return f at every sample, [replicates, samples]."""
        del constants
        return self.function(value, dict(parameters)) if self.sees_parameters else self.function(value)


class Findings(NamedTuple):
    """Why an objective cannot be differentiated by x, in words; "" where it can.

    Attributes:
        at_samples: at samples of the distribution.
        at_relaxed: at relaxed samples; "" too for a distribution without relaxation.
    """

    at_samples: str
    at_relaxed: str


def require_objective(function: Any) -> Objective:
    """Return the objective, whose signature says whether it depends on the parameters explicitly.

    It does where it needs two arguments, or where the second is called "parameters". Arguments with defaults, as in
    `lambda x, reward=reward: ...`, are its own.

    Raises:
        BadInputError: it cannot be called with one or two arguments.
    """
    if not callable(function):
        raise BadInputError(f"objective is {shown(function)}, which is not callable; allowed: {_ALLOWED}")
    try:
        arguments = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a built-in function without a signature
        return Objective(function, sees_parameters=False)
    rows = [row for row in arguments if row.kind in (row.POSITIONAL_ONLY, row.POSITIONAL_OR_KEYWORD)]
    needed = [row for row in rows if row.default is row.empty]
    by_name = [row for row in arguments if row.kind is row.KEYWORD_ONLY and row.default is row.empty]
    takes_any = any(row.kind is row.VAR_POSITIONAL for row in arguments)
    if len(needed) > 2 or by_name or not (rows or takes_any):
        raise BadInputError(f"objective needs {len(needed) + len(by_name)} arguments; allowed: {_ALLOWED}")
    named = len(rows) > 1 and rows[1].name == "parameters"
    return Objective(function, sees_parameters=len(needed) == 2 or named)


def try_out(
    backend: ModuleType, distribution: Any, objective: Objective, parameters: Mapping[str, Any], noise: Any, dtype: str
) -> Findings:
    """Evaluate and differentiate an objective at a few samples, and at a few relaxed ones.

    Args:
        backend: the loaded backend.
        distribution: a `Distribution` of the backend.
        objective: what is tried.
        parameters: {name: [*event]}, arrays of the framework.
        noise: base noise of `POINTS` samples, [replicates, samples, *event].
        dtype: of the parameters.

    Raises:
        BadInputError: at samples it raises, or its values are not one finite number for each sample, a function of
            that sample alone.
    """
    points = _Points(backend, objective, parameters, dtype)
    x = distribution.sample(parameters, noise)
    value = points.values(x, "samples")
    points.require_separate(x, value)
    at_samples = points.derivative(x, value)
    if distribution.relaxed_sample is None:
        return Findings(at_samples, "")
    soft = distribution.relaxed_sample(parameters, noise, backend.runtime.asarray(np.asarray(0.5), dtype))
    try:
        return Findings(at_samples, points.derivative(soft, points.values(soft, "relaxed samples")))
    except BadInputError as error:
        return Findings(at_samples, str(error))


@dataclass(frozen=True)
class _Points:
    """An objective at some points, outside of any compilation."""

    backend: ModuleType
    objective: Objective
    parameters: Mapping[str, Any]
    dtype: str

    def at(self, x: Any) -> Any:
        """Return f(x), the parameters repeated for every replicate as estimators do."""
        return self.objective(x, repeated(self.parameters, x), {})

    def values(self, x: Any, what: str) -> Any:
        """Return f(x) [replicates, samples], all finite."""
        shape = tuple(x.shape)
        try:
            value = self.at(x)
        except Exception as error:
            raise BadInputError(
                f"the objective raised {in_one_line(error)} at {what} x of shape {shape} in {self.dtype}; allowed: "
                "the framework's own operations, batched over the leading axes [replicates, samples] of x"
            ) from error
        found = tuple(getattr(value, "shape", ()))
        if found != shape[:2]:
            raise BadInputError(
                f"the objective has shape {found} at x of shape {shape}; allowed: {shape[:2]}, one number for each "
                "sample; sum over the axes of the event, and over no others"
            )
        kind = dtype_name(value)
        if kind not in dtypes.DTYPES:
            raise BadInputError(
                f"the objective has dtype {kind}; allowed: {', '.join(dtypes.DTYPES)}; convert it, as in f(x) * 1.0"
            )
        array = self.host(value)
        bad = int(np.sum(~np.isfinite(array)))
        if bad:
            raise BadInputError(
                f"the objective is not finite at {bad} of {array.size} {what}; allowed: finite numbers; define it there"
            )
        return value

    def require_separate(self, x: Any, value: Any) -> None:
        """Check that f at a sample does not change when there are fewer others, and when it is called again."""
        fewer = self.host(self.values(x[_FEWER], "samples"))
        before = self.host(value)
        tolerance = dtypes.find(self.dtype).eps ** 0.5 * float(np.abs(before).max())
        if (np.abs(fewer - before[_FEWER]) > tolerance).any():
            raise BadInputError(
                "the objective has other values at the same samples when it is called with fewer of them; allowed: a "
                "function of each sample alone, without random numbers; sum or average over the axes of the event only"
            )

    def derivative(self, x: Any, value: Any) -> str:
        """Return why f cannot be differentiated at x, "" where it can."""
        try:
            _, (slope,) = self.backend.autodiff.vjp(self.at, (x,), value * 0 + 1)
        except Exception as error:
            return f"its derivative raised {in_one_line(error)}"
        slopes = self.host(slope)
        bad = int(np.sum(~np.isfinite(slopes)))
        if bad:
            return f"its derivative is not finite at {bad} of {slopes.size} coordinates of x"
        if not slopes.any() and np.ptp(self.host(value)) > 0:
            return "its derivative by x is 0 everywhere while its values differ"
        return ""

    def host(self, value: Any) -> NDArray[np.float64]:
        return np.asarray(self.backend.runtime.to_numpy(value), np.float64)


def repeated(parameters: Mapping[str, Any], x: Any) -> dict[str, Any]:
    """Return every parameter repeated for each replicate of x, {name: [replicates, 1, *param]}."""
    # 0 times one sample of each replicate: no framework's name for broadcasting is needed
    zero = x[:, :1] * 0
    return {name: value + zero for name, value in parameters.items()}


def dtype_name(array: Any) -> str:
    """Return the name of an array's dtype, such as "float32", in any framework."""
    dtype = getattr(array, "dtype", type(array).__name__)
    return str(getattr(dtype, "name", dtype)).removeprefix("torch.")
