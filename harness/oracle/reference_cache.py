"""Reference gradients on disk, so that a long run is paid for once: one file each, named by a hash of all it rests on.

The name covers the problem, the length of the run, the numbers that a backend is given bit for bit, and the source of
the run. A file is written beside its place and moved there; one that cannot be read is computed anew. Nothing is
pickled.
"""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from functools import cache
from pathlib import Path

import numpy as np

from harness import folders
from harness.oracle import reference
from harness.oracle.reference import Arrays, Reference


@cache
def _source() -> bytes:
    return Path(reference.__file__).read_bytes()


def key(problem: str, parameters: Arrays, constants: Arrays) -> str:
    """Return the hash under which a run is kept."""
    run = f"{problem} {reference.ROADS[problem].points}"
    digest = hashlib.blake2b(_source() + run.encode(), digest_size=20)
    for name, array in sorted({**parameters, **constants}.items()):
        contiguous = np.ascontiguousarray(array, np.float64)
        digest.update(f"{name}{np.shape(array)}".encode() + contiguous.tobytes())
    return digest.hexdigest()


def _read(path: Path) -> Reference | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            return Reference({name: file[name] for name in file.files})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def of(problem: str, parameters: Arrays, constants: Arrays) -> Reference | None:
    """Return the reference gradient, from disk where it is there; None for a problem that has no road to one.

    Args:
        problem: its name.
        parameters: of the distribution, in float64.
        constants: of the objective; others, such as an estimator's, would only give the run another name.
    """
    if problem not in reference.ROADS:
        return None
    path = folders.cache() / "reference" / f"{key(problem, parameters, constants)}.npz"
    found = _read(path) if path.exists() else None
    if found is None:
        found = reference.run(problem, parameters, constants)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
                np.savez(file, **found.gradients)  # type: ignore[arg-type]
            Path(file.name).replace(path)
        except OSError:
            return found  # a cache that cannot be written costs time only
    return found
