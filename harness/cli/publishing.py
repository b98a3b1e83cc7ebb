"""The commands that fill the results folder and build the dashboard: run, site."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.completing import completes
from harness.cli.options import File, Folder, Where, where

if TYPE_CHECKING:
    from harness.console import Columns
    from harness.sweeps.request import Request

_RESULTS = click.option(
    "--results", type=Folder(), default=Path("results"), show_default=True,
    help="Folder of the results.",
)  # fmt: skip


#: Unit of time, from how many seconds on, its seconds, and decimals.
_UNITS = (("h", 3600, 3600, 1), ("min", 60, 60, 1), ("s", 1, 1, 1), ("s", 0, 1, 2))

#: Options that a sweep file says itself, by parameter.
_SAID_BY_A_SWEEP = {
    "profile_name": "--profile",
    "backends": "--backend",
    "dtypes": "--dtype",
    "devices": "--device",
    "seed": "--seed",
}


class _Listing(click.Command):
    """A command whose help ends with the profiles."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from harness.profiles import PROFILES

        del ctx
        with formatter.section("Profiles"):
            formatter.write_dl([(name, row.text) for name, row in PROFILES.items()])


@click.command(cls=_Listing)
@click.option(
    "--profile",
    "profile_name",
    default="quick",
    show_default=True,
    metavar="NAME",
    shell_complete=completes("profiles"),
    help="One of those listed below.",
)
@click.option(
    "--sweep",
    "sweep",
    type=File(),
    metavar="FILE",
    help="Instead: a TOML file of lists whose product is measured; it says backends, dtypes and seeds too.",
)
@click.option("--dry-run", is_flag=True, help="Measure nothing: show cells, time from earlier records, and memory.")
@click.option("--fresh", is_flag=True, help="Start anew although a run of the same code and versions exists.")
@click.option("--machine", default="", help="What to call this machine. Default: its processor and cores.")
@_RESULTS
@where()
@click.pass_context
def run(
    ctx: click.Context,
    profile_name: str,
    sweep: Path | None,
    dry_run: bool,
    fresh: bool,
    machine: str,
    results: Path,
    where: Where,
) -> None:
    """Measure everything of a profile or a sweep into the results folder, then build the dashboard.

    Killed or interrupted, the same command goes on where it stopped.

    Example: reparam run --profile quick
    """
    from harness import commands
    from harness.results import provenance
    from harness.sweeps import request

    provenance.machine_name(machine)  # refused before anything is planned
    if sweep is not None:
        _require_alone(ctx, sweep)
        asked = request.of_sweep(sweep)
    else:
        asked = request.of_profile(profile_name, **where.chosen())
    if dry_run:
        _tell(asked, results, machine, where.format)
    else:
        ctx.exit(commands.run(asked, results, fresh=fresh, machine=machine))


def _require_alone(ctx: click.Context, sweep: Path) -> None:
    """Check that nothing is given beside a sweep that the sweep says itself."""
    from harness.errors import BadInputError

    for name, option in _SAID_BY_A_SWEEP.items():
        if ctx.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT:
            raise BadInputError(
                f"{option} and --sweep {sweep} exclude each other: the file says it; leave {option} out"
            )


def _duration(seconds: float) -> str:
    """Return a time as people say it: "12 s", "4.0 min", "2.5 h"."""
    return next(f"{seconds / size:.{digits}f} {unit}" for unit, least, size, digits in _UNITS if seconds >= least)


def _tell(asked: Request, results: Path, machine: str, format_: str) -> None:
    """Print what a run would come to."""
    import msgspec

    from harness.console import note, show
    from harness.sweeps import dry_run

    rows = dry_run.rows(asked, results, machine)

    def clock(row: Mapping[str, Any]) -> str:
        if row["seconds"] is None:
            return "not known"
        told = _duration(row["seconds"])
        return f"more than {told}" if row["unknown"] else told

    columns: Columns = {
        "kind": "kind",
        "backend": "backend",
        "cells": "cells",
        "in the store": "finished",
        "time left": clock,
        "time from": "seconds_from",
        "memory": lambda row: "not known" if row["bytes"] is None else f"{row['bytes'] / 2**20:,.0f} MiB",
    }
    show([msgspec.to_builtins(row) for row in rows], columns, format_)
    note("time: cells one after the other. memory: of the largest worker; "
         f"{'; '.join(dict.fromkeys(row.bytes_from for row in rows))}")  # fmt: skip


@click.command()
@_RESULTS
@click.option("--output", type=Folder(), help="Default: site in the results folder.")
@where()
def site(results: Path, output: Path | None, where: Where) -> None:
    """Build the dashboard from the results folder; prints the path of its first page.

    --backend, --dtype and --device keep only the records of those named.

    Example: reparam site --results results
    """
    from harness import commands
    from harness.console import show

    page = commands.site(results, output or results / "site", where.backends, where.dtypes)
    if where.format == "table":
        click.echo(page)
    else:
        show([{"page": str(page)}], {"page": "page"}, where.format)
