"""The backends that can be judged: a table of data, and `load`, which imports one of them.

This module imports no framework. `kind` is "reference" for a text written for this project, a package that offers the
modules named in `MODULES`, and "library" for an adapter to what people use: a package that offers kernels or curvature
products, and whose module `gaps` says which ones it does not, and why; the rest is served by the reference backend of
its `base`. A third party adds a row from its own package through the entry point group `reparam.backends`, whose entry
names a `Backend`.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.util
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from implementations.entries import RefusedError, Table, found, in_one_line
from implementations.interface.contract import KERNEL_MODULES

#: What every reference backend offers, as dotted names below its package.
MODULES = (
    "runtime",
    "autodiff",
    "precision",
    "sampling",
    "gaussian",
    "gumbel",
    "categorical",
    "bernoulli",
    "relaxed_categorical",
    "divergences",
    "annealing",
    "article",
    "gamma",
    "beta",
    "distributions",
    "objectives",
    "optimizers",
    "families",
    "fisher",
    "solvers",
    "streaming",
    "natural_gradient",
    "estimators.pathwise",
    "estimators.implicit",
    "estimators.score_function",
    "estimators.relaxed",
    "estimators.measure_valued",
    "estimators.enumeration",
    "estimators.bounds",
    "estimators.control_variates",
    "estimators.antithetic",
    "models.network",
    "models.vae",
    "models.categorical_vae",
    "models.regression",
    "models.classifier",
)

#: What the base of a library backend serves: what the library is run by, and what its curvature is of.
BASE_MODULES = ("runtime", "autodiff", "sampling", "families", "models")

#: What a row may be.
KINDS = ("reference", "library")

#: Of the entry points that add rows.
GROUP = "reparam.backends"

#: What a library backend may offer.
LIBRARY_MODULES = (*KERNEL_MODULES, "fisher")


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
        keeps_programs: environment variables that make the framework keep what it compiles in "{folder}", so that
            another process need not compile it; a backend that has a base uses the base's.
        base: the reference backend whose `BASE_MODULES` serve this one; "" for a backend that has its own.
    """

    name: str
    package: str
    framework: str
    kind: str
    extra: str
    mode: str = "compiled"
    environment: tuple[tuple[str, str], ...] = ()
    keeps_programs: tuple[tuple[str, str], ...] = ()
    base: str = ""


class UnknownBackendError(ValueError):
    """The name is in no row of the table."""


class MissingFrameworkError(ImportError):
    """The framework of a backend is not installed; the message holds the command that installs it."""


class BrokenFrameworkError(ImportError):
    """The framework of a backend is installed and cannot be imported; the message holds the reason and a command."""


# TensorFlow's start-up notes go to standard error by the dozen
_QUIET_TENSORFLOW = (("TF_CPP_MIN_LOG_LEVEL", "3"),)

_BUILT_IN = (
    Backend(
        "torch",
        "implementations.torch",
        "torch",
        "reference",
        "torch",
        mode="eager",
        keeps_programs=(("TORCHINDUCTOR_CACHE_DIR", "{folder}"),),
    ),
    Backend(
        "jax",
        "implementations.jax",
        "jax",
        "reference",
        "jax",
        keeps_programs=(
            ("JAX_COMPILATION_CACHE_DIR", "{folder}"),
            ("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0"),
            ("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1"),
        ),
    ),
    Backend(
        "tensorflow",
        "implementations.tensorflow",
        "tensorflow",
        "reference",
        "tensorflow",
        environment=_QUIET_TENSORFLOW,
        keeps_programs=(("TF_XLA_FLAGS", "--tf_xla_persistent_cache_directory={folder}"),),
    ),
    Backend(
        "torch_distributions",
        "implementations.torch_distributions",
        "torch",
        "library",
        "torch",
        mode="eager",
        base="torch",
    ),
    Backend(
        "tensorflow_probability",
        "implementations.tensorflow_probability",
        "tensorflow_probability",
        "library",
        "libraries",
        environment=_QUIET_TENSORFLOW,
        base="tensorflow",
    ),
    Backend("numpyro", "implementations.numpyro", "numpyro", "library", "libraries", base="jax"),
    Backend(
        "curvlinops",
        "implementations.curvlinops",
        "curvlinops",
        "library",
        "libraries",
        mode="eager",
        base="torch",
    ),
)


def _require(name: str, row: Any) -> None:
    """Check what an entry point names."""
    if not isinstance(row, Backend):
        raise RefusedError(f"it names a {type(row).__name__}, not an implementations.registry.Backend")
    if row.name != name:
        raise RefusedError(f"its row is called {row.name!r}; give entry point and row one name")
    if row.kind not in KINDS:
        raise RefusedError(f"its kind is {row.kind!r}; allowed: {' or '.join(KINDS)}")
    bases = [other.name for other in _BUILT_IN if other.kind == "reference"]
    bases += [entry.name for entry in found(GROUP) if entry.name != name]
    if (row.kind == "library") != bool(row.base) or row.base not in ("", *bases):
        raise RefusedError(f"its base is {row.base!r}; allowed: none for a reference, else one of {', '.join(bases)}")
    try:
        spec = importlib.util.find_spec(row.package)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        raise RefusedError(f"there is no package {row.package!r}")


