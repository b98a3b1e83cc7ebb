"""The conformance check as the command line and Python run it: which cells, what they found, what is said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness import dtypes as floats
from harness import modes as ways
from harness.agreement import ledger, plan, verdict
from harness.agreement.snippet import snippet
from harness.agreement.verdict import Verdict
from harness.backends import is_library
from harness.execution.engine import Engine
from harness.execution.work import Cell
from harness.measure import measure
from harness.results.schema import Check
from implementations import registry

#: The dtypes in which the other modes than the usual one are checked: every mode has the same budgets in all dtypes,
#: and compilation, which costs most, would be paid four times.
DTYPES_OF_OTHER_MODES = ("float32",)


def cells(
    kernels: Sequence[str], cases: Sequence[str], modes: Sequence[str], backends: Sequence[str],
    dtypes: Sequence[str], devices: Sequence[str],
) -> list[Cell]:  # fmt: skip
    """Return the cells of a check: `harness.agreement.plan.plan`, in the order of the command's options."""
    return plan.plan(kernels, cases, backends, dtypes, devices, modes)


def everything(kernels: Sequence[str], cases: Sequence[str]) -> list[Cell]:
    """Return the cells of the full check on the CPU: all installed backends, dtypes, derivatives and modes.

    Args:
        kernels: names, modules or globs; none means all.
        cases: names or globs; none means all.
    """
    return [cell for name in registry.backends() if registry.installed(name) for cell in _full(name, kernels, cases)]


def _full(backend: str, kernels: Sequence[str], cases: Sequence[str]) -> Iterator[Cell]:
    judged = ledger.DTYPES if is_library(backend) else tuple(floats.DTYPES)
    others = [mode for mode in _modes(backend) if mode != ways.usual(backend)]
    for modes, dtypes in (((ways.usual(backend),), judged), (others, DTYPES_OF_OTHER_MODES)):
        meant = [dtype for dtype in dtypes if any(dtype in case.dtypes for case in plan.chosen_cases(kernels, cases))]
        if meant:
            yield from plan.plan(kernels, cases, [backend], meant, modes=modes)


def _modes(backend: str) -> list[str]:
    """Return the modes of the full check: a library is run as people run it, and mapped."""
    return [ways.usual(backend), "vmapped"] if is_library(backend) else list(ways.MODES)


def run(cells: Sequence[Cell], kernels: Sequence[str], cases: Sequence[str], engine: Engine | None = None) -> Verdict:
    """Run the cells, with progress on standard error, and judge what they found.

    Args:
        cells: of a check.
        kernels: the patterns that were chosen.
        cases: likewise.
        engine: which machines measure.
    """
    # a framework that compiles takes longest, and what takes longest starts first
    longest_first = sorted(
        cells, key=lambda cell: not ways.is_compiled(cell.work.backend, ways.usual(cell.work.backend))
    )
    records = [record for record in measure(longest_first, 2, 1, engine, keeps=True) if isinstance(record, Check)]
    return verdict.judge(records, kernels, cases)


def summary(found: Verdict) -> list[str]:
    """Return what is said of a check: how much was compared, and what deviates."""
    numbers = sum(record.comparisons for record in found.records)
    lines = [
        f"{len(found.records)} comparisons of {numbers} numbers, {len(found.failures)} out of budget"
        + (f", {len(found.listed)} listed as known deviations" if found.listed else "")
    ]
    lines += _counts(found.records)
    rows: dict[tuple[str, str, str], list[Check]] = {}
    for record in found.listed:
        rows.setdefault((record.backend, record.kernel, record.case), []).append(record)
    if rows:
        lines.append(
            f"known deviations of libraries: {len(found.listed)} comparisons of {len(rows)} cases, all listed:"
        )
    for (backend, kernel, case), records in rows.items():
        why = ledger.cause(records[0])
        told = " ".join(part for part in (why.pitfall, why.tracker) if part)
        lines.append(
            f"  {backend} {kernel}, {case}: {records[0].derivative} {records[0].observed}; {why.text} ({told})"
        )
    return lines + [
        f"{backend}.toml lists {' | '.join(place)}, and nothing of that name was compared; remove the row"
        for backend, place in found.missing
    ]


def _counts(records: Sequence[Check]) -> list[str]:
    """Return the number of comparisons by backend, dtype and kind of derivative."""
    counts = Counter((r.backend, r.dtype, r.derivative.partition(":")[0]) for r in records)
    kinds = ("value", "vjp", "jvp", "hvp")
    pairs = dict.fromkeys((backend, dtype) for backend, dtype, _ in counts)
    return [
        f"  {backend} {dtype}: " + ", ".join(f"{counts[backend, dtype, kind]} {kind}" for kind in kinds)
        for backend, dtype in pairs
    ]


def describe(record: Check) -> str:
    """Return one line on a comparison that makes the check fail."""
    subject = f"{record.kernel} {record.case} {record.backend} {record.dtype} {record.mode} {record.derivative}"
    if record.deviation == ledger.VANISHED:
        return f"Listed in {record.backend}.toml, and within budget now: {subject}; remove it with --update-ledger"
    if record.deviation == ledger.NEW:
        return f"Not listed in {record.backend}.toml: {subject}: {record.observed}"
    return f"Out of budget: {subject}: {record.observed}"


def write_snippets(records: Sequence[Check], folder: Path) -> int:
    """Write a program for each comparison into a folder.

    Returns:
        How many.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for record in records:
        words = (record.backend, record.kernel, record.case, record.derivative, record.dtype, record.mode)
        name = "-".join("".join(c if c.isalnum() else "_" for c in word) for word in words)
        (folder / f"{name}.py").write_text(snippet(record))
    return len(records)
