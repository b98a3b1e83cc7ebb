"""The command that makes figures and laws of the literature again: reproduce."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.completing import completes
from harness.cli.options import Folder, Where, measured, on_engine, print_records, where

if TYPE_CHECKING:
    from harness.console import Columns
    from harness.execution.engine import Engine
    from harness.results.schema import Reproduction


class _Listing(click.Command):
    """A command whose help ends with the names that it takes."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from harness.reproduce.table import PAPERS

        del ctx
        with formatter.section("Names"):
            formatter.write_dl([(name, row.claim) for name, row in PAPERS.items()])


@click.command(cls=_Listing)
@click.argument("names", nargs=-1, required=True, metavar="NAME... | all", shell_complete=completes("papers"))
@click.option("--pictures", type=Folder(),
              help="Folder for a picture of every figure: SVG, PNG, and its data.")  # fmt: skip
@click.option("--fewer", type=int, default=1, show_default=True,
              help="Divide the gradients that are measured by this, for a first look.")  # fmt: skip
@on_engine
@where("float64")
@click.pass_context
def reproduce(
    ctx: click.Context, names: Sequence[str], pictures: Path | None, fewer: int, engine: Engine, where: Where
) -> None:
    """Make figures and laws of the literature again, and hold them against exact values.

    The table has the point of each curve that lies farthest from its exact value, in standard errors, and the laws
    of the curves. Exit status 1 where anything differs. json and csv have every point.

    Example: reparam reproduce roeder2017 --backend torch
    """
    from harness.reproduce import laws, plan, table, verdict
    from harness.results.schema import Reproduction

    chosen, options = table.chosen(tuple(names)), where.chosen()
    cells = [cell for name in chosen for cell in plan.plan(name, **options, fewer=fewer)]
    with measured(cells, 2, 1, engine, keeps=True) as records:
        points = [record for record in records if isinstance(record, Reproduction)]
        found = [
            law
            for name in chosen
            for law in laws.judged(name, table.PAPERS[name], points, verdict.limit(table.PAPERS[name].comparisons))
        ]
        if where.format == "table":
            for name in chosen:
                own = [record for record in points if record.name == name]
                _tell(name, own, [law for law in found if law.name == name])
        else:
            print_records([*points, *found], {}, where.format)
        if pictures is not None:
            _draw(points, pictures)
    ctx.exit(0 if all(record.agrees for record in [*points, *found]) else 1)


def _tell(name: str, points: Sequence[Reproduction], laws: Sequence[Reproduction]) -> None:
    """Print one reproduction: what is claimed, the farthest points figure by figure, the laws, the verdict."""
    from harness.console import number, show
    from harness.reproduce.table import PAPERS
    from harness.reproduce.verdict import farthest
    from harness.results.schema import flat

    paper = PAPERS[name]
    for text in (f"{name}: {paper.reference}; {paper.where}.", paper.claim):
        click.echo(textwrap.fill(text, 80))
    shared: Columns = {
        "measured [95 %]": lambda row: "{} [{}, {}]".format(
            *(number(row[end], 3) for end in ("measured", "low", "high"))
        ),
        "exact": lambda row: number(row["exact"], 3),
        "s.e.": lambda row: number(row["deviation"], 2),
        "agrees": "agrees",
    }
    by_curve: Columns = {
        "curve": lambda row: textwrap.fill(row["curve"], 18),
        "at": lambda row: number(row["x"], 3),
        **shared,
    }
    by_law: Columns = {"law": lambda row: textwrap.fill(row["curve"], 24), **shared}
    places = dict.fromkeys((record.backend, record.dtype, record.device) for record in points)
    for place in places:
        own, said = ([flat(record) for record in records if (record.backend, record.dtype, record.device) == place]
                     for records in (farthest(points), laws))  # fmt: skip
        for title in dict.fromkeys(row["figure"] for row in own):
            click.echo(f"\n{title}")
            show([row for row in own if row["figure"] == title], by_curve, "table")
        show(said, by_law, "table")
        agreed = [
            record.agrees for record in [*points, *laws] if (record.backend, record.dtype, record.device) == place
        ]
        verdict = "agrees" if all(agreed) else "DIFFERS"
        click.echo(f"\n{name} {verdict}: {sum(agreed)} of {len(agreed)} comparisons, {' '.join(place)}\n")


def _draw(points: Sequence[Reproduction], folder: Path) -> None:
    from harness.console import note
    from harness.errors import BadInputError

    try:
        from harness.site import figures, reproductions
    except ImportError as error:
        raise BadInputError(f"--pictures needs {error.name}; install it: pip install 'reparam[site]'") from None
    backends = list(dict.fromkeys(record.backend for record in points))
    for chart in reproductions.charts(points, backends):
        note(str(folder / figures.draw(chart, "reproduce", folder).files["PNG"]))
