"""Where, when and with what a run was measured. No path and no host name is in it."""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib.metadata
import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

import cpuinfo
import psutil

import harness
import implementations
from implementations import entries

PACKAGES = (
    "reparam",
    "numpy",
    "scipy",
    "mpmath",
    "mlxtend",
    "torch",
    "jax",
    "jaxlib",
    "tensorflow",
    "tensorflow-probability",
    "numpyro",
)

_ROOT = Path(harness.__file__).parent.parent


def versions() -> dict[str, str]:
    """Return the version of Python and of every package that can change a result, those that are installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found | entries.packages()


def machine(name: str = "") -> dict[str, Any]:
    """Describe this machine: {name, cpu, cores, memory_gib, system}.

    Args:
        name: what to call it; else the environment's REPARAM_MACHINE, else one made of its processor and cores.
    """
    brand = cpuinfo.get_cpu_info().get("brand_raw") or platform.machine()
    cores = psutil.cpu_count() or 0
    words = re.sub(r"\((r|tm)\)|processor|cpu|@.*|\d+-core", " ", brand.lower())
    made = "-".join([*re.findall(r"[a-z0-9]+", words), f"{cores}-cores"])
    return {
        "name": name or os.environ.get("REPARAM_MACHINE") or made,
        "cpu": brand,
        "cores": cores,
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(_ROOT), *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def commit() -> tuple[str, bool]:
    """Return the commit of the source tree ("" outside a checkout) and whether files other than results differ."""
    return _git("rev-parse", "HEAD"), bool(_git("status", "--porcelain", "--", ".", ":!results"))


def changed_since(revision: str) -> frozenset[str] | None:
    """Return the files of `implementations` that differ from a commit, as paths from the root of the source tree.

    Args:
        revision: the commit's full hash; from a record, so it is used as nothing but a hash.

    Returns:
        None where the commit is not known here.
    """
    if not re.fullmatch(r"[0-9a-f]{40,64}", revision) or _git("cat-file", "-t", revision) != "commit":
        return None
    differing = _git("diff", "--name-only", "--relative", revision, "--", "implementations")
    new = _git("ls-files", "--others", "--exclude-standard", "--", "implementations")
    return frozenset([*differing.splitlines(), *new.splitlines()])


def source_digest() -> str:
    """Return a hash of every source and data file of `harness`, `implementations` and the packages of plug-ins."""
    digest = hashlib.sha256()
    for folder in (Path(str(harness.__file__)).parent, Path(str(implementations.__file__)).parent, *entries.folders()):
        for path in sorted(folder.rglob("*")):
            if path.suffix in {".py", ".toml"}:
                digest.update(path.relative_to(folder).as_posix().encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def collect(profile: str, seed: int, command: str, machine_name: str, backends: dict[str, Any]) -> dict[str, Any]:
    """Return the provenance of a run that starts now.

    Args:
        profile: of the run.
        seed: of the run.
        command: the command that repeats it.
        machine_name: what to call this machine, or "".
        backends: what each backend says of itself, by name.
    """
    revision, dirty = commit()
    return {
        "started": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "profile": profile,
        "seed": seed,
        "command": command,
        "machine": machine(machine_name),
        "versions": versions(),
        "commit": revision,
        "dirty": dirty,
        "source": source_digest(),
        "backends": backends,
    }


def fingerprint(provenance: dict[str, Any]) -> str:
    """Return a hash of what two runs must share for the one to go on where the other stopped.

    The date and the commit are left out: `source` says whether the code is the same.
    """
    shared = {
        name: value for name, value in provenance.items() if name not in {"started", "commit", "dirty", "command"}
    }
    return hashlib.sha256(repr(sorted(shared.items())).encode()).hexdigest()[:16]


if __name__ == "__main__":
    print(machine()["name"])
