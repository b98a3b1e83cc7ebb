"""Kernels as subjects of the check: their cases joined into batches, and the records of the comparison."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.agreement import budgets, checks
from harness.agreement import inputs as inputs_of
from harness.agreement.cases import Case
from harness.agreement.checks import Configuration
from harness.agreement.evaluate import Call
from harness.agreement.inputs import Inputs
from harness.execution.work import Cell, Work
from harness.oracle import core_shapes
from harness.results.schema import Check
from implementations.interface.contract import Kernel, kernels

Array = NDArray[np.float64]

#: Batches are filled up to a multiple of so many elements or vectors. Eager JAX compiles each operation for each
#: shape: kernels that share a few shapes cost a tenth of kernels with a shape each.
ELEMENTS, VECTORS = 128, 32


class Member(NamedTuple):
    """A case inside a batch.

    Attributes:
        case: the case.
        inputs: in the shape that the case gives them.
        rows: where it stands on the batch axis; None where the batch is this case alone.
    """

    case: Case
    inputs: Inputs
    rows: slice | None


class Batch(NamedTuple):
    """Cases of one kernel that are evaluated in one call."""

    kernel: Kernel
    members: list[Member]
    call: Call


def names() -> list[str]:
    """Return the names of the subjects."""
    return list(kernels())


def modules() -> dict[str, list[str]]:
    """Return the names of the kernels by module."""
    found: dict[str, list[str]] = {}
    for kernel in kernels().values():
        found.setdefault(kernel.module, []).append(kernel.name)
    return found


def _joint(kernel: Kernel, case: Case, inputs: Inputs) -> tuple[Any, ...] | None:
    """Return what cases must share to be joined, their core shapes, or None for a case that stands alone."""
    signature = core_shapes.parse(kernel.signature)
    shapes = [array.shape for array in inputs.arguments.values()]
    batches = {shape[: len(shape) - len(core)] for core, shape in zip(signature.inputs, shapes, strict=True)}
    (first, *others) = batches
    if case.row.get("alone") or others or len(first) > 1 or first == (0,) or max(map(len, signature.inputs)) > 1:
        return None
    return tuple(shape[len(first) :] for shape in shapes)


def _stacked(arrays: Sequence[Array], core: tuple[str, ...], multiple: int) -> Array:
    """Stack batch entries, and go round again until their number is a multiple of `multiple`."""
    entries = [array.reshape(-1, *array.shape[array.ndim - len(core) :]) for array in arrays]  # [rows, *core]
    stacked = np.concatenate(entries)
    rows = -(-len(stacked) // multiple) * multiple
    return np.resize(stacked, (rows, *stacked.shape[1:]))


def batches(kernel: Kernel, cases: Iterable[Case], dtype: str) -> list[Batch]:
    """Build the inputs of the cases of one kernel, and join those that have the same core shapes."""
    signature = core_shapes.parse(kernel.signature)
    found: list[Batch] = []
    joint: dict[tuple[Any, ...], list[tuple[Case, Inputs]]] = {}
    for case in cases:
        inputs = inputs_of.build(case, kernel, dtype)
        shared = _joint(kernel, case, inputs)
        if shared is None:
            call = Call(
                kernel=kernel.name,
                arguments=inputs.arguments,
                differentiable=kernel.differentiable,
                cotangent=inputs.cotangent,
            )
            found.append(Batch(kernel, [Member(case, inputs, None)], call))
        else:
            joint.setdefault(shared, []).append((case, inputs))
    for group in joint.values():
        sizes = [int(np.prod(core_shapes.batch_shape(signature, _shapes(inputs)), dtype=int)) for _, inputs in group]
        ends = np.cumsum(sizes).tolist()
        multiple = ELEMENTS if signature.elementwise else VECTORS
        members = [
            Member(case, inputs, slice(end - size, end))
            for (case, inputs), size, end in zip(group, sizes, ends, strict=True)
        ]
        call = Call(
            kernel=kernel.name,
            arguments={
                name: _stacked([member.inputs.arguments[name] for member in members], core, multiple)
                for name, core in zip(kernel.arguments, signature.inputs, strict=True)
            },
            differentiable=kernel.differentiable,
            cotangent=_stacked([member.inputs.cotangent for member in members], signature.output, multiple),
        )
        found.append(Batch(kernel, members, call))
    return found


def for_mode(made: list[Batch], mode: str) -> list[Batch]:
    """Keep what a mode evaluates: compiled, the cases that stand alone for their shape are left to eager mode.

    The same Python decides on shapes in both, and each shape is compiled for itself, which takes seconds. A kernel
    all of whose cases stand alone keeps them.
    """
    joined = [batch for batch in made if batch.members[0].rows is not None]
    return joined if mode == "compiled" and joined else made


def _shapes(inputs: Inputs) -> list[tuple[int, ...]]:
    return [array.shape for array in inputs.arguments.values()]


def _result(member: Member, derivative: str, kernel: Kernel, results: Mapping[str, Array]) -> Array:
    """Cut a case's own result out of its batch's."""
    whole = results[derivative]
    if member.rows is None:
        return whole
    part = whole[member.rows] if whole.ndim else whole
    signature = core_shapes.parse(kernel.signature)
    scalar = not core_shapes.batch_shape(signature, _shapes(member.inputs))
    return part[0] if scalar and part.ndim else part  # [1, *core] -> [*core]


def _worst_input(member: Member, kernel: Kernel, derivative: str, index: tuple[int, ...]) -> str:
    """Return the inputs that make the number at `index` of a result, with the cotangent where it counts."""
    arguments, cotangent = member.inputs
    signature = core_shapes.parse(kernel.signature)
    if member.rows is not None and core_shapes.batch_shape(signature, _shapes(member.inputs)):
        arguments, cotangent = inputs_of.core(arguments, index[:1]), cotangent[index[:1]]
    shown = {name: array.tolist() for name, array in arguments.items()}
    return checks.literal(shown if derivative == "value" else shown | {"cotangent": cotangent.tolist()})


def records(batch: Batch, results: Mapping[str, Array], where: Configuration) -> list[Check]:
    """Compare the results of a batch with the truth: a record for each case and derivative."""
    from harness.oracle import cache

    found = []
    for member in batch.members:
        truths = cache.of_kernel(batch.kernel, *member.inputs, where.dtype)
        for derivative, truth in truths.items():
            exact = derivative in member.case.row.get("exact", ())
            budget = budgets.EXACT if exact else budgets.of(batch.kernel.name, derivative)
            found.append(
                checks.check(
                    where,
                    batch.kernel.name,
                    member.case.name,
                    derivative,
                    _result(member, derivative, batch.kernel, results),
                    truth,
                    budget,
                    partial(_worst_input, member, batch.kernel, derivative),
                )
            )
    return found


def cells(chosen: Sequence[Case], where: Configuration, note: str) -> list[Cell]:
    """Return one cell for each module: its kernels are compiled together, since compilation costs most.

    Args:
        chosen: the cases.
        where: backend, dtype, device and mode.
        note: what the key says of the choice; empty where all cases are chosen.
    """
    found = []
    for module, members in modules().items():
        rows = {name: [case for case in chosen if case.kernel == name] for name in members}
        made = [
            batch
            for name, cases in rows.items()
            for batch in for_mode(batches(kernels()[name], cases, where.dtype), where.mode)
        ]
        if made:
            found.append(_cell(module, made, where, note))
    return found


def _cell(module: str, made: list[Batch], where: Configuration, note: str) -> Cell:
    def finish(results: list[dict[str, Array]]) -> list[Check]:
        return [record for batch, result in zip(made, results, strict=True) for record in records(batch, result, where)]

    arguments = {"calls": [batch.call for batch in made], "dtype": where.dtype, "mode": where.mode}
    work = Work("harness.agreement.evaluate:kernels", where.backend, where.device, arguments)
    return Cell(checks.key(where, module, note), work, finish)
