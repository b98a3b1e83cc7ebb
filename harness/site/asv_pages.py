"""asv's own pages inside the site, from its database; they open from disk, as the rest of the site does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

from harness.errors import without_folders

#: Where they lie in the site.
FOLDER = "asv"

_REMOTE = re.compile(r'(src|href)="https://[^"]*/([^"/]+\.(?:js|css))"[^>]*>')
_JQUERY = '<script src="jquery-3.3.1.min.js"></script>'
_DATA = '<script src="data.js"></script>\n    <script src="offline.js"></script>'


def publish(config: Path, output: Path) -> str:
    """Let asv build its pages into a folder of the site.

    Args:
        config: asv.conf.json.
        output: the site's folder.

    Returns:
        Why there are none, in a line; "" where there are.
    """
    target = (output / FOLDER).resolve()
    command = [sys.executable, "-m", "asv", "publish", "--no-pull", "--config", str(config), "--html-dir", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stderr + done.stdout).strip().splitlines() or ["no message"]
        return f"asv publish failed: {without_folders(lines[-1])}"
    _offline(target)
    return ""


def _offline(folder: Path) -> None:
    """Put beside asv's pages what they would load from a network, and what they would ask a server for."""
    vendor = files("harness.site") / "vendor"
    for item in vendor.iterdir():
        if item.name.endswith((".js", ".css")):
            (folder / item.name).write_bytes(item.read_bytes())
    page = folder / "index.html"
    page.write_text(local(page.read_text("utf-8")), "utf-8")
    data = {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in sorted(folder.rglob("*.json"))}
    (folder / "data.js").write_text(f"window.ASV_DATA = {json.dumps(data)};\n", "utf-8")


def local(html: str) -> str:
    """Return asv's page with scripts and styles from its own folder, and its data after jQuery."""
    here = _REMOTE.sub(r'\1="\2">', html)
    return here.replace(_JQUERY, f"{_JQUERY}\n    {_DATA}")
