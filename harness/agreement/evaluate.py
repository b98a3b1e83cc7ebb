"""What a framework's process does: call kernels, and give back their values and vector-Jacobian products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from harness.execution import progress

Array = NDArray[np.float64]


class Call(TypedDict):
    """One call of a kernel.

    Attributes:
        kernel: its name.
        arguments: in float64, by name.
        differentiable: the arguments by which a product is asked for.
        cotangent: of the result's shape.
    """

    kernel: str
    arguments: dict[str, Array]
    differentiable: tuple[str, ...]
    cotangent: Array


def _function(backend: ModuleType, call: Call) -> Callable[..., dict[str, Any]]:
    """Return (arguments, cotangent) -> {"value": ..., "vjp:ARGUMENT": ...} in the backend's arrays."""
    module, name = call["kernel"].split(".")
    kernel = getattr(getattr(backend, module), name)
    variables = call["differentiable"]

    def run(arguments: dict[str, Any], cotangent: Any) -> dict[str, Any]:
        def of_variables(*values: Any) -> Any:
            given = arguments | dict(zip(variables, values, strict=True))
            # in the contract's order: a framework may hand a dict back with its keys sorted
            return kernel(*(given[name] for name in call["arguments"]))

        if not variables:
            return {"value": of_variables()}
        value, products = backend.autodiff.vjp(of_variables, [arguments[name] for name in variables], cotangent)
        return {"value": value} | {f"vjp:{name}": part for name, part in zip(variables, products, strict=True)}

    return run


def kernels(backend: ModuleType, calls: Sequence[Call], dtype: str, mode: str) -> list[dict[str, Array]]:
    """Evaluate calls: one after the other in eager mode, all in one compiled function in compiled mode.

    Compilation costs more than all the calls, and it costs per function: hence one function.

    Args:
        backend: the backend's package.
        calls: what to call.
        dtype: in which.
        mode: "eager" or "compiled".

    Returns:
        For each call, results in float64.
    """
    functions = [_function(backend, call) for call in calls]
    given = [
        (
            {name: backend.runtime.asarray(value, dtype) for name, value in call["arguments"].items()},
            backend.runtime.asarray(call["cotangent"], dtype),
        )
        for call in calls
    ]
    if mode == "compiled":

        def everything(pairs: list[tuple[dict[str, Any], Any]]) -> list[dict[str, Any]]:
            return [function(*pair) for function, pair in zip(functions, pairs, strict=True)]

        progress.report(0, 1, f"compiling {len(calls)} calls")
        results = backend.runtime.compile(everything)(given)
    else:
        results = []
        for done, (function, pair) in enumerate(zip(functions, given, strict=True)):
            progress.report(done, len(calls), calls[done]["kernel"])
            results.append(function(*pair))
    return [
        {name: np.asarray(backend.runtime.to_numpy(part), np.float64) for name, part in result.items()}
        for result in results
    ]
