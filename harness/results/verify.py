"""Whether stored results are what was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.errors import BadInputError
from harness.results import part as parts
from harness.results import provenance, store

#: States of a file, or of a cell in it, that make `reparam results verify` fail.
BAD = frozenset({"damaged", "unreadable", "unlike"})


def _row(path: Path, state: str, reason: str = "", **further: Any) -> dict[str, Any]:
    place = {"run": store.name_of(path.parent), "part": path.name}
    return place | {"state": state, "line": None, "cell": "", "cells": None, "reason": reason} | further


def _rows(part: parts.Part, first: parts.Part | None) -> list[dict[str, Any]]:
    damaged = [_row(part.path, "damaged", one.reason, line=one.line, cell=one.cell) for one in part.damages]
    unfinished = [_row(part.path, "unfinished", note.removeprefix(f"{part.path}: ")) for note in part.notes]
    differing = provenance.differences(first.provenance, part.provenance) if first and part.head else []
    unlike = [_row(part.path, "unlike", text) for text in differing]
    state = "whole" if part.checked else "not checked"
    reason = (
        "" if part.checked else "written before there were digests: a flipped bit that leaves a record is not found"
    )
    summary = [_row(part.path, state, reason, cells=len(part.cells))] if part.head else []
    return [*damaged, *unlike, *unfinished, *summary]


def verify(root: Path) -> list[dict[str, Any]]:
    """Check every file of the runs in a folder.

    Args:
        root: a results folder, that of a machine, or of a run.

    Returns:
        Rows with "run", "part", "state", "line", "cell", "cells" and "reason". Every part that has a header has a row
        that counts its whole cells, with state "whole" or "not checked"; further rows have a state of `BAD`, or
        "unfinished" for what a kill has left.

    Raises:
        BadInputError: there is no such folder.
    """
    rows: list[dict[str, Any]] = []
    for folder in store.folders(root):
        first: parts.Part | None = None
        for path in parts.listing(folder):
            try:
                part = parts.read(path)
            except BadInputError as error:
                rows.append(_row(path, "unreadable", str(error).removeprefix(f"{path}: ")))
                continue
            rows += _rows(part, first)
            first = first or (part if part.head else None)
    return rows
