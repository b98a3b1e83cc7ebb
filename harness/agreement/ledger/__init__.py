"""The ledger: known deviations of the libraries that people use, as data, strict both ways.

One file for each library backend, `BACKEND.toml`, holds where and on which versions it was recorded and a row
`[[deviation]]` for each case that is out of budget:

    kernel, case    which
    observed        the worst of it, when it was recorded
    where           {"DTYPE MODE": [derivatives]}

`causes.toml` says why, for rows by globs: the pitfall's id, the tracker's link, and a sentence. A comparison that is
out of budget and not listed fails the check, and so does a listed one that is within budget, or that is not made.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from harness.results.schema import Check
from implementations import registry

LISTED, NEW, VANISHED = "listed", "new", "vanished"

#: The dtypes in which libraries are judged: the rule for 16 bits is one for kernels that widen them.
DTYPES = ("float32", "float64")


class Place(NamedTuple):
    """What a listed comparison is known by."""

    kernel: str
    case: str
    dtype: str
    mode: str
    derivative: str


@dataclass(frozen=True)
class Cause:
    """Why rows deviate.

    Attributes:
        pitfall: the id in the catalogue of pitfalls, or "".
        tracker: a link, or "".
        text: a sentence.
        backends: globs.
        kernels: globs.
        cases: globs.
        derivatives: globs.
    """

    pitfall: str = ""
    tracker: str = ""
    text: str = ""
    backends: tuple[str, ...] = ("*",)
    kernels: tuple[str, ...] = ("*",)
    cases: tuple[str, ...] = ("*",)
    derivatives: tuple[str, ...] = ("*",)

    def covers(self, backend: str, kernel: str, case: str, derivative: str) -> bool:
        """Tell whether it explains a comparison."""
        pairs = (
            (backend, self.backends),
            (kernel, self.kernels),
            (case, self.cases),
            (derivative, self.derivatives),
        )
        return all(any(fnmatchcase(name, glob) for glob in globs) for name, globs in pairs)


@dataclass(frozen=True)
class Ledger:
    """One file.

    Attributes:
        versions: of the packages on which it was recorded.
        rows: observed text by place.
    """

    versions: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[Place, str] = field(default_factory=dict)


def path(backend: str) -> Path:
    """Return the file of a backend."""
    return Path(__file__).parent / f"{backend}.toml"


def load(file: Path) -> Ledger:
    """Read a ledger; an empty one where there is no file."""
    if not file.exists():
        return Ledger()
    content = tomllib.loads(file.read_text())
    rows = {
        Place(row["kernel"], row["case"], dtype, mode, derivative): row["observed"]
        for row in content["deviation"]
        for (dtype, mode), derivatives in ((where.split(" "), found) for where, found in row["where"].items())
        for derivative in derivatives
    }
    return Ledger(content["versions"], rows)


@cache
def causes() -> tuple[Cause, ...]:
    """Return the rows of `causes.toml`; the first that covers a comparison explains it."""
    content = tomllib.loads((Path(__file__).parent / "causes.toml").read_text())
    return tuple(msgspec.convert(row, Cause, strict=False) for row in content["cause"])


def cause(record: Check) -> Cause:
    """Return why a comparison deviates, empty where it is not known."""
    subject = (record.backend, record.kernel, record.case, record.derivative)
    return next((row for row in causes() if row.covers(*subject)), Cause())


def versions(backend: str) -> dict[str, str]:
    """Return the installed versions of a library and of the framework below it."""
    row = registry.find(backend)
    packages = dict.fromkeys([row.framework, *([registry.find(row.base).framework] if row.base else [])])
    distributions = packages_distributions()
    return {package: version(distributions[package][0]) for package in packages}


def place(record: Check) -> Place:
    """Return what a comparison is known by."""
    return Place(record.kernel, record.case, record.dtype, record.mode, record.derivative)


def judge(records: Sequence[Check], listed: Mapping[Place, str]) -> list[Check]:
    """Mark the comparisons of one backend: listed, new or vanished deviations, with their trackers.

    Args:
        records: of one library backend.
        listed: the rows that apply to what was compared.
    """
    return [_marked(record, place(record) in listed) for record in records]


def _marked(record: Check, listed: bool) -> Check:
    if record.within_budget and not listed:
        return record
    known = cause(record)
    state = VANISHED if record.within_budget else (LISTED if listed else NEW)
    tracker = " ".join(part for part in (known.pitfall, known.tracker) if part)
    return msgspec.structs.replace(record, deviation=state, tracker=tracker)


def missing(records: Iterable[Check], listed: Iterable[Place]) -> list[Place]:
    """Return the listed places at which nothing was compared."""
    made = {place(record) for record in records}
    return [row for row in listed if row not in made]


def text(backend: str, records: Iterable[Check], kept: Mapping[Place, str]) -> str:
    """Return the file of a backend: the deviations among the records, and rows kept from before.

    Args:
        backend: its name.
        records: what was compared now.
        kept: rows that this check did not cover.
    """
    rows = dict(kept) | {place(record): _observation(record) for record in records if not record.within_budget}
    grouped: dict[tuple[str, str], dict[str, Any]] = {}
    for row in sorted(rows):
        found = grouped.setdefault((row.kernel, row.case), {"observed": rows[row], "where": {}})
        found["where"].setdefault(f"{row.dtype} {row.mode}", []).append(row.derivative)
    deviations = [{"kernel": kernel, "case": case, **found} for (kernel, case), found in grouped.items()]
    import tomli_w

    return tomli_w.dumps({"versions": versions(backend), "deviation": deviations})


def _observation(record: Check) -> str:
    """Say what was seen at the first place of a case."""
    size = "no finite error" if record.error is None else f"error {record.error:.3g}, budget {record.budget:g}"
    return f"{record.derivative} in {record.dtype}, {record.mode}: {record.observed} ({size})"
