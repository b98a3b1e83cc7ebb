"""The commands that show what there is: doctor, list."""

from __future__ import annotations

import importlib

import click

from harness import errors
from harness.cli.options import Where, where


@click.command()
@where()
def doctor(where: Where) -> None:
    """Show frameworks, versions, devices, flags, and the command that mends what is missing.

    Example: reparam doctor --format json
    """
    from harness import console
    from harness.doctor import examine

    rows = examine(where.backends, where.devices)
    console.show(rows, {name: name for name in rows[0]}, where.format)
    if all(row["gpu"] is None for row in rows):
        console.note("No framework here sees a GPU: what asks for --device gpu is said to be not measured.")


_LISTINGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "backends": ("harness.listing:backends", ("name", "framework", "kind", "installed", "install", "package")),
    "kernels": ("harness.listing:kernels", ("name", "signature", "summary")),
    "estimators": ("harness.listing:estimators", ("name", "backends", "needs", "reference", "package")),
    "problems": ("harness.listing:problems", ("name", "settings", "summary", "package")),
    "gaps": ("harness.listing:gaps", ("backend", "kernel", "reason")),
    "cases": ("harness.listing:cases", ("kernel", "name", "dtypes")),
}


@click.command("list")
@click.argument("what", default="backends", metavar="[" + "|".join(_LISTINGS) + "]")
@where()
def list_(what: str, where: Where) -> None:
    """List what there is: backends, kernels, gaps of libraries, estimators, problems or cases.

    Example: reparam list kernels
    """
    from harness.console import show

    if what not in _LISTINGS:
        raise errors.unknown("list", what, _LISTINGS)
    place, columns = _LISTINGS[what]
    module, _, function = place.partition(":")
    rows = getattr(importlib.import_module(module), function)()
    ours = all(row.get("package") == "reparam" for row in rows)
    show(rows, {name: name for name in columns if not (ours and name == "package")}, where.format)
