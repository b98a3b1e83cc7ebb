"""What a framework's process does for the search: evaluate batches, with functions that are compiled once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from harness.agreement.evaluate import Call, Result, attempt, float64, function_of


@cache
def _prepared(
    backend: ModuleType, kernel: str, order: tuple[str, ...], variables: tuple[str, ...], compiled: bool
) -> Callable[..., dict[str, Any]]:
    nothing = np.zeros(0)
    names = Call(
        kernel=kernel,
        arguments=dict.fromkeys(order, nothing),
        cotangent=nothing,
        tangents=dict.fromkeys(variables, nothing),
        batched=True,
    )
    function = function_of(backend, names)
    found: Callable[..., dict[str, Any]] = backend.runtime.compile(function) if compiled else function
    return found


def evaluate(backend: ModuleType, calls: Sequence[Call], dtype: str, compiled: bool) -> list[Result]:
    """Evaluate calls as `harness.agreement.evaluate.kernels` does, and keep the compiled functions for the next time.

    Args:
        backend: the loaded backend.
        calls: what to call.
        dtype: in which.
        compiled: whether the framework compiles; it does so once for each kernel and shape.

    Returns:
        For each call, results in float64, or the error as text.
    """
    results: list[Result] = []
    for call in calls:
        run = _prepared(backend, call["kernel"], tuple(call["arguments"]), tuple(call["tangents"]), compiled)

        def arrays(given: dict[str, Any]) -> dict[str, Any]:
            return {name: backend.runtime.asarray(value, dtype) for name, value in given.items()}

        cotangent = backend.runtime.asarray(call["cotangent"], dtype)
        result = attempt(backend, run, arrays(call["arguments"]), cotangent, arrays(call["tangents"]))
        results.append(result if isinstance(result, str) else float64(result))
    return results
