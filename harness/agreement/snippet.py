"""A program of a few lines that reproduces a comparison in one framework alone."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from harness.agreement import checks
from harness.results.schema import Check
from implementations import registry
from implementations.interface.contract import Kernel, kernels

_DIGITS = 30

_KERNEL = """\
# {kernel}, case {case!r}: {derivative} in {dtype}, {mode}, on {device}
import numpy as np
from {package} import autodiff, {module}, runtime

runtime.configure({device!r})
arguments = {arguments}
arrays = {{name: runtime.asarray(np.array(value, "float64"), {dtype!r}) for name, value in arguments.items()}}

{body}
print("got     ", runtime.to_numpy(run(*inputs)).tolist())
print("expected", {expected!r})
"""

_VALUE = """\
def function(*values):
    return {module}.{function}(*values)

inputs = list(arrays.values())
run = {compile}
"""

_PRODUCT = """\
def function(value, cotangent):
    def of_one(value):
        return {module}.{function}(**(arrays | {{{name!r}: value}}))

    return autodiff.vjp(of_one, [value], cotangent)[1][0]

inputs = [arrays[{name!r}], runtime.asarray(np.array({cotangent}, "float64"), {dtype!r})]
run = {compile}
"""

_OTHER = """\
# {kernel}, case {case!r}: {derivative} in {dtype}, {mode}, on {device}
from harness.agreement import {family}
from implementations import registry

backend = registry.load({backend!r})
backend.runtime.configure({device!r})
got = {family}.evaluate(backend, **{family}.work_arguments({kernel!r}, {case!r}, {dtype!r}), mode={mode!r})
expected = {family}.truths({kernel!r}, {case!r}, {dtype!r})
print("got     ", got[{derivative!r}])
print("expected", expected[{derivative!r}].high)
"""


def snippet(record: Check) -> str:
    """Return a program that makes the comparison of a record and prints the result and the expected digits.

    Args:
        record: of a kernel, an estimator or a model.
    """
    shared = {
        "kernel": record.kernel,
        "case": record.case,
        "derivative": record.derivative,
        "dtype": record.dtype,
        "mode": record.mode,
        "device": record.device,
        "backend": record.backend,
    }
    if record.kernel not in kernels():
        return _OTHER.format(family=record.kernel.split(".", maxsplit=1)[0], **shared)
    kernel = kernels()[record.kernel]
    arguments: dict[str, Any] = ast.literal_eval(record.worst_input)
    cotangent = arguments.pop("cotangent", None)
    names = {"module": kernel.module, "function": kernel.function, "dtype": record.dtype}
    compiled = "runtime.compile(function)" if record.mode == "compiled" else "function"
    if record.derivative == "value":
        body = _VALUE.format(compile=compiled, **names)
    else:
        name = record.derivative.removeprefix("vjp:")
        body = _PRODUCT.format(name=name, cotangent=_source(cotangent), compile=compiled, **names)
    return _KERNEL.format(
        package=registry.find(record.backend).package,
        module=kernel.module,
        arguments=_source(arguments),
        body=body,
        expected=_expected(kernel, arguments, cotangent, record),
        **shared,
    )


def _source(value: Any) -> str:
    return checks.literal(value)


def _expected(kernel: Kernel, arguments: dict[str, Any], cotangent: Any, record: Check) -> Any:
    """Return the truth in decimal digits, nested as the result is."""
    from mpmath import mp

    from harness.oracle import cache, core_shapes

    arrays = {name: np.array(value, np.float64) for name, value in arguments.items()}
    signature = core_shapes.parse(kernel.signature)
    shape = core_shapes.output_shape(signature, [array.shape for array in arrays.values()])
    weights = np.ones(shape) if cotangent is None else np.array(cotangent, np.float64)
    truth = cache.of_kernel(kernel, arrays, weights, record.dtype)[record.derivative]
    with mp.workdps(2 * _DIGITS):
        pairs = zip(truth.high.flat, truth.low.flat, strict=True)
        digits = [mp.nstr(mp.mpf(float(high)) + mp.mpf(float(low)), _DIGITS) for high, low in pairs]
    return np.array(digits, object).reshape(truth.high.shape).tolist()
