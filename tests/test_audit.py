"""The audit of the pinned packages: what it says, and when it fails."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

told = runpy.run_path(str(Path(__file__).parent.parent / ".ci" / "audit.py"))["told"]

SOUND = {"name": "numpy", "version": "2.4.6", "vulns": []}
SKIPPED = {"name": "torch", "skip_reason": "not found"}
FLAWED = {"name": "jinja2", "version": "2.4", "vulns": [{"id": "CVE-2014-1402", "fix_versions": ["2.7.2"]}]}


@pytest.mark.parametrize(
    ("rows", "status", "words"),
    [
        ([SOUND], 0, "1 packages audited, 0 not audited, 0 known"),
        ([SOUND, SKIPPED], 0, "1 packages audited, 1 not audited, 0 known"),
        ([SOUND, FLAWED], 1, "jinja2 2.4: CVE-2014-1402, mended in 2.7.2"),
    ],
)
def test_a_known_vulnerability_fails(rows: list[dict[str, object]], status: int, words: str) -> None:
    found, message = told(json.dumps({"dependencies": rows}), "")
    assert found == status
    assert words in message


@pytest.mark.parametrize("report", ["", "no JSON", "[]", "{}"])
def test_without_advisories_nothing_is_claimed(report: str) -> None:
    assert told(report, "first\nConnectionError: no network") == (
        0,
        "NOT AUDITED, no advisories could be had: ConnectionError: no network",
    )
