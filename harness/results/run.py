"""One run: a name, where its numbers come from, and its records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.results.schema import Record


@dataclass(frozen=True)
class Run:
    """What was measured together, on one machine, at one commit.

    Attributes:
        name: of the run.
        provenance: started (ISO date), machine, versions, commit, dirty, profile, seed, command, backends.
        records: in the order in which they were measured.
    """

    name: str
    provenance: dict[str, Any] = field(default_factory=dict)
    records: Sequence[Record] = ()