#: Every row by name: those of this project, then those that entry points add.
TABLE: Table[Backend] = Table({row.name: row for row in _BUILT_IN}, GROUP, _require)


def backends() -> Table[Backend]:
    """Return every row by name: those of this project, then those that entry points add."""
    return TABLE


def name_of(package: ModuleType) -> str:
    """Return the name of the backend whose loaded package this is."""
    return next(row.name for row in TABLE.values() if row.package == package.__name__)


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


def _frameworks(row: Backend) -> list[str]:
    """Return what must be importable: the backend's own framework, and that of its base."""
    return [row.framework, *([find(row.base).framework] if row.base else [])]


def installed(name: str) -> bool:
    """Tell whether the framework of backend `name`, and that of its base, can be imported, without importing it."""
    return all(importlib.util.find_spec(framework) is not None for framework in _frameworks(find(name)))


def install_command(name: str) -> str:
    """Return the command that installs the framework of backend `name`, from a wheel as from a clone."""
    return f"pip install 'reparam[{find(name).extra}]'"


def gaps(name: str) -> dict[str, str]:
    """Return why backend `name` lacks some kernels: names, or globs such as "article.*", and the reason of each.

    No framework is imported. A kernel that is neither offered nor in this table has no adapter yet.
    """
    module = f"{find(name).package}.gaps"
    return dict(importlib.import_module(module).GAPS) if importlib.util.find_spec(module) else {}


def gap(name: str, kernel_name: str) -> str:
    """Return why backend `name` does not offer a kernel; "" where it does."""
    return "" if offers(name, kernel_name) else reason(name, kernel_name)


def reason(name: str, kernel_name: str) -> str:
    """Return what the gap table of backend `name` says of a kernel, or an estimator, that it does not offer."""
    found = (text for pattern, text in gaps(name).items() if fnmatchcase(kernel_name, pattern))
    return next(found, "no adapter yet")


def offers(name: str, kernel_name: str) -> bool:
    """Tell whether backend `name` offers a kernel, such as "gaussian.cdf". A reference backend offers all."""
    module, _, function = kernel_name.partition(".")
    return not find(name).base or function in public(find(name).package, module)


@cache
def public(package: str, module: str) -> frozenset[str]:
    """Return `__all__` of a backend's module, read from its text, since importing it would import a framework.

    Args:
        package: the backend's, such as "implementations.torch".
        module: dotted below the package, such as "gaussian"; one that does not exist has no names.
    """
    file = source_file(package, module)
    if file is None:
        return frozenset()
    lists = (
        node.value
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]
    )
    return frozenset(name for names in lists for name in ast.literal_eval(names))


def source_file(package: str, module: str) -> Path | None:
    """Return the file of a backend's module, such as "estimators.relaxed", without importing it; None without one."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).parent.joinpath(*module.split(".")).with_suffix(".py")
    return file if file.exists() else None


def load(name: str) -> ModuleType:
    """Import and return the package of backend `name`, with every module that it offers as attribute.

    A reference backend offers every module of `MODULES`; a library backend `BASE_MODULES`, which are its base's, and
    those of `LIBRARY_MODULES` in which it has something.

    Raises:
        UnknownBackendError: no row has that name.
        MissingFrameworkError: its framework, or that of its base, is not installed.
        BrokenFrameworkError: one of them is installed, and its import fails.
    """
    row = find(name)
    if not installed(name):
        needed = " and ".join(dict.fromkeys(_frameworks(row)))
        raise MissingFrameworkError(f"backend {name!r} needs {needed}, not installed here: {install_command(name)}")
    for framework in _frameworks(row):
        _import(framework, name)
    package = importlib.import_module(row.package)
    if row.base:
        return _with_base(package, load(row.base))
    for module in MODULES:
        importlib.import_module(f"{row.package}.{module}")
    return package


def _import(framework: str, backend: str) -> None:
    """Import the framework of a backend.

    Raises:
        BrokenFrameworkError: the import fails, whatever it raises: a missing part of the framework is an ImportError,
            a shared library that does not load an OSError, a NumPy of another version an AttributeError.
    """
    try:
        importlib.import_module(framework)
    except Exception as error:
        again = install_command(backend).replace("install", "install --force-reinstall", 1)
        raise BrokenFrameworkError(
            f"backend {backend!r} needs {framework}, which is installed and broken: {in_one_line(error)}; "
            f"install it again: {again}"
        ) from error


def _with_base(package: ModuleType, base: ModuleType) -> ModuleType:
    """Return a module that holds what `package` offers and the base's own modules."""
    combined = ModuleType(package.__name__, package.__doc__)
    for module in BASE_MODULES:
        setattr(combined, module, getattr(base, module))
    for module in LIBRARY_MODULES:
        if importlib.util.find_spec(f"{package.__name__}.{module}"):
            setattr(combined, module, importlib.import_module(f"{package.__name__}.{module}"))
    return combined
