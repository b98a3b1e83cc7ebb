"""The commands that fill the results folder and build the dashboard: run, site."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.completing import completes
from harness.cli.options import Where, on_engine, where

if TYPE_CHECKING:
    from harness.execution.engine import Engine

_RESULTS = click.option(
    "--results", type=click.Path(file_okay=False, path_type=Path), default=Path("results"), show_default=True,
    help="Folder of the results.",
)  # fmt: skip


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
@click.option("--fresh", is_flag=True, help="Start anew although a run of the same code and versions exists.")
@click.option("--machine", default="", help="What to call this machine. Default: its processor and cores.")
@_RESULTS
@on_engine
@where()
@click.pass_context
def run(
    ctx: click.Context,
    profile_name: str,
    fresh: bool,
    machine: str,
    results: Path,
    engine: Engine,
    where: Where,
) -> None:
    """Measure everything of a profile into the results folder, then build the dashboard.

    Killed or interrupted, the same command goes on where it stopped.

    Example: reparam run --profile quick
    """
    from harness import commands

    ctx.exit(commands.run(profile_name, results, fresh=fresh, machine=machine, engine=engine, **where.chosen()))


@click.command()
@_RESULTS
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), help="Default: site in the results folder.")
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
