"""What all records share: their version, their fields, and the record of a cell that failed."""

from __future__ import annotations

import msgspec

#: Raised when a field changes its meaning, or goes. Records of another version are never mixed in.
SCHEMA = 1


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """What every record has.

    Attributes:
        backend: whose code was measured.
        dtype: its floating type.
        device: "cpu" or "gpu".
    """

    backend: str
    dtype: str
    device: str


class Failure(Record, frozen=True, tag="failure"):
    """A cell that could not be measured.

    Attributes:
        cell: its key.
        reason: one line.
    """

    cell: str
    reason: str
