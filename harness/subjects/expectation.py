"""An expectation E f(x), x ~ p(x; parameters), that someone wrote: its parts, checked, as arrays of one framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from harness import backends, dtypes
from harness import noise as noises
from harness.errors import BadInputError, shown, unknown
from harness.problems import FEATURES, PROBLEMS, Floats, draw_noise
from harness.subjects.user_objective import POINTS, Findings, Objective, dtype_name, require_objective, try_out
from harness.validation import require
from implementations import registry

#: The distributions by the name that a caller gives.
DISTRIBUTIONS = {name.lower(): name for name in FEATURES}

#: A problem of each distribution, which says what its parameters are called, their domains and their noise.
EXAMPLES = {row.distribution: name for name, row in reversed(list(PROBLEMS.built_in.items()))}

#: Axes of one event at least, by distribution; 0 for the others.
_LEAST_AXES = {"CATEGORICAL": 1}

#: How a gradient is computed.
MODES = ("eager", "compiled")


@dataclass(frozen=True)
class Expectation:
    """An expectation whose gradient by the parameters is estimated.

    Attributes:
        backend: the loaded backend.
        name: of the backend.
        distribution: a key of `FEATURES`.
        objective: f.
        parameters: {name: [*event]}, arrays of the framework.
        host: the same numbers in float64.
        dtype: of the parameters, and of the noise.
        mode: "eager" or "compiled".
        findings: where the objective cannot be differentiated, and why.
    """

    backend: ModuleType
    name: str
    distribution: str
    objective: Objective
    parameters: dict[str, Any]
    host: Floats
    dtype: str
    mode: str
    findings: Findings

    @property
    def functions(self) -> Any:
        """The backend's `Distribution`."""
        return getattr(self.backend.distributions, self.distribution)

    @property
    def event(self) -> tuple[int, ...]:
        """The shape of one sample, which is that of every parameter."""
        return next(iter(self.host.values())).shape

    @property
    def size(self) -> int:
        """Numbers in one sample."""
        return int(np.prod(self.event))

    def array(self, value: Any) -> Any:
        """Return NumPy numbers as an array of the framework, in the dtype and on the device of the parameters."""
        array = self.backend.runtime.asarray(np.asarray(value), self.dtype)
        return beside(array, next(iter(self.parameters.values())))

    def noise(self, shape: tuple[int, ...], random: np.random.Generator) -> Any:
        """Return base noise of `harness.estimators.noise_shape`, an array of the framework."""
        return self.array(draw_noise(EXAMPLES[self.distribution], self.host, shape, random))


def expectation(
    backend: str,
    *,
    distribution: str,
    objective: Callable[..., Any],
    parameters: Mapping[str, Any],
    mode: str | None = None,
) -> Expectation:
    """Return an expectation, its parts checked and its objective tried at a few samples.

    Args:
        backend: "torch", "jax", "tensorflow", or another reference backend.
        distribution: a key of `DISTRIBUTIONS`, in any case.
        objective: x [..., *event] -> [...], or of x and the parameters.
        parameters: {name: [*event]}, arrays of the framework or of NumPy.
        mode: "eager" or "compiled"; None is the one in which the framework is mostly run.

    Raises:
        BadInputError: a part cannot be used.
    """
    package = reference(backend)
    key = str(distribution).lower()
    if key not in DISTRIBUTIONS:
        raise unknown("distribution", str(distribution), DISTRIBUTIONS)
    chosen = registry.find(backend).mode if mode is None else mode
    if chosen not in MODES:
        raise BadInputError(f"mode is {shown(mode)}; allowed: {', '.join(MODES)}; omit it for the usual one")
    given = require_objective(objective)
    arrays, host, dtype = _parameters(package, key, parameters)
    found = Expectation(package, backend, DISTRIBUTIONS[key], given, arrays, host, dtype, chosen, Findings("", ""))
    noise = found.noise((*POINTS, *found.event), noises.generator(0, "from_estimator", key, "points"))
    findings = try_out(package, found.functions, given, arrays, noise, dtype)
    return Expectation(package, backend, DISTRIBUTIONS[key], given, arrays, host, dtype, chosen, findings)


