"""A backend of another package, judged: its texts against the interface, its kernels against the oracle."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from harness.agreement import conformance, plan, verdict
from harness.plugins import parity
from harness.plugins.findings import DTYPE, Settings, finding, run
from harness.plugins.rows import source
from harness.results.schema import Check
from implementations import registry
from implementations.interface.contract import kernels

#: In which a library is judged, and a reference at the least.
DTYPES = ("float32", DTYPE)


def judge(name: str, settings: Settings) -> Iterator[Check]:
    """Judge a backend.

    Args:
        name: of the backend.
        settings: how; of those, the engine alone is looked at.
    """
    row, kernel = registry.find(name), f"backends.{name}"
    yield from _contract(row, kernel)
    if row.base:
        yield from _gaps(row, kernel)
    if not registry.installed(name):
        yield finding(kernel, "call", wrong=f"{row.framework} is not installed, so that nothing can be judged")
        return
    records: list[Check] = []
    for cell, outcome in run(conformance.cells((), (), (), (name,), DTYPES, ("cpu",)), settings.engine):
        if isinstance(outcome, Exception):
            yield finding(kernel, "call", backend=name, case=cell.key, wrong=str(outcome))
        else:
            records += [record for record in outcome if isinstance(record, Check)]
    yield from plan.worst(verdict.judge(records, (), ()).records)


def _modules(row: registry.Backend) -> tuple[str, ...]:
    if not row.base:
        return registry.MODULES
    return tuple(module for module in registry.LIBRARY_MODULES if source(f"{row.package}.{module}"))


def _contract(row: registry.Backend, kernel: str) -> Iterator[Check]:
    """Hold every module against the interface's: a library has some of it, a reference all."""
    for module in _modules(row):
        stub = parity.tree(parity.INTERFACE, module)
        try:
            text = parity.tree(row.package, module)
            found = parity.strangers(stub, text) + parity.drifts(stub, text) if row.base else []
            found += [] if row.base else parity.differences(stub, text)
        except (LookupError, SyntaxError) as error:
            found = [str(error.args[0])]
        yield finding(kernel, "contract", backend=row.name, case=module, wrong="; ".join(found))


def _gaps(row: registry.Backend, kernel: str) -> Iterator[Check]:
    """Check that what a library lacks is a row of its gap table, with a reason, and nothing else is."""
    table = registry.gaps(row.name)
    silent = [one for one in kernels() if registry.gap(row.name, one) and not _listed(one, table)]
    both = [one for one in kernels() if registry.offers(row.name, one) and _listed(one, table)]
    lacking = f"{', '.join(silent[:3])}: neither offered nor in gaps.GAPS" if silent else ""
    doubled = f"{', '.join(both[:3])}: offered, and in gaps.GAPS" if both else ""
    yield finding(kernel, "gaps", backend=row.name, wrong="; ".join(filter(None, (lacking, doubled))),
                  comparisons=len(kernels()))  # fmt: skip


def _listed(kernel: str, table: dict[str, str]) -> bool:
    return any(fnmatchcase(kernel, pattern) for pattern in table)
