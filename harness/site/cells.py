"""The cells of the agreement matrix, opened: the worst comparison of each, its truth, and what reproduces it."""

from __future__ import annotations

import hashlib
import shlex
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from harness.agreement import snippet
from harness.agreement.ledger import LISTED
from harness.results.schema import Check
from harness.site.details import Detail, Fold, Group, Program
from harness.site.ratios import badness, configuration, error, in_budgets
from harness.site.subjects import place
from harness.site.text import number, plural, slug, without_paths
from implementations import registry
from implementations.interface.contract import kernels

#: The truth of so many numbers is shown at most; the program holds all of them.
_SHOWN = 4


class Key(NamedTuple):
    """What a cell is known by."""

    kernel: str
    backend: str
    configuration: str


def key(check: Check) -> Key:
    """Return the cell of a comparison."""
    return Key(check.kernel, check.backend, configuration(check))


def grouped(checks: Iterable[Check]) -> dict[Key, list[Check]]:
    """Return the comparisons of each cell, the worst first."""
    found: dict[Key, list[Check]] = defaultdict(list)
    for check in checks:
        found[key(check)].append(check)
    return {name: sorted(own, key=badness, reverse=True) for name, own in found.items()}


def anchors(keys: Iterable[Key]) -> dict[Key, str]:
    """Return the id of each cell, "cell-gaussian-cdf-torch-float32-eager"; names that make the same id are numbered."""
    found: dict[Key, str] = {}
    taken: set[str] = set()
    for name in keys:
        base = "-".join(("cell", *map(slug, name)))
        count = 2
        anchor = base
        while anchor in taken:
            anchor, count = f"{base}--{count}", count + 1
        taken.add(anchor)
        found[name] = anchor
    return found


def every_cell(cells: Mapping[Key, Sequence[Check]], names: Mapping[Key, str]) -> Fold:
    """Return what each cell of the matrix opens, by kernel.

    Args:
        cells: the comparisons of each, the worst first.
        names: the id of each.
    """
    by_kernel: dict[str, list[Key]] = defaultdict(list)
    for name in sorted(cells):
        by_kernel[name.kernel].append(name)
    groups = []
    for kernel, own in by_kernel.items():
        worst = max((cells[name][0] for name in own), key=badness)
        state = f"{plural(len(own), 'cell')}, worst error {in_budgets(worst)}"
        details = [_detail(cells[name], names[name], f"{name.backend}, {name.configuration}") for name in own]
        groups.append(Group(kernel, state, any(detail.failing for detail in details), details, place(kernel)))
    note = (
        "The worst comparison of each cell. Of one within its budget the record keeps the error and not the result; "
        "its program prints the result beside the expected digits."
    )
    return Fold("Every cell of the matrix, by kernel", note, groups)


def deviations(cells: Mapping[Key, Sequence[Check]], names: Mapping[Key, str]) -> Fold:
    """Return where libraries are out of budget, by library.

    Args:
        cells: every comparison of each, the worst first; cells within budget are left out.
        names: the id of each.
    """
    by_library: dict[str, list[Detail]] = defaultdict(list)
    for name, own in sorted(cells.items()):
        if not own[0].within_budget:
            by_library[name.backend].append(_detail(own, names[name], f"{name.kernel}, {name.configuration}"))
    groups = [
        Group(library, plural(len(details), "cell"), any(detail.failing for detail in details), details)
        for library, details in by_library.items()
    ]
    note = "The worst comparison of each cell that is out of budget; the others of the cell follow with their programs."
    return Fold("Deviations of libraries, with the program of each", note, groups)


def command(check: Check) -> str:
    """Return the command, in two lines, that makes a comparison again, and its program where it is out of budget."""
    what = ["reparam", "check", "--kernel", check.kernel, "--case", check.case]
    where = ["--backend", check.backend, "--dtype", check.dtype, "--mode", check.mode]
    where += ["--device", check.device] if check.device != "cpu" else []
    where += [] if check.within_budget else ["--snippets", "programs"]
    return f"{shlex.join(what)} \\\n  {shlex.join(where)}"


def _detail(checks: Sequence[Check], anchor: str, title: str) -> Detail:
    """Return what a cell opens.

    Args:
        checks: of the cell, the worst first; those after it that are out of budget are named as well.
        anchor: its id.
        title: its name.
    """
    worst, others = checks[0], [check for check in checks[1:] if not check.within_budget]
    outside = len(others) + (not worst.within_budget)
    compared = plural(len(checks), "check")
    state = f"{outside} of {compared} out of budget" if outside else in_budgets(worst)
    known = snippet.is_known(worst)
    facts = [
        ("worst error", f"{in_budgets(worst)}; error {error(worst)}, budget {number(worst.budget)} {worst.unit}"),
        ("of", f"{worst.derivative}, case {worst.case}"),
        ("at", worst.worst_input),
        ("expected", _digits(worst) if known and worst.kernel in kernels() else ""),
        ("observed", without_paths(worst.observed)),
        ("tracker", ": ".join(part for part in (worst.deviation, worst.tracker) if part)),
        ("compared", f"{compared}, {plural(sum(check.comparisons for check in checks), 'number')}"),
    ]
    return Detail(
        anchor,
        title,
        state,
        any(not check.within_budget and check.deviation != LISTED for check in checks),
        [(name, text) for name, text in facts if text],
        command(worst),
        _program(worst) if known else None,
        [(_other(check), _program(check) if snippet.is_known(check) else None) for check in others],
    )


def _other(check: Check) -> str:
    observed = without_paths(check.observed) or in_budgets(check)
    return f"{check.derivative}, case {check.case}: {observed}"


def _program(check: Check) -> Program:
    text = snippet.snippet(check)
    mark = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
    name = "-".join(map(slug, (*key(check), check.derivative)))
    row = registry.find(check.backend)
    alone = bool(row.base) and check.kernel in kernels()
    needs = f"{row.framework} alone" if alone else f"{row.framework} and this repository"
    return Program(f"snippets/{name}-{mark}.py", text, needs)


def _digits(check: Check) -> str:
    """Return the truth at the worst input, or "" where it is many numbers."""
    nested = snippet.expected(check)
    return _written(nested) if _count(nested) <= _SHOWN else ""


def _count(nested: Any) -> int:
    return sum(map(_count, nested)) if isinstance(nested, list) else 1


def _written(nested: Any) -> str:
    return f"[{', '.join(map(_written, nested))}]" if isinstance(nested, list) else str(nested)
