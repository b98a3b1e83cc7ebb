"""Truths on disk, so that high precision is paid for once: one file for each, named by a hash of all it depends on.

The name covers the kernel, the inputs and the cotangent bit for bit, the dtype, and the oracle's own source. A
file is written beside its place and moved there, so that a reader sees all of it or nothing; a torn or foreign
file is computed anew. Nothing is pickled.
"""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import folders
from harness.oracle import truth
from harness.oracle.truth import Directions, Truth
from implementations.interface.contract import Kernel

#: What the truth of a kernel is made by, below this package.
_SOURCES = (
    "truth.py",
    "derivatives.py",
    "core_shapes.py",
    "terms.py",
    "bends.py",
    "choices.py",
    "flushes.py",
    "kernels/*.py",
)


@cache
def _source() -> str:
    package = Path(__file__).parent
    files = sorted(path for pattern in _SOURCES for path in package.glob(pattern))
    return hashlib.blake2b(b"".join(path.read_bytes() for path in files), digest_size=16).hexdigest()


def key(kernel: Kernel, arguments: Mapping[str, NDArray[Any]], directions: Directions, dtype: str) -> str:
    """Return the hash under which a truth is kept."""
    digest = hashlib.blake2b(digest_size=20)
    digest.update("\x1f".join((_source(), str(kernel), dtype)).encode())
    for name, array in [*arguments.items(), ("", directions.cotangent), *directions.tangents.items()]:
        contiguous = np.ascontiguousarray(array, np.float64)
        digest.update(f"{name}{np.shape(array)}".encode() + contiguous.tobytes())
    return digest.hexdigest()


@lru_cache(maxsize=8192)
def _read(path: Path, _stamp: int) -> dict[str, Truth] | None:
    """Read a file once for each time at which it was written."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: Truth(*file[name]) for name in file.files}
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile):
        return None


def _write(path: Path, truths: Mapping[str, Truth]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        np.savez(file, **{name: np.stack(parts) for name, parts in truths.items()})  # type: ignore[arg-type]
    Path(file.name).replace(path)


def of_kernel(
    kernel: Kernel, arguments: Mapping[str, NDArray[Any]], directions: Directions, dtype: str
) -> dict[str, Truth]:
    """Return `truth.of_kernel` of the same arguments, from disk where it is there."""
    path = folders.cache() / "truth" / f"{key(kernel, arguments, directions, dtype)}.npz"
    found = _read(path, path.stat().st_mtime_ns) if path.exists() else None
    if found is None:
        found = truth.of_kernel(kernel, arguments, directions, dtype)
        try:
            _write(path, found)
        except OSError:
            return found  # a cache that cannot be written costs time only
    return found
