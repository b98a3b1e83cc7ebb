"""The command that measures estimators along a training: trajectory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from harness.cli import biases
from harness.cli.completing import completes
from harness.cli.options import Where, pairs, print_measured, where

if TYPE_CHECKING:
    from harness.console import Columns


@click.command()
@click.argument("model", metavar="[vae|categorical_vae]")
@click.option("--steps", type=int, default=200, show_default=True, help="Updates of the training.")
@click.option("--at", multiple=True, type=int, metavar="STEP",
              help="Updates before a measurement. Repeatable. Default: 0, half and all of them.")  # fmt: skip
@click.option("--estimator", "estimators", multiple=True, metavar="E", shell_complete=completes("estimators"),
              help="Repeatable. Default: those that the literature compares.")  # fmt: skip
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Of the estimators. Repeatable.")
@click.option("--samples", type=int, default=2, show_default=True, help="Samples in one gradient.")
@click.option("--replicates", type=int, default=2_000, show_default=True, help="Gradients measured, at least 2.")
@click.option("--batch", type=int, default=128, show_default=True, help="Examples per step of the training.")
@where("float32")
@click.pass_context
def trajectory(
    ctx: click.Context,
    model: str,
    steps: int,
    at: Sequence[int],
    estimators: Sequence[str],
    settings: Sequence[str],
    samples: int,
    replicates: int,
    batch: int,
    where: Where,
) -> None:
    """Measure variance and bias of gradient estimators at the start, in the middle and at the end of a training.

    The gradient is that of the evidence lower bound of 8 digits by the parameters of their posterior, with the
    posterior and the decoder that the framework has trained so far; the truth is a long run with its own error.
    Distance, "seen from" and biased are those of `reparam variance`. Exit status 1 where a gradient is NaN or infinite.

    Example: reparam trajectory categorical_vae --steps 200 --at 0 --at 200 --backend jax
    """
    from harness.console import interval, seconds
    from harness.variance import trajectory as trajectories

    cells = trajectories.plan(
        model,
        steps,
        at=at,
        estimators=estimators,
        settings=pairs(settings),
        samples=samples,
        replicates=replicates,
        batch=batch,
        **where.chosen(),
    )
    columns: Columns = {
        "backend": "backend",
        "dtype": "dtype",
        "step": "step",
        "estimator": "estimator",
        "by": "parameter",
        "variance [95 %]": lambda row: interval(row, "variance", "variance_low", "variance_high"),
        **biases.columns(),
        "amortised": lambda row: seconds(row["seconds_per_gradient"]),
    }
    ctx.exit(print_measured(cells, columns, where.format, keeps=True))
