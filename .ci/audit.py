"""Fail where a pinned package has a known vulnerability; say what could not be looked up, which is no failure."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

COMMAND = (
    *(sys.executable, "-m", "pip_audit", "--requirement", "constraints.txt", "--no-deps", "--disable-pip"),
    *("--format", "json", "--progress-spinner", "off"),
)


def told(report: str, error: str) -> tuple[int, str]:
    """Return exit status and message.

    Args:
        report: what pip-audit printed, JSON; anything else means that it got no advisories.
        error: what it said on standard error.
    """
    try:
        rows: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        reason = next(iter(error.strip().splitlines()[-1:]), "no report")
        return 0, f"NOT AUDITED, no advisories could be had: {reason}"
    found = [
        f"{row['name']} {row['version']}: {flaw['id']}, mended in {', '.join(flaw['fix_versions']) or 'no version yet'}"
        for row in rows
        for flaw in row.get("vulns", ())
    ]
    skipped = sum("skip_reason" in row for row in rows)
    counted = f"{len(rows) - skipped} packages audited, {skipped} not audited"
    return int(bool(found)), "\n".join([*found, f"{counted}, {len(found)} known vulnerabilities"])


if __name__ == "__main__":
    done = subprocess.run(COMMAND, capture_output=True, text=True, check=False)
    status, message = told(done.stdout, done.stderr)
    print(message)
    sys.exit(status)