def reference(backend: str) -> ModuleType:
    """Import and return a reference backend, which has estimators.

    Raises:
        BadInputError: there is none of that name, its framework is not installed, or it is a library.
    """
    if not isinstance(backend, str):
        raise BadInputError(f"backend is {shown(backend)}; allowed: a name, such as 'torch', 'jax' or 'tensorflow'")
    (name,) = backends.chosen((backend,))
    if backends.is_library(name):
        base = registry.find(name).base
        raise BadInputError(
            f"backend {name!r} is a library without estimators; allowed: such as {base!r}; use {base!r}"
        )
    return registry.load(name)


def beside(array: Any, like: Any) -> Any:
    """Return an array on the device of another one of the same framework."""
    device = getattr(like, "device", None)
    if getattr(array, "device", None) == device:
        return array
    # the array API's name, and that of PyTorch; TensorFlow moves arrays by itself
    move = getattr(array, "to_device", None) or getattr(array, "to", None)
    return move(device) if move else array


def _parameters(backend: ModuleType, distribution: str, given: Any) -> tuple[dict[str, Any], Floats, str]:
    """Return parameters as arrays of the framework, in float64, and their dtype."""
    row = PROBLEMS[EXAMPLES[DISTRIBUTIONS[distribution]]]
    wanted = ", ".join(map(repr, row.parameters))
    if not isinstance(given, Mapping):
        raise BadInputError(f"parameters is a {type(given).__name__}; allowed: a dict of {wanted}")
    if set(given) != set(row.parameters):
        named = ", ".join(map(repr, given)) or "none"
        raise BadInputError(f"parameters are {named}; allowed for distribution {distribution!r}: {wanted}; rename them")
    arrays = {name: _array(backend, name, value) for name, value in given.items()}
    host = {name: np.asarray(backend.runtime.to_numpy(value), np.float64) for name, value in arrays.items()}
    kinds = {name: dtype_name(value) for name, value in arrays.items()}
    first, dtype = next(iter(kinds.items()))
    for name, value in host.items():
        if kinds[name] != dtype:
            raise BadInputError(
                f"parameter {name!r} has dtype {kinds[name]}, and {first!r} has {dtype}; allowed: one dtype for all"
            )
        if value.shape != host[first].shape:
            raise BadInputError(
                f"parameter {name!r} has shape {value.shape}, and {first!r} has {host[first].shape}; allowed: one "
                "shape for all, that of a sample; broadcast it"
            )
        domain = row.settings[name].domain if name in row.settings else "real"
        require(f"parameter {name!r}", value, domain, dtype)
    axes = _LEAST_AXES.get(DISTRIBUTIONS[distribution], 0)
    if host[first].size == 0 or host[first].ndim < axes:
        raise BadInputError(
            f"parameter {first!r} has shape {host[first].shape}; allowed for distribution {distribution!r}: at least "
            f"one number{' on at least one axis, the classes on the last one' if axes else ''}"
        )
    return arrays, host, dtype


def _array(backend: ModuleType, name: str, value: Any) -> Any:
    """Return a parameter as an array of the framework, in its own dtype and on its own device."""
    given = value if hasattr(value, "dtype") else np.asarray(value)
    dtype = dtype_name(given)
    if dtype not in dtypes.DTYPES:
        raise BadInputError(
            f"parameter {name!r} has dtype {dtype}; allowed: {', '.join(dtypes.DTYPES)}; convert it to one of them"
        )
    try:
        array = backend.runtime.asarray(np.asarray(backend.runtime.to_numpy(given)), dtype)
    except (TypeError, RuntimeError, ValueError) as error:
        framework = backend.runtime.describe()["framework"]
        raise BadInputError(
            f"parameter {name!r} of type {type(value).__name__} cannot be read; allowed: arrays of {framework} or NumPy"
        ) from error
    return beside(array, given) if isinstance(given, type(array)) else array
