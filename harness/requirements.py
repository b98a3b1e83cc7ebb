"""Packages that only some parts need: which extra installs each, and the message where one is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec

from harness.errors import BadInputError

#: Importable name of each package that a plain installation lacks, and the extra of `reparam` that installs it.
EXTRAS: Mapping[str, str] = {
    "gmpy2": "oracle",
    "ml_dtypes": "oracle",
    "mpmath": "oracle",
    "threadpoolctl": "oracle",
    "tomli_w": "oracle",
    "hypothesis": "search",
    "mlxtend": "data",
    "sklearn": "data",
    "cpuinfo": "run",
    "psutil": "run",
    "pyarrow": "parquet",
    "altair": "site",
    "jinja2": "site",
    "pygments": "site",
    "vl_convert": "site",
    "dask": "cluster",
    "distributed": "cluster",
    "asv": "dev",
}

#: Extras that an extra holds beside packages of its own.
HOLDS: Mapping[str, tuple[str, ...]] = {"search": ("oracle",), "run": ("oracle", "data", "site")}


def install_command(extra: str) -> str:
    """Return the command that installs an extra, from a wheel as from a clone: "pip install 'reparam[oracle]'"."""
    return f"pip install 'reparam[{extra}]'"


def missing(package: str, needed_by: str, extra: str = "") -> BadInputError:
    """Return the error for a package that is not installed.

    Args:
        package: its importable name, one of `EXTRAS`.
        needed_by: what needs it, the subject of the message: "--pictures".
        extra: the extra to install; "" is the package's own.
    """
    command = install_command(extra or EXTRAS[package])
    return BadInputError(f"{needed_by} needs {package}, which is not installed; install it: {command}")


def require(*packages: str, needed_by: str) -> None:
    """Check that packages are installed, without importing them.

    Args:
        packages: importable names, of `EXTRAS`.
        needed_by: what needs them, the subject of the message.

    Raises:
        BadInputError: one is not installed; the message has the command that installs it.
    """
    for package in packages:
        if find_spec(package) is None:
            raise missing(package, needed_by)


def require_extra(extra: str, needed_by: str) -> None:
    """Check that all packages of an extra are installed, without importing them.

    Args:
        extra: one of `reparam`'s.
        needed_by: what needs it, the subject of the message.

    Raises:
        BadInputError: a package is not installed; the message has the command that installs the whole extra.
    """
    held = {extra, *HOLDS.get(extra, ())}
    for package, own in EXTRAS.items():
        if own in held and find_spec(package) is None:
            raise missing(package, needed_by, extra)


@contextmanager
def explained(needed_by: str) -> Iterator[None]:
    """Turn the failed import of a package of `EXTRAS` into the error that says how to install it.

    Every other ImportError passes unchanged: a broken package is no missing one.

    Args:
        needed_by: what is computed in this context, the subject of the message.

    Raises:
        BadInputError: a package of `EXTRAS` is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS or find_spec(package) is not None:
            raise
        raise missing(package, needed_by) from None
