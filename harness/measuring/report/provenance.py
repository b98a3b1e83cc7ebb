"""When and with what something was measured. No path and no host name is in it."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

#: Importable names whose versions are listed where they are loaded.
LIBRARIES = (
    "numpy", "scipy", "torch", "jax", "jaxlib", "tensorflow", "keras", "tensorflow_probability", "numpyro", "flax",
    "optax",
)  # fmt: skip

#: Seconds after which the state of a repository is given up.
PATIENCE = 2.0


def provenance() -> dict[str, str]:
    """Return when, where and with what something is measured now, by headings."""
    found = {
        "Date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "Processor": _processor(),
        "System": f"{platform.system()} {platform.machine()}",
        "Versions": ", ".join(_versions()),
        "Commit": _commit(),
    }
    return {heading: value for heading, value in found.items() if value}


def _processor() -> str:
    """Return the name of the processor, as Linux gives it, else what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _versions() -> Iterator[str]:
    yield f"python {platform.python_version()}"
    for module in ("reparam", *(name for name in LIBRARIES if name in sys.modules)):
        try:
            yield f"{module.replace('_', '-')} {importlib.metadata.version(module.replace('_', '-'))}"
        except importlib.metadata.PackageNotFoundError:
            continue


def _commit() -> str:
    """Return the commit of the repository that the current folder is in, "" where there is none."""
    command = ("git", "describe", "--always", "--dirty= with changes", "--abbrev=12", "--exclude=*")
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
