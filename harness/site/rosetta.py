"""Rosetta: what the interface says of a function, and each framework's text of it, with agreement and time.

The texts are read from the files that the harness imports, so that what is shown is what is run.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from harness.estimators import ESTIMATORS
from harness.plugins import texts
from harness.results import provenance
from harness.results.run import Run
from harness.results.schema import Check, Record, Time
from harness.site import sources, timing
from harness.site.page import Table, of
from harness.site.ratios import badness, ratio
from harness.site.sources import Source
from harness.site.subjects import INTERFACE, Subject, subjects
from harness.site.text import listing, moment, number, passes, plural, seconds
from implementations import registry
from implementations.interface import contract


@dataclass(frozen=True)
class Status:
    """What the checks say.

    Attributes:
        words: "within budget, worst 0.4 of it", "fails 2 of 30 checks, ...", "not measured".
        state: "good", "bad" or "plain", for its colour.
        detail: how many checks, in which types; "" without one.
    """

    words: str
    state: str
    detail: str = ""


@dataclass(frozen=True)
class Column:
    """A backend's text of a function.

    Attributes:
        backend: its name.
        status: what its checks say.
        source: its text; None where it has none.
        changed: whether the file is known to have changed since the function was measured.
        uses: entries of the page that the text uses, by name.
        reason: why it has no text; "" where it has one.
    """

    backend: str
    status: Status
    source: Source | None = None
    changed: bool = False
    uses: Sequence[str] = ()
    reason: str = ""


@dataclass(frozen=True)
class Entry:
    """A function, in every backend.

    Attributes:
        name: what records call it; its anchor, too.
        summary: first line of what the interface says of it: what it is, and its formula.
        text: the rest of it, as (text, name of the entry that it leads to or ""): shapes, errors, source.
        status: over all reference backends.
        columns: the reference backends.
        libraries: what people use instead, judged beside them.
        times: where it was timed; without rows where it was not.
    """

    name: str
    summary: str
    text: Sequence[tuple[str, str]]
    status: Status
    columns: Sequence[Column]
    libraries: Sequence[Column]
    times: Table


@dataclass(frozen=True)
class Group:
    """The entries of a module, and what it says of itself."""

    module: str
    summary: str
    entries: Sequence[Entry]


@dataclass(frozen=True)
class Measured:
    """What the page needs of the runs.

    Attributes:
        checks: of the latest run that has any.
        times: of the latest run that has any.
        changed: files that are known to differ from those that were measured.
        notes: on where these numbers come from, and whether the texts are those that gave them.
    """

    checks: Sequence[Check] = ()
    times: Sequence[Time] = ()
    changed: frozenset[str] = frozenset()
    notes: Sequence[str] = ()


def measured(runs: Sequence[Run]) -> Measured:
    """Return checks and times from the latest runs that have some.

    Args:
        runs: the latest first.
    """
    checked, timed = _latest(runs, Check), _latest(runs, Time)
    origin = f"Agreement is of {_named(checked)}." if checked else "Agreement was not measured."
    if timed:
        origin += f" Times are of {'the same run' if timed is checked else _named(timed)}."
    measuring = [run for run in (checked, None if timed is checked else timed) if run]
    changed = [changed_files(run) for run in measuring]
    return Measured(
        of(checked.records, Check) if checked else (),
        of(timed.records, Time) if timed else (),
        frozenset().union(*(files for files in changed if files)),
        [origin, *map(_freshness, measuring, changed)],
    )


def changed_files(run: Run) -> frozenset[str] | None:
    """Return the files of `implementations` that are not those that a run measured; None where that is not known."""
    if _same_tree(run):
        return frozenset()
    return None if run.provenance.get("dirty") else provenance.changed_since(str(run.provenance.get("commit", "")))


def groups(found: Measured) -> list[Group]:
    """Return every entry, by module, in the order of the contract."""
    modules: dict[str, list[Subject]] = defaultdict(list)
    for subject in subjects().values():
        modules[subject.module].append(subject)
    return [
        Group(module, _first_line(sources.docstring(INTERFACE, module)), [entry(subject, found) for subject in members])
        for module, members in modules.items()
    ]


def entry(subject: Subject, found: Measured) -> Entry:
    """Return a function's entry."""
    checks = [check for check in found.checks if check.kernel == subject.name]
    rows = registry.backends().values()
    references = [row for row in rows if not row.base]
    libraries = [row for row in rows if row.base and (subject.text_in(row) or subject.name in contract.kernels())]
    times = [time for time in found.times if time.kernel == subject.name]
    own = {row.name for row in references}
    said = sources.docstring(*subject.contract)
    return Entry(
        subject.name,
        _first_line(said),
        _linked(said.partition("\n")[2].strip("\n"), subject),
        status([check for check in checks if check.backend in own]),
        [_column(row, subject, checks, times, found.changed) for row in references],
        [_column(row, subject, checks, times, found.changed) for row in libraries],
        _times(subject.name, times, list(registry.backends())),
    )


