"""The backends that can be judged: a table of data, and `load`, which imports one of them.

This module imports no framework. A backend is a package that offers the modules named in `MODULES`;
`kind` is "reference" for a text written for this project and "library" for an adapter to what people use.
A third party adds a row from its own package through the entry point group `reparam.backends`, whose
entry names a `Backend`.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from types import ModuleType

ENTRY_POINT_GROUP = "reparam.backends"

#: What every reference backend offers, as dotted names below its package.
MODULES = (
    "runtime",
    "autodiff",
    "sampling",
    "gaussian",
    "gumbel",
    "categorical",
    "bernoulli",
    "relaxed_categorical",
    "divergences",
    "annealing",
    "article",
    "distributions",
    "objectives",
    "optimizers",
    "estimators.pathwise",
    "estimators.score_function",
    "estimators.relaxed",
    "models.network",
    "models.vae",
    "models.categorical_vae",
)


@dataclass(frozen=True)
class Backend:
    """One row of the table.

    Attributes:
        name: what the command line and the records call it.
        package: the importable package that holds its modules.
        framework: the importable name of the framework it needs.
        kind: "reference" or "library".
        extra: the extra of the distribution `reparam` that installs the framework.
        mode: how people mostly run the framework, "eager" or "compiled".
        environment: environment variables that its process needs before the framework is imported.
    """

    name: str
    package: str
    framework: str
    kind: str
    extra: str
    mode: str = "compiled"
    environment: tuple[tuple[str, str], ...] = ()


class UnknownBackendError(ValueError):
    """The name is in no row of the table."""


class MissingFrameworkError(ImportError):
    """The framework of a backend is not installed; the message holds the command that installs it."""


# TensorFlow's start-up notes go to standard error by the dozen
_QUIET_TENSORFLOW = (("TF_CPP_MIN_LOG_LEVEL", "3"),)

_BUILT_IN = (
    Backend("torch", "implementations.torch", "torch", "reference", "torch", mode="eager"),
    Backend("jax", "implementations.jax", "jax", "reference", "jax"),
    Backend(
        "tensorflow",
        "implementations.tensorflow",
        "tensorflow",
        "reference",
        "tensorflow",
        environment=_QUIET_TENSORFLOW,
    ),
)


@cache
def backends() -> dict[str, Backend]:
    """Return every row by name: those of this project, then those that entry points add."""
    rows = {row.name: row for row in _BUILT_IN}
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        row = entry.load()
        rows.setdefault(row.name, row)
    return rows


def find(name: str) -> Backend:
    """Return the row called `name`.

    Raises:
        UnknownBackendError: no row has that name; the message lists the nearest ones.
    """
    rows = backends()
    if name in rows:
        return rows[name]
    near = difflib.get_close_matches(name, rows, n=3, cutoff=0.4) or sorted(rows)
    raise UnknownBackendError(f"unknown backend {name!r}; the nearest are: {', '.join(near)}")


def installed(name: str) -> bool:
    """Tell whether the framework of backend `name` can be imported, without importing it."""
    return importlib.util.find_spec(find(name).framework) is not None


def install_command(name: str) -> str:
    """Return the command that, in a clone, installs the framework of backend `name` at the tested version."""
    return f'pip install -c constraints.txt -e ".[{find(name).extra}]"'


def load(name: str) -> ModuleType:
    """Import and return the package of backend `name`, with every module of `MODULES` as attribute.

    Raises:
        UnknownBackendError: no row has that name.
        MissingFrameworkError: its framework is not installed.
    """
    row = find(name)
    if not installed(name):
        raise MissingFrameworkError(
            f"backend {name!r} needs {row.framework}, which is not installed: {install_command(name)}"
        )
    package = importlib.import_module(row.package)
    for module in MODULES:
        importlib.import_module(f"{row.package}.{module}")
    return package
