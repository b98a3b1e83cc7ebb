"""Whether two machines measure the same thing: the source code and the versions that can change a number."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from harness.errors import BadInputError


class UnlikeError(BadInputError):
    """A worker has other code or other versions than the command that sends it work."""


@cache
def identity() -> dict[str, str]:
    """Return the hash of the source code, and the version of Python and of every package that can change a number."""
    from harness.results import provenance

    return {"source": provenance.source_digest(), **provenance.versions()}


def require_like(wanted: Mapping[str, str], own: Mapping[str, str]) -> None:
    """Check that what both have is the same; a package that only one has is in no number of the other.

    Args:
        wanted: the driver's identity.
        own: this worker's.

    Raises:
        UnlikeError: they differ; the message says in what.
    """
    differing = [name for name in wanted if own.get(name, wanted[name]) != wanted[name]]
    if differing:
        told = ", ".join(f"{name} {own[name]} in place of {wanted[name]}" for name in differing)
        raise UnlikeError(f"the worker has {told}; install the same code and versions on all machines, and restart it")
