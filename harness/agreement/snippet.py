"""A program of a few lines that reproduces a comparison in one framework alone."""

from __future__ import annotations

import ast
from typing import Any, NamedTuple

import numpy as np

from harness import dtypes, modes
from harness.agreement import cases, checks, plan, sources
from harness.oracle import core_shapes
from harness.results.schema import Check
from implementations import registry
from implementations.interface.contract import Kernel, kernels

_DIGITS = 30

_KERNEL = """\
# {kernel}, case {case!r}: {derivative} in {dtype}, {mode}, on {device}
import numpy as np
{preamble}

order, names = {order}, {names}
arguments = {arguments}
cotangent = array({cotangent})
tangents = {tangents}


def run(arrays, cotangent, tangents):
    def kernel(*values):
        given = arrays | dict(zip(names, values))
        return {function}(*(given[name] for name in order))

    primals, along = [arrays[name] for name in names], [tangents[name] for name in names if name in tangents]
    return {expression}


{call}
arrays = {{name: array(value) for name, value in arguments.items()}}
result = run(arrays, cotangent, {{name: array(value) for name, value in tangents.items()}})
print("got     ", {numbers})
print("expected", {expected!r})
"""

_REFERENCE = """\
from {package} import autodiff, {module}, runtime

runtime.configure({device!r})


def array(value):
    return runtime.asarray(np.array(value, "float64"), {dtype!r})"""

_LIBRARY = """\
{imports}

{setup}

def array(value):
    return {array}


{sources}"""

_CALLS = {
    "eager": "",
    "single": "",
    "compiled": "run = {compile}\n",
    "vmapped": "run_one = {vmap}\n\n\ndef run(arrays, cotangent, tangents):\n"
    "    def row(arrays):\n        return {{name: value[None] for name, value in arrays.items()}}\n\n"
    "    return run_one(row(arrays), cotangent[None], row(tangents))[0]\n\n",
}


class _Dialect(NamedTuple):
    """How a framework is spoken to where nothing of this project is imported."""

    imports: str
    setup: str
    array: str
    compile: str


_DIALECTS = {
    "torch": _Dialect(
        "import torch",
        "",
        "torch.tensor(value, dtype=torch.{dtype})",
        "torch.compile(run, fullgraph=True, dynamic=False)",
    ),
    "jax": _Dialect(
        "import jax\nimport jax.numpy as jnp",
        'jax.config.update("jax_enable_x64", True)\n',
        "jnp.asarray(value, jnp.{dtype})",
        "jax.jit(run)",
    ),
    "tensorflow": _Dialect(
        "import tensorflow as tf",
        "",
        "tf.constant(value, tf.{dtype})",
        "tf.function(run, jit_compile=True, autograph=False)",
    ),
}

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
    return _of_kernel(kernels()[record.kernel], record, shared)


def is_known(record: Check) -> bool:
    """Tell whether `snippet` can write the program of a record, which may come from another version or another hand.

    Everything that it names must be known here, and the input of a kernel must be read back.
    """
    kernel = kernels().get(record.kernel)
    configured = (
        record.backend in registry.backends()
        and record.dtype in dtypes.DTYPES
        and record.mode in modes.MODES
        and record.device in plan.DEVICES
    )
    if not configured:
        return False
    if kernel is None:
        known = any((case.kernel, case.name) == (record.kernel, record.case) for case in cases.load())
        return known and record.derivative.isprintable()
    what, _, name = record.derivative.partition(":")
    by = {"value": ("",), "jvp": ("",), "vjp": kernel.differentiable, "hvp": kernel.differentiable}
    return name in by.get(what, ()) and registry.offers(record.backend, record.kernel) and _fits(kernel, record)


def _fits(kernel: Kernel, record: Check) -> bool:
    """Tell whether the text of a worst input is an input of a kernel."""
    try:
        arguments, cotangent, tangents = _read(record)
        shapes = {name: checks.array(value).shape for name, value in arguments.items()}
        output = core_shapes.output_shape(core_shapes.parse(kernel.signature), [shapes[n] for n in kernel.arguments])
        np.broadcast_to(checks.array(cotangent), output)
        along = {name: checks.array(value).shape for name, value in tangents.items()}
    except (ValueError, TypeError, KeyError, AttributeError, SyntaxError):
        return False
    return set(shapes) == set(kernel.arguments) and all(shapes.get(name) == shape for name, shape in along.items())


def expected(record: Check) -> Any:
    """Return the truth at the worst input of a kernel's record in decimal digits, nested as the result is."""
    return _expected(kernels()[record.kernel], *_read(record), record)