def status(checks: Sequence[Check]) -> Status:
    """Say what checks say, in a few words: the worst of them, in units of its budget."""
    if not checks:
        return Status("not measured", "plain")
    failing = [check for check in checks if not check.within_budget]
    worst = max(checks, key=badness)
    detail = f"{plural(len(checks), 'check')} in {listing(sorted({check.dtype for check in checks}))}"
    if not failing:
        return Status(f"within budget, worst {number(ratio(worst), 2)} of it", "good", detail)
    known = "; all known, in its ledger" if all(check.deviation == "listed" for check in failing) else ""
    return Status(f"fails {len(failing):,} of {plural(len(checks), 'check')}, {_excess(worst)}", "bad", detail + known)


def _excess(worst: Check) -> str:
    if worst.error is None:
        return "worst not finite"
    return f"worst {number(ratio(worst), 2)} of its budget" if worst.budget > 0 else "where no error is allowed"


def _latest(runs: Sequence[Run], kind: type[Record]) -> Run | None:
    return next((run for run in runs if of(run.records, kind)), None)


def _named(run: Run) -> str:
    started = run.provenance.get("started")
    return f"run {run.name}, {moment(started)}" if started else f"run {run.name}"


def _same_tree(run: Run) -> bool:
    return run.provenance.get("source") == provenance.source_digest()


def _freshness(run: Run, changed: frozenset[str] | None) -> str:
    """Say whether the texts of this checkout are those that a run measured."""
    if _same_tree(run):
        return f"The sources shown are those that run {run.name} measured."
    commit = str(run.provenance.get("commit") or "")[:12]
    uncommitted = ", with changes that were not committed" if run.provenance.get("dirty") else ""
    measured_at = f"commit {commit}{uncommitted}" if commit else "a commit that it does not name"
    told = f"Run {run.name} measured {measured_at}; the sources shown are of this checkout"
    if changed is None:
        return f"{told}. It is not the same, and which of its files differ is not known here."
    if not changed:
        return f"{told}. It is not the same, but no file of implementations has changed since."
    return f"{told}. A measured source whose file has changed since is marked."


def _column(
    row: registry.Backend, subject: Subject, checks: Sequence[Check], times: Sequence[Time], changed: frozenset[str]
) -> Column:
    own = [check for check in checks if check.backend == row.name]
    says, is_measured = status(own), bool(own) or any(time.backend == row.name for time in times)
    text = subject.text_in(row)
    if text is None:
        return Column(row.name, says, reason=_reason(row, subject))
    package, module, function = text
    beside = {other.function: other.name for other in subjects().values() if other.module == subject.module}
    offered = frozenset(beside) & registry.public(package, module)
    try:
        source = sources.read(package, module, function, offered)
    except LookupError:
        return Column(row.name, says, reason=f"package {package} does not define it in plain sight")
    uses = [beside[name] for name in source.elsewhere]
    return Column(row.name, says, source, is_measured and source.path in changed, uses)


def _reason(row: registry.Backend, subject: Subject) -> str:
    if subject.functions:
        return texts.gap(row.name, subject.function, ESTIMATORS)
    return registry.reason(row.name, subject.name)


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def _linked(text: str, subject: Subject) -> list[tuple[str, str]]:
    """Split a docstring where it names another entry: (text, entry), the entry "" for what lies between."""
    parts = re.split(r"(?<=`)([\w.]+)(?=`)", text)
    return [(part, _meant(part, subject) if index % 2 else "") for index, part in enumerate(parts)]


def _meant(name: str, subject: Subject) -> str:
    """Return the entry that a docstring names: a function of its own module, "module.function", or none, as ""."""
    module, _, function = name.rpartition(".")
    family = subject.module.rpartition(".")[0]
    modules = {module or subject.module, f"{family}.{module}"}
    return next((row.name for row in subjects().values() if row.function == function and row.module in modules), "")


def _times(name: str, times: Sequence[Time], backends: Sequence[str]) -> Table:
    """Return the medians at the largest size: a row for each device, type, mode and pass, a column for each backend."""
    shown = timing.largest(times)
    measured_in = [backend for backend in backends if any(record.backend == backend for record in shown)]
    medians: dict[tuple[str, str], float] = {}
    for record in shown:
        what = passes(record.derivative)
        medians[f"{timing.place(record)}, {record.mode}, {what}", record.backend] = record.seconds
    rows = [
        (call, *(seconds(medians.get((call, backend))) for backend in measured_in))
        for call in dict.fromkeys(call for call, _ in medians)
    ]
    size = f"{shown[0].size:,} elements" if shown else ""
    return Table(f"Median time of one call of {name}, {size}", ("call", *measured_in), rows)
