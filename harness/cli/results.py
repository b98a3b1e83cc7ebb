"""The commands that look after stored results: results verify, merge, export, prune."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from harness.cli.completing import completes
from harness.cli.groups import Named
from harness.cli.options import Folder, Where, where

_FORMAT = click.option(
    "--format", "format_", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True,
    help="json: one array of flat records, nothing else on standard output.",
)  # fmt: skip


def _folder(default: str = "results") -> Callable[..., Any]:
    return click.argument("folder", type=Folder(), default=default, metavar="[FOLDER]")


@click.group(cls=Named)
def results() -> None:
    """Verify, merge, export and prune stored results.

    FOLDER is a results folder, that of a machine in it, or that of a run.

    Example: reparam results verify
    """


@results.command()
@_folder()
@_FORMAT
@click.pass_context
def verify(ctx: click.Context, folder: Path, format_: str) -> None:
    """Check every stored cell against its digest; exit 1 if one is damaged.

    Example: reparam results verify results
    """
    from harness.console import note, show
    from harness.results import verify as checks

    rows = checks.verify(folder)
    show(rows, {name: name for name in ("run", "part", "state", "line", "cell", "cells", "reason")}, format_)
    states = {row["state"] for row in rows}
    if "damaged" in states:
        mend = f"reparam results prune --damaged {shlex.quote(str(folder))}"
        note(f"Set what is damaged aside with: {mend}; the command of the run then measures those cells again")
    ctx.exit(1 if states & checks.BAD else 0)


@results.command()
@click.argument("sources", nargs=-1, required=True, type=Folder(), metavar="SOURCE...")
@click.option("--into", required=True, type=Folder(), help="A results folder.")
@_FORMAT
def merge(sources: Sequence[Path], into: Path, format_: str) -> None:
    """Put runs of several machines, or shares of one sweep, into one run.

    They must share code, versions, seed and profile. A cell that several have is taken once; its numbers must be the
    same, measured time and memory aside.

    Example: reparam results merge node-1/results node-2/results --into results
    """
    from harness.console import show
    from harness.results.merge import merge as merged

    rows = merged(sources, into)
    show(rows, {name: name for name in rows[0]}, format_)


@results.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--results", "root", type=Folder(), default=Path("results"), show_default=True,
              help="Folder of the results, or of a run.")  # fmt: skip
@click.option("--kind", default="variance", show_default=True, shell_complete=completes("kinds"), metavar="NAME",
              help="Of the records: check, variance, time and so on.")  # fmt: skip
@where()
def export(file: Path, root: Path, kind: str, where: Where) -> None:
    """Write the records of one kind into FILE, .parquet or .csv: a row each, with run and machine.

    harness.columns(KIND) says what the columns mean, and so do the fields of the parquet file.

    Example: reparam results export variance.parquet --backend jax
    """
    from harness.console import show
    from harness.results import export as exports

    frame = exports.table(root, kind, where.backends, where.dtypes)
    exports.write(frame, kind, file)
    row = {"file": str(file), "kind": kind, "rows": len(frame), "columns": len(frame.columns)}
    show([row], {name: name for name in row}, where.format)


@results.command()
@_folder()
@click.option("--damaged", is_flag=True, help="Set damaged lines aside; a copy of their file is kept.")
@click.option("--unfinished", is_flag=True, help="Parts without a finished cell, and what a kill has left in others.")
@click.option("--failures", is_flag=True, help="Records of failures that a later try has made good.")
@click.option(
    "--keep",
    type=click.IntRange(1, 10**6),
    metavar="N",
    help="Older runs than the N newest of each machine and profile.",
)
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@_FORMAT
def prune(
    folder: Path, damaged: bool, unfinished: bool, failures: bool, keep: int | None, dry_run: bool, format_: str
) -> None:
    """Take out what is named, and say each file. Finished cells go with --keep only.

    Example: reparam results prune --damaged --dry-run
    """
    from harness.console import note, show
    from harness.results import prune as pruning

    what = pruning.What(damaged, unfinished, failures, keep)
    rows = [step.row() for step in pruning.plan(folder, what)] if dry_run else pruning.prune(folder, what)
    show(rows, {name: name for name in ("run", "file", "action", "reason", "cells", "bytes")}, format_)
    if not rows:
        note(f"nothing to prune in {folder}")
    elif dry_run:
        note("nothing was changed; give the same command without --dry-run to do it")
