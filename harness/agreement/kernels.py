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
from harness.agreement.evaluate import Call, Result
from harness.agreement.inputs import Inputs
from harness.execution.work import Cell, Work
from harness.modes import MODES, Mode, is_compiled, usual
from harness.oracle import core_shapes
from harness.oracle.truth import Directions
from harness.results.schema import Check
from implementations import registry
from implementations.interface.contract import Kernel, kernels

Array = NDArray[np.float64]

#: Batches are filled up to a multiple of so many elements or vectors. Eager JAX compiles each operation for each
#: shape: kernels that share a few shapes cost a tenth of kernels with a shape each.
ELEMENTS, VECTORS = 128, 32

#: The dtype in which a compiled backend is given every shape: shapes are decided on by the same Python in all dtypes.
SHAPES_IN = "float32"


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
                cotangent=inputs.directions.cotangent,
                tangents=dict(inputs.directions.tangents),
                batched=False,
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
        cores = dict(zip(kernel.arguments, signature.inputs, strict=True))
        directions = [member.inputs.directions for member in members]
        call = Call(
            kernel=kernel.name,
            arguments={
                name: _stacked([member.inputs.arguments[name] for member in members], core, multiple)
                for name, core in cores.items()
            },
            cotangent=_stacked([part.cotangent for part in directions], signature.output, multiple),
            tangents={
                name: _stacked([part.tangents[name] for part in directions], cores[name], multiple)
                for name in kernel.differentiable
            },
            batched=True,
        )
        found.append(Batch(kernel, members, call))
    return found


def for_mode(made: list[Batch], mode: Mode, sparing: bool) -> list[Batch]:
    """Keep what a mode evaluates.

    Where a mode is sparing, cases that stand alone for their shape are left to the other modes and dtypes: the same
    Python decides on shapes in all of them, and each shape is compiled for itself. A kernel all of whose cases stand
    alone keeps them.
    """
    joined = [batch for batch in made if batch.call["batched"]]
    if mode.single:
        return [_single(batch) for batch in joined]
    return joined if mode.mapped or (sparing and joined) else made


def _single(batch: Batch) -> Batch:
    """Return the first entry of a batch's last case, as a batch of length 1 (pitfall F4)."""
    member = batch.members[-1]
    start = member.rows.start if member.rows else 0
    row = slice(start, start + 1)

    def cut(arrays: dict[str, Array]) -> dict[str, Array]:
        return {name: array[row] for name, array in arrays.items()}

    call = batch.call | Call(
        kernel=batch.kernel.name,
        arguments=cut(batch.call["arguments"]),
        cotangent=batch.call["cotangent"][row],
        tangents=cut(batch.call["tangents"]),
        batched=True,
    )
    inputs = Inputs(call["arguments"], Directions(call["cotangent"], call["tangents"]))
    return Batch(batch.kernel, [Member(member.case, inputs, slice(0, 1))], call)


def _shapes(inputs: Inputs) -> list[tuple[int, ...]]:
    return [array.shape for array in inputs.arguments.values()]


def _result(member: Member, derivative: str, kernel: Kernel, results: Mapping[str, Array]) -> Array:
    """Cut a case's own result out of its batch's."""
    whole = results[derivative]
    if member.rows is None:
        return whole
    if not whole.ndim or len(whole) < member.rows.stop:
        return whole  # of another shape than was asked for, which the comparison says
    part = whole[member.rows]
    signature = core_shapes.parse(kernel.signature)
    scalar = not core_shapes.batch_shape(signature, _shapes(member.inputs))
    return part[0] if scalar and part.ndim else part  # [1, *core] -> [*core]


def worst_input(member: Member, kernel: Kernel, derivative: str, index: tuple[int, ...]) -> str:
    """Return the inputs that make the number at `index` of a result, with the vectors that count."""
    arguments, (cotangent, tangents) = member.inputs
    signature = core_shapes.parse(kernel.signature)
    if member.rows is not None and core_shapes.batch_shape(signature, _shapes(member.inputs)):
        arguments, tangents = inputs_of.core(arguments, index[:1]), inputs_of.core(tangents, index[:1])
        cotangent = cotangent[index[:1]]
    shown: dict[str, Any] = {name: checks.listed(array) for name, array in arguments.items()}
    if derivative != "value":
        shown |= {"cotangent": checks.listed(cotangent)}
    if derivative.startswith(("jvp", "hvp")):
        shown |= {"tangents": {name: checks.listed(part) for name, part in tangents.items()}}
    return checks.literal(shown)


def records(batch: Batch, results: Result, where: Configuration) -> list[Check]:
    """Compare the results of a batch with the truth: a record for each case and derivative."""
    from harness.oracle import cache

    found = []
    for member in batch.members:
        truths = cache.of_kernel(batch.kernel, *member.inputs, where.dtype)
        for derivative, truth in truths.items():
            exact = derivative in member.case.row.get("exact", ())
            budget = budgets.EXACT if exact else budgets.of(batch.kernel.name, derivative, where.dtype)
            got = results if isinstance(results, str) else _result(member, derivative, batch.kernel, results)
            describe = partial(worst_input, member, batch.kernel, derivative)
            found.append(
                checks.check(where, batch.kernel.name, member.case.name, derivative, got, truth, budget, describe)
            )
    return found


def cells(chosen: Sequence[Case], where: Configuration, note: str) -> list[Cell]:
    """Return one cell for each module: its kernels are compiled together, since compilation costs most.

    Args:
        chosen: the cases.
        where: backend, dtype, device and mode.
        note: what the key says of the choice; empty where all cases are chosen.
    """
    compiled = is_compiled(where.backend, where.mode)
    sparing = compiled and (where.mode != usual(where.backend) or where.dtype != SHAPES_IN)
    found = []
    for module, members in modules().items():
        made = [
            batch
            for name in members
            if registry.offers(where.backend, name)
            for batch in for_mode(_batches(name, chosen, where.dtype), MODES[where.mode], sparing)
        ]
        if made:
            found.append(_cell(module, made, where, compiled, note))
    return found


def _batches(name: str, chosen: Sequence[Case], dtype: str) -> list[Batch]:
    kernel = kernels()[name]
    return batches(
        kernel, [case for case in chosen if case.kernel == name and inputs_of.fits(case, kernel, dtype)], dtype
    )


def _cell(module: str, made: list[Batch], where: Configuration, compiled: bool, note: str) -> Cell:
    def finish(results: list[Result]) -> list[Check]:
        return [record for batch, result in zip(made, results, strict=True) for record in records(batch, result, where)]

    arguments = {
        "calls": [batch.call for batch in made],
        "dtype": where.dtype,
        "compiled": compiled,
        "mapped": MODES[where.mode].mapped,
    }
    work = Work("harness.agreement.evaluate:kernels", where.backend, where.device, arguments)
    return Cell(checks.key(where, module, note), work, finish)
