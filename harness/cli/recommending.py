"""The command that says which estimator to take: recommend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from harness.cli.completing import completes
from harness.cli.durations import Seconds
from harness.cli.options import Where, measured, pairs, print_records, where

if TYPE_CHECKING:
    from harness.console import Columns


@click.command()
@click.option(
    "--problem", required=True, metavar="P", shell_complete=completes("problems"), help="See: reparam list problems."
)
@click.option("--budget", type=Seconds(), required=True, metavar="SECONDS",
              help="For one estimate of the gradient, as in 0.001 or 1ms.")  # fmt: skip
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Of problem or estimators. Repeatable.")
@click.option("--dimension", type=int, help="Of a problem that takes one.")
@click.option("--samples", type=int, help="Samples in one gradient. Default: the least each estimator needs.")
@click.option("--replicates", type=int, default=65_536, show_default=True, help="Gradients of each, for its variance.")
@where("float32")
def recommend(
    problem: str,
    budget: float,
    settings: Sequence[str],
    dimension: int | None,
    samples: int | None,
    replicates: int,
    where: Where,
) -> None:
    """Rank the estimators that fit a problem by the mean squared error that a budget buys on this machine.

    As many gradients are averaged as fit into the budget, so that noise, bias and cost all count. Estimators that
    cannot be told apart from the best one, at 5 % over all comparisons, are marked by =. Those that need an oracle,
    which has exact moments or sums over every outcome, are listed after the others and have no rank.

    \b
    error^2    squared distance from the true gradient, summed over coordinates
    ratio      of error^2 to that of the first
    bias^2     its part that more gradients do not lower; "seen" where the estimator has none by its law
    n          gradients that the budget buys, at the amortised cost of each
    amortised  seconds of one gradient in a block of thousands
    alone      seconds of a call that computes one gradient

    Example: reparam recommend --problem categorical_quadratic --dimension 10 --budget 1ms --backend torch
    """  # noqa: D301 -- a mark of click, not a letter
    from harness.console import note
    from harness.results.schema import Recommendation, flat
    from harness.variance import recommend as decisions

    cells = decisions.plan(
        problem,
        budget,
        pairs(settings),
        dimension=dimension,
        samples=samples,
        replicates=replicates,
        **where.chosen(),
    )
    with measured(cells, threads=1) as found:
        records = [record for record in found if isinstance(record, Recommendation)]
        for line in dict.fromkeys(f"skipped: {row.estimator}: {row.skipped}" for row in records if row.skipped):
            note(line)
        for name in dict.fromkeys(row.estimator for row in records if row.bias_seen):
            note(f"biased: {name}: it is unbiased by its law, and its mean is not the true gradient; bias^2 has it")
        if where.format == "table":
            _show_ranking([flat(row) for row in records if not row.skipped])
        else:
            print_records(records, {}, where.format)


def _show_ranking(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print a table of the estimators that anybody can take, and one of those that need an oracle."""
    from harness.console import number, seconds, show

    def error(row: Mapping[str, Any]) -> str:
        if row["trusted"] is False:
            return "not to be trusted"
        if row["mean_squared_error"] is None:
            fits = row["seconds_per_gradient"] <= row["budget_seconds"]
            return "no number" if fits else "does not fit"
        return f"{row['mean_squared_error']:.2g} [{row['low']:.2g}, {row['high']:.2g}]"

    whose = {name: name for name in ("backend", "dtype") if len({row[name] for row in rows}) > 1}
    rank: Columns = {
        "rank": lambda row: "-" if row["rank"] is None else f"{row['rank']}{' =' if row['as_good_as_the_best'] else ''}"
    }
    columns: Columns = {
        "estimator": "estimator",
        "error^2 [95 %]": error,
        "ratio": lambda row: number(row["ratio"], 3),
        "bias^2": lambda row: number(row["bias_squared"], 2) + (" seen" if row["bias_seen"] else ""),
        "n": lambda row: "-" if row["gradients"] is None else f"{row['gradients']:.3g}",
        "amortised": lambda row: seconds(row["seconds_per_gradient"]),
        "alone": lambda row: seconds(row["seconds_alone"]),
    }
    show([row for row in rows if not row["needs_oracle"]], {**whose, **rank, **columns}, "table")
    with_oracle = [row for row in rows if row["needs_oracle"]]
    if with_oracle:
        click.echo("\nNot ranked, since they need an oracle: exact moments, or a sum over every outcome")
        show(with_oracle, {**whose, **columns}, "table")
    blocks = {row["estimator"]: row["block"] for row in rows}
    usual = max(blocks.values(), default=0)
    smaller = "".join(f"; of {name}: {block:,}" for name, block in blocks.items() if block != usual)
    if blocks:
        click.echo(f"\namortised: over a block of {usual:,} gradients{smaller}")
