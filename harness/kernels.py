"""Names of kernels as the command line takes them: a name, a module, or a glob."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from harness.errors import unknown


def select(patterns: Sequence[str], known: Sequence[str], kind: str) -> list[str]:
    """Return the known names that any pattern matches, in the order of `known`, each once.

    Args:
        patterns: names ("gaussian.cdf"), modules ("gaussian", "models.vae") or globs ("gaussian.*", "*.log_prob");
            no pattern at all selects every name.
        known: the valid names.
        kind: what they name, for the message, such as "kernel".

    Raises:
        BadInputError: a pattern matches no name; the message lists the nearest ones.
    """
    if not patterns:
        return list(known)
    found = {pattern: {name for name in known if matches(name, pattern)} for pattern in patterns}
    for pattern, names in found.items():
        if not names:
            raise unknown(kind, pattern, known, f"reparam list {kind}s", _summaries(kind))
    chosen = set().union(*found.values())
    return [name for name in dict.fromkeys(known) if name in chosen]


def _summaries(kind: str) -> dict[str, str]:
    """Return what every kernel computes, in a line each; nothing for names of another kind."""
    from implementations.interface import contract

    return {row.name: row.summary for row in contract.kernels().values()} if kind == "kernel" else {}


def matches(name: str, pattern: str) -> bool:
    """Tell whether a pattern, a name, a module or a glob, covers a name."""
    return name == pattern or name.startswith(f"{pattern}.") or fnmatchcase(name, pattern)
