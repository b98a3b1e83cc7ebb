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

import harness
import implementations
from harness.errors import out_of_range, shown
from harness.requirements import require
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

#: The runs of a machine stand in a folder of its name.
_MACHINE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")

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


def machine_name(name: str = "") -> str:
    """Return what this machine is to be called, "" if nobody says it.

    Args:
        name: as it was given; else the environment's REPARAM_MACHINE.

    Raises:
        BadInputError: no folder can be called so.
    """
    said_by, given = ("--machine", name) if name else ("REPARAM_MACHINE", os.environ.get("REPARAM_MACHINE", ""))
    if given and not _MACHINE_NAME.fullmatch(given):
        allowed = "up to 80 letters, digits, ., - and _, a letter or digit first"
        raise out_of_range(said_by, shown(given), allowed, "give such a name")
    return given


def machine(name: str = "") -> dict[str, Any]:
    """Describe this machine: {name, cpu, cores, memory_gib, system}.

    Args:
        name: what to call it; else the environment's REPARAM_MACHINE, else one made of its processor and cores.

    Raises:
        BadInputError: no folder can be called so, or a package that describes the machine is not installed.
    """
    given = machine_name(name)
    require("cpuinfo", "psutil", needed_by="the description of this machine, which each run stores,")
    import cpuinfo
    import psutil

    brand = cpuinfo.get_cpu_info().get("brand_raw") or platform.machine()
    cores = psutil.cpu_count() or 0
    words = re.sub(r"\((r|tm)\)|processor|cpu|@.*|\d+-core", " ", brand.lower())
    made = "-".join([*re.findall(r"[a-z0-9]+", words), f"{cores}-cores"])
    return {
        "name": given or made,
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


def _modules_of_plugins() -> set[str]:
    """Return the modules that rows of other packages name: their texts need not be in the package of the row."""
    from harness.estimators import ESTIMATORS
    from harness.problems import PROBLEMS
    from implementations import registry

    functions = [row.functions for row in ESTIMATORS.added.values()] + [
        row.functions for row in PROBLEMS.added.values()
    ]
    texts = {place.partition(":")[0] for row in functions for place in row.values()}
    return texts | {row.package for row in registry.TABLE.added.values()}


def source_digest() -> str:
    """Return a hash of every source and data file of `harness` and `implementations`, and of all files of plug-ins."""
    own = [
        (path.relative_to(folder).as_posix(), path)
        for folder in (Path(str(module.__file__)).parent for module in (harness, implementations))
        for path in sorted(folder.rglob("*"))
        if path.suffix in {".py", ".toml"}
    ]
    digest = hashlib.sha256()
    for name, path in own + (entries.files(_modules_of_plugins()) if entries.anything() else []):
        digest.update(name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def collect(profile: str, seed: int, command: str, machine_of: str, backends: dict[str, Any]) -> dict[str, Any]:
    """Return the provenance of a run that starts now.

    Args:
        profile: of the run.
        seed: of the run.
        command: the command that repeats it.
        machine_of: what to call this machine, or "".
        backends: what each backend says of itself, by name.
    """
    revision, dirty = commit()
    return {
        "started": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "profile": profile,
        "seed": seed,
        "command": command,
        "machine": machine(machine_of),
        "versions": versions(),
        "commit": revision,
        "dirty": dirty,
        "source": source_digest(),
        "backends": backends,
    }


def machine_of(provenance: dict[str, Any]) -> str:
    """Return what the machine of a run is called."""
    told = provenance.get("machine")
    return str(told.get("name", "unknown")) if isinstance(told, dict) else "unknown"


_FREE = frozenset({"started", "commit", "dirty", "command"})
_OF_A_MACHINE = frozenset({"machine", "device_name", "devices", "threads"})


def fingerprint(provenance: dict[str, Any]) -> str:
    """Return a hash of what two runs must share for the one to go on where the other stopped.

    The date and the commit are left out: `source` says whether the code is the same.
    """
    shared = {name: value for name, value in provenance.items() if name not in _FREE}
    return hashlib.sha256(repr(sorted(shared.items())).encode()).hexdigest()[:16]


def differences(one: dict[str, Any], other: dict[str, Any], prefix: str = "") -> list[str]:
    """Return what keeps two runs from being merged, such as "seed: 0 and 1"; machines may differ.

    Args:
        one: provenance of a run.
        other: provenance of the other.
        prefix: of the names, for what lies inside.
    """
    found: list[str] = []
    for name in sorted({*one, *other} - _FREE - _OF_A_MACHINE):
        left, right = one.get(name), other.get(name)
        if isinstance(left, dict) and isinstance(right, dict):
            found += differences(left, right, f"{prefix}{name}.")
        elif left != right:
            found.append(f"{prefix}{name}: {left!r:.60} and {right!r:.60}")
    return found


if __name__ == "__main__":
    print(machine()["name"])
