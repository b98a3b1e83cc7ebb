"""Synthetic checks for tests of rosetta."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import site_records

from harness.results.schema import Check, Record


def changed(records: Sequence[Record], kernel: str, **changes: object) -> list[Record]:
    """Return records, those of a kernel changed."""
    return [
        msgspec.structs.replace(record, **changes) if isinstance(record, Check) and record.kernel == kernel else record
        for record in records
    ]


def checks_of(kernel: str, backend: str, **changes: object) -> list[Check]:
    found = [record for record in site_records.checks(np.random.default_rng(0)) if isinstance(record, Check)]
    return [
        msgspec.structs.replace(check, **changes)
        for check in found
        if (check.kernel, check.backend) == (kernel, backend)
    ]