class _Inputs(NamedTuple):
    """What the text of a worst input says; a cotangent and tangents where they count."""

    arguments: dict[str, Any]
    cotangent: Any
    tangents: dict[str, Any]


def _read(record: Check) -> _Inputs:
    arguments: dict[str, Any] = ast.literal_eval(record.worst_input)
    cotangent, tangents = arguments.pop("cotangent", 0.0), arguments.pop("tangents", {})
    return _Inputs(arguments, cotangent, tangents)


def _of_kernel(kernel: Kernel, record: Check, shared: dict[str, str]) -> str:
    arguments, cotangent, tangents = _read(record)
    row = registry.find(record.backend)
    autodiff = "" if row.base else "autodiff."
    what, _, name = record.derivative.partition(":")
    index = kernel.differentiable.index(name) if name else 0
    expressions = {
        "value": "kernel(*primals)",
        "vjp": f"{autodiff}vjp(kernel, primals, cotangent)[1][{index}]",
        "jvp": f"{autodiff}derivatives(kernel, primals, along, cotangent)[2]",
        "hvp": f"{autodiff}derivatives(kernel, primals, along, cotangent)[3][{index}]",
    }
    compile_ = _DIALECTS[row.base].compile if row.base else "runtime.compile(run)"
    return _KERNEL.format(
        preamble=_library(kernel, record, what) if row.base else _reference(kernel, record),
        function=kernel.function if row.base else kernel.name,
        order=kernel.arguments,
        names=kernel.differentiable,
        arguments=_source(arguments),
        cotangent=_source(cotangent),
        tangents=_source(tangents),
        expression=expressions[what],
        call=_CALLS[record.mode].format(compile=compile_, vmap=f"{autodiff}vmap(run)"),
        numbers="np.asarray(result).tolist()" if row.base else "runtime.to_numpy(result).tolist()",
        expected=_expected(kernel, arguments, cotangent, tangents, record),
        **shared,
    )


def _reference(kernel: Kernel, record: Check) -> str:
    package = registry.find(record.backend).package
    return _REFERENCE.format(package=package, module=kernel.module, device=record.device, dtype=record.dtype)


def _library(kernel: Kernel, record: Check, what: str) -> str:
    """Return the library's own lines, with nothing of this project around them."""
    row = registry.find(record.backend)
    dialect = _DIALECTS[row.base]
    transforms = {"value": [], "vjp": ["vjp"]}.get(what, ["derivatives"]) + ["vmap"] * (record.mode == "vmapped")
    _, derivative = sources.standalone(f"{registry.find(row.base).package}.autodiff", transforms)
    imports, function = sources.standalone(f"{row.package}.{kernel.module}", [kernel.function])
    others = [line for line in imports if "__future__" not in line and line not in dialect.imports.splitlines()]
    return _LIBRARY.format(
        imports="\n".join([dialect.imports, *others]),
        setup=dialect.setup,
        array=dialect.array.format(dtype=record.dtype),
        sources="\n\n\n".join([*function, *derivative]),
    )


def _source(value: Any) -> str:
    """Write an array, or a dict of arrays, as `checks.listed` describes them, in Python."""
    if isinstance(value, dict) and "empty" not in value:
        return "{" + ", ".join(f"{name!r}: {_source(part)}" for name, part in value.items()) + "}"
    return f"np.zeros({value['empty']})" if isinstance(value, dict) else checks.literal(value)


def _expected(
    kernel: Kernel, arguments: dict[str, Any], cotangent: Any, tangents: dict[str, Any], record: Check
) -> Any:
    """Return the truth in decimal digits, nested as the result is."""
    from mpmath import mp

    from harness.oracle import cache
    from harness.oracle.truth import Directions

    arrays = {name: checks.array(value) for name, value in arguments.items()}
    signature = core_shapes.parse(kernel.signature)
    shape = core_shapes.output_shape(signature, [array.shape for array in arrays.values()])
    weights = np.broadcast_to(checks.array(cotangent), shape)
    along = {
        name: checks.array(tangents[name]) if name in tangents else np.zeros(arrays[name].shape)
        for name in kernel.differentiable
    }
    truth = cache.of_kernel(kernel, arrays, Directions(weights, along), record.dtype)[record.derivative]
    with mp.workdps(2 * _DIGITS):
        pairs = zip(truth.high.flat, truth.low.flat, strict=True)
        digits = [mp.nstr(mp.mpf(float(high)) + mp.mpf(float(low)), _DIGITS) for high, low in pairs]
    return np.array(digits, object).reshape(truth.high.shape).tolist()
