"""What a framework's process does: call kernels, and give back their values and derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from harness.errors import without_folders
from harness.execution import progress

Array = NDArray[np.float64]

#: What is given back for a call: numbers by derivative, or what the framework said instead.
Result = dict[str, Array] | str


class Call(TypedDict):
    """One call of a kernel.

    Attributes:
        kernel: its name.
        arguments: in float64, by name, in the contract's order.
        cotangent: of the result's shape.
        tangents: by the names of the arguments in which it is differentiated.
        batched: whether every argument has one leading axis to map over.
    """

    kernel: str
    arguments: dict[str, Array]
    cotangent: Array
    tangents: dict[str, Array]
    batched: bool


def function_of(backend: ModuleType, call: Call) -> Callable[..., dict[str, Any]]:
    """Return (arguments, cotangent, tangents) -> {"value", "vjp:ARGUMENT", "jvp", "hvp:ARGUMENT"} in its arrays."""
    module, name = call["kernel"].split(".")
    kernel = getattr(getattr(backend, module), name)
    order, variables = tuple(call["arguments"]), tuple(call["tangents"])
    autodiff = backend.autodiff

    def run(arguments: dict[str, Any], cotangent: Any, tangents: dict[str, Any]) -> dict[str, Any]:
        def of_variables(*values: Any) -> Any:
            given = arguments | dict(zip(variables, values, strict=True))
            # in the contract's order: a framework may hand a dict back with its keys sorted
            return kernel(*(given[name] for name in order))

        if not variables:
            return {"value": of_variables()}
        primals, along = [arguments[name] for name in variables], [tangents[name] for name in variables]
        value, products, change, second = autodiff.derivatives(of_variables, primals, along, cotangent)
        found = {"value": value, "jvp": change}
        found |= {f"vjp:{name}": part for name, part in zip(variables, products, strict=True)}
        return found | {f"hvp:{name}": part for name, part in zip(variables, second, strict=True)}

    return run


def kernels(
    backend: ModuleType, calls: Sequence[Call], dtype: str, compiled: bool = False, mapped: bool = False
) -> list[Result]:
    """Evaluate calls.

    Compilation costs more than all the calls, and it costs per function: hence all calls are one function. Where
    that cannot be compiled, each is by itself, so that one kernel's error is that kernel's.

    Args:
        backend: the loaded backend.
        calls: what to call.
        dtype: in which.
        compiled: whether the framework compiles them.
        mapped: whether a call on vectors is mapped over a leading axis of its arguments.

    Returns:
        For each call, results in float64, or the error as text.
    """
    functions = [function_of(backend, call) for call in calls]
    if mapped:
        functions = [
            backend.autodiff.vmap(function) if call["batched"] else function
            for function, call in zip(functions, calls, strict=True)
        ]

    def asarrays(arrays: dict[str, Array]) -> dict[str, Any]:
        return {name: backend.runtime.asarray(value, dtype) for name, value in arrays.items()}

    given = [
        (
            asarrays(call["arguments"]),
            backend.runtime.asarray(call["cotangent"], dtype),
            asarrays(call["tangents"]),
        )
        for call in calls
    ]
    if compiled:

        def everything(triples: list[tuple[dict[str, Any], Any, dict[str, Any]]]) -> list[dict[str, Any]]:
            return [function(*triple) for function, triple in zip(functions, triples, strict=True)]

        progress.report(0, 1, f"compiling {len(calls)} calls")
        together = attempt(backend, backend.runtime.compile(everything), given)
        if not isinstance(together, str):
            return [float64(result) for result in together]
        functions = [backend.runtime.compile(function) for function in functions]
    results = []
    for done, (function, triple) in enumerate(zip(functions, given, strict=True)):
        progress.report(done, len(calls), calls[done]["kernel"])
        result = attempt(backend, function, *triple)
        results.append(result if isinstance(result, str) else float64(result))
    return results


def attempt(backend: ModuleType, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function, and return its result as NumPy arrays, or the framework's own exception as text."""
    try:
        return backend.runtime.to_numpy(function(*arguments))
    except Exception as error:
        first_line = (str(error).strip().splitlines() or [""])[0]
        return without_folders(f"{type(error).__name__}: {first_line}")[:300]


def float64(result: dict[str, Any]) -> dict[str, Array]:
    """Return results in float64."""
    return {name: np.asarray(part, np.float64) for name, part in result.items()}
