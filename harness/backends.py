"""The backends that a measurement covers: those that were asked for, else every reference backend installed here."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import BadInputError
from implementations import registry


def require_known(names: Sequence[str]) -> None:
    """Check that every name is that of a backend, installed or not.

    Raises:
        BadInputError: one is not; the message has the nearest ones.
    """
    for name in names:
        try:
            registry.find(name)
        except registry.UnknownBackendError as error:
            raise BadInputError(f"{error}; all of them: reparam list backends") from None


def chosen(names: Sequence[str] = ()) -> list[str]:
    """Return the backends to measure.

    Args:
        names: backends by name; none means every installed reference backend.

    Raises:
        BadInputError: a name is unknown, its framework is missing, or no framework is installed at all; the
            message holds the install command.
    """
    if not names:
        rows = registry.backends().values()
        found = [row.name for row in rows if row.kind == "reference" and registry.installed(row.name)]
        if not found:
            raise BadInputError(f"no framework is installed; install one, such as: {registry.install_command('jax')}")
        return found
    require_known(names)
    for name in names:
        if not registry.installed(name):
            framework = registry.find(name).framework
            raise BadInputError(
                f"backend {name!r} needs {framework}, which is not installed; install it: "
                f"{registry.install_command(name)}"
            )
    return list(dict.fromkeys(names))


def require_references(names: Sequence[str], what: str) -> None:
    """Check that no name is that of a library, which has kernels and nothing else.

    Args:
        names: backends.
        what: what was asked for, such as "estimators".

    Raises:
        BadInputError: one is; the message names the reference backend of the same framework.
    """
    for name in names:
        if is_library(name):
            raise BadInputError(
                f"backend {name!r} is a library, which has kernels and no {what}; allowed: the reference backends; "
                f"give --backend {registry.find(name).base}"
            )


def is_library(name: str) -> bool:
    """Tell whether a backend is a library that people use, judged beside a ledger; False for a name not known here."""
    return name in registry.backends() and registry.find(name).kind == "library"
