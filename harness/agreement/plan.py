"""The plan of the agreement check: which cells compare what, and the worst of what they found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase

import msgspec

from harness import dtypes as floats
from harness.agreement import estimators, fisher, ledger, models, optimizers, solvers
from harness.agreement import kernels as kernel_subjects
from harness.agreement.cases import Case, load
from harness.agreement.checks import Configuration
from harness.errors import BadInputError, unknown
from harness.execution.work import Cell
from harness.kernels import select
from harness.modes import MODES, usual
from harness.results.schema import Check, Record
from implementations import registry

DEVICES = ("cpu", "gpu")

#: (cases, configuration, note for the key) -> cells. Each family makes cells of the cases whose kernels it knows.
FAMILIES: tuple[Callable[[Sequence[Case], Configuration, str], list[Cell]], ...] = (
    kernel_subjects.cells,
    estimators.cells,
    models.cells,
    optimizers.cells,
    fisher.cells,
    solvers.cells,
)


def names() -> list[str]:
    """Return the names of everything that has cases."""
    return list(dict.fromkeys(case.kernel for case in load()))


def require_known(kind: str, given: Sequence[str], known: Iterable[str]) -> None:
    """Check names.

    Raises:
        BadInputError: one is not known; the message lists the nearest ones.
    """
    names = list(known)
    for name in given:
        if name not in names:
            raise unknown(kind, name, names)


def chosen_cases(kernels: Sequence[str], cases: Sequence[str]) -> list[Case]:
    """Return the cases of the chosen kernels whose names are chosen.

    Args:
        kernels: names, modules or globs; none means all.
        cases: names or globs; none means all.

    Raises:
        BadInputError: one of them matches nothing.
    """
    wanted = set(select(kernels, names(), "kernel"))
    of_kernels = [case for case in load() if case.kernel in wanted]
    for pattern in cases:
        if not any(fnmatchcase(case.name, pattern) for case in of_kernels):
            known = dict.fromkeys(case.name for case in of_kernels)
            raise unknown("case", pattern, known, "reparam list cases")
    return [case for case in of_kernels if not cases or any(fnmatchcase(case.name, pattern) for pattern in cases)]


def plan(
    kernels: Sequence[str] = (),
    cases: Sequence[str] = (),
    backends: Sequence[str] = (),
    dtypes: Sequence[str] = ("float32", "float64"),
    devices: Sequence[str] = ("cpu",),
    modes: Sequence[str] = (),
    without: Sequence[str] = (),
) -> list[Cell]:
    """Return the cells of the agreement check.

    Args:
        kernels: names, modules or globs; none means all.
        cases: names or globs of cases; none means all.
        backends: names; none means every reference backend that is installed.
        dtypes: floating types. A case that is not meant for a dtype is left out there.
        devices: "cpu", "gpu".
        modes: keys of `harness.modes.MODES`; none means the one in which each backend is mostly run.
        without: names, modules or globs of kernels to leave out.

    Raises:
        BadInputError: a name is unknown.
    """
    left_out = set(select(without, names(), "kernel")) if without else set()
    rows = [case for case in chosen_cases(kernels, cases) if case.kernel not in left_out]
    reference = [name for name, row in registry.backends().items() if row.kind == "reference"]
    require_known("backend", backends, registry.backends())
    require_known("device", devices, DEVICES)
    require_known("mode", modes, MODES)
    for dtype in dtypes:
        floats.find(dtype)
        if not any(dtype in case.dtypes for case in rows):
            raise BadInputError(f"no chosen case is meant for {dtype}; give a dtype that `reparam list cases` shows")
    note = " ".join([*kernels, *(f"case={name}" for name in cases)])
    return [
        cell
        for backend in backends or [name for name in reference if registry.installed(name)]
        for device in devices
        for dtype in _judged(backend, dtypes)
        for mode in modes or (usual(backend),)
        for family in _families(backend, mode)
        for cell in family(
            [case for case in rows if dtype in case.dtypes],
            Configuration(backend, dtype, device, mode),
            note,
        )
    ]


def _judged(backend: str, dtypes: Sequence[str]) -> list[str]:
    """Return the dtypes in which a backend is judged.

    Raises:
        BadInputError: there is none.
    """
    if registry.find(backend).kind == "reference":
        return list(dtypes)
    found = [dtype for dtype in dtypes if dtype in ledger.DTYPES]
    if not found:
        raise BadInputError(
            f"backend {backend!r} is a library, and libraries are not judged in {', '.join(dtypes)}, for which the "
            f"budget is that of kernels which compute in float32; give --dtype {' or '.join(ledger.DTYPES)}"
        )
    return found


def _families(backend: str, mode: str) -> tuple[Callable[[Sequence[Case], Configuration, str], list[Cell]], ...]:
    """Return what can be judged: of batches that are taken apart, and of most libraries, kernels only."""
    if MODES[mode].mapped or MODES[mode].single:
        return (kernel_subjects.cells,)
    return FAMILIES if registry.find(backend).kind == "reference" else (kernel_subjects.cells, fisher.cells)


def _badness(record: Check) -> tuple[bool, bool, float]:
    """Return a sort key: what makes a check fail after what a ledger lists, and that after what is within budget."""
    outside = record.error is None or not record.within_budget
    if record.error is None:
        return record.deviation != ledger.LISTED, outside, float("inf")
    size = record.error / record.budget if record.budget else record.error
    return outside and record.deviation != ledger.LISTED, outside, size


def worst(records: Iterable[Record]) -> list[Check]:
    """Return the worst comparison for each backend, kernel, dtype, device, mode and derivative.

    The number of comparisons is that of all of them together. Records of another kind are left out.
    """
    groups: dict[tuple[str, ...], list[Check]] = {}
    for record in records:
        if not isinstance(record, Check):
            continue
        group = (record.backend, record.kernel, record.dtype, record.device, record.mode, record.derivative)
        groups.setdefault(group, []).append(record)
    return [
        msgspec.structs.replace(max(group, key=_badness), comparisons=sum(record.comparisons for record in group))
        for group in groups.values()
    ]
