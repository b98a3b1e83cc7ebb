"""Found inputs as rows of the case data, and the file that they are added to."""

from __future__ import annotations

import ast
import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.agreement import cases
from harness.results.schema import Check
from harness.search.judge import subject_of

#: Where found cases are kept.
FILE = Path(cases.__file__).parent / "found.toml"

_HEADING = "# Inputs that `reparam check --search` found to be out of budget; `--add` appends to this file.\n"


def case_rows(records: Iterable[Check], seed: int) -> str:
    """Return rows of TOML for what is out of budget, every number a literal that reads back exactly.

    What is within its budget, and inputs at which the oracle fails, make no case.

    Args:
        records: of kernels, such as those that `harness.search.run.search` returns.
        seed: of the search.
    """
    return "\n".join(
        _row(record, seed) for record in records if not record.within_budget and subject_of(record) != "oracle"
    )


def _row(record: Check, seed: int) -> str:
    given: dict[str, Any] = ast.literal_eval(record.worst_input)
    directions = {name: given.pop(name) for name in ("cotangent", "tangents") if name in given}
    row: dict[str, Any] = {"inputs": given} | directions
    lines = [f"{name} = {_toml(part)}" for name, part in row.items()]
    digest = hashlib.blake2b(f"{record.kernel} {lines}".encode(), digest_size=4).hexdigest()
    observed = f": {record.observed}" if record.observed else ""
    where = f"{record.backend}, {record.mode}, {record.dtype}, {record.derivative}{observed}"
    return "\n".join(
        [
            "[[case]]",
            f"kernel = {_toml(record.kernel)}",
            f"name = {_toml(f'found by search, seed {seed}, {digest}')}",
            *lines,
            f"reference = {_toml(f'reparam check --search, {where}')}",
            "",
        ]
    )


def _toml(value: Any) -> str:
    """Write built-in values as TOML; Python's shortest digits of a float read back exactly."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {_toml(part)}" for name, part in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str):
        text = value.replace("\\", "\\\\").replace('"', '\\"')
        return '"' + "".join(letter if letter.isprintable() else " " for letter in text) + '"'
    return repr(value)


def _identity(row: Mapping[str, Any]) -> str:
    """Return what makes two rows the same: kernel, inputs and directions."""
    return repr([row.get(part) for part in ("kernel", "inputs", "cotangent", "tangents")])


def append(path: Path, rows: str) -> int:
    """Append rows that are not there yet to a file, which is created when it is missing.

    Returns:
        How many rows were appended.
    """
    text = path.read_text() if path.exists() else _HEADING
    known = {_identity(row) for row in tomllib.loads(text).get("case", [])}
    new = []
    for part in rows.split("[[case]]\n")[1:]:
        (row,) = tomllib.loads(f"[[case]]\n{part}")["case"]
        if _identity(row) not in known:
            known.add(_identity(row))
            new.append(f"[[case]]\n{part.strip()}\n")
    if new:
        path.write_text("\n".join([text.rstrip() + "\n", *new]))
        cases.load.cache_clear()
    return len(new)
