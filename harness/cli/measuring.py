"""The commands that measure kernels and models: time, curvature, race, train."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from harness.cli.completing import completes
from harness.cli.options import Where, measured, pairs, print_measured, print_records, where

if TYPE_CHECKING:
    from harness.console import Columns


@click.command()
@click.option("--kernel", "kernels", multiple=True, required=True, metavar="K", shell_complete=completes("kernels"),
              help="Name, module or glob. Repeatable.")  # fmt: skip
@click.option("--size", "sizes", multiple=True, type=int, default=(65_536,), show_default=True,
              help="Elements of the largest argument. Repeatable.")  # fmt: skip
@click.option("--repeats", type=int, default=20, show_default=True, help="Timed calls.")
@click.option("--mode", "modes", multiple=True, type=click.Choice(["eager", "compiled"]),
              default=("eager", "compiled"), show_default=True, help="Repeatable.")  # fmt: skip
@click.option("--memory", is_flag=True, help="Peak memory of a fresh process instead, on the CPU.")
@where("float32")
def time(
    kernels: Sequence[str],
    sizes: Sequence[int],
    repeats: int,
    modes: Sequence[str],
    memory: bool,
    where: Where,
) -> None:
    """Time kernels: seconds per call, median and quartiles, the first (compiling) call apart.

    With --memory: how far one call takes a process over what its arguments fill. Give sizes of a million and more,
    since what a compiler needs is in it.

    Example: reparam time --kernel gaussian.log_prob --backend torch --backend jax
    """
    from harness.console import seconds
    from harness.timing import peaks, plan

    if memory:
        options = where.chosen()
        options.pop("devices")
        cells = peaks.plan(kernels, **options, sizes=sizes, modes=modes)
        in_table: Columns = {
            "kernel": "kernel",
            "backend": "backend",
            "mode": "mode",
            "derivative": "derivative",
            "size": "size",
            "peak": lambda row: f"{row['bytes'] / 1e6:.1f} MB",
            "largest arguments": lambda row: f"{row['ratio']:.2f}",
        }
        print_measured(cells, in_table, where.format)
        return
    cells = plan.plan(
        kernels,
        sizes=sizes,
        modes=modes,
        repeats=repeats,
        **where.chosen(),
    )
    columns: Columns = {
        "kernel": "kernel",
        "backend": "backend",
        "dtype": "dtype",
        "mode": "mode",
        "derivative": "derivative",
        "size": "size",
        "median": lambda row: seconds(row["seconds"]),
        "quartiles": lambda row: f"{seconds(row['seconds_low'])} to {seconds(row['seconds_high'])}",
        "first call": lambda row: seconds(row["seconds_first_call"]),
    }
    print_measured(cells, columns, where.format)


@click.command()
@click.option("--network", default="784-256-128-10", show_default=True, metavar="WIDTHS",
              help="Of a classifier, from inputs to classes.")  # fmt: skip
@click.option("--batch", type=int, default=512, show_default=True, help="Examples.")
@click.option("--turns", type=int, default=15, show_default=True, help="How often all take their turn.")
@click.option("--mode", "modes", multiple=True, type=click.Choice(["eager", "compiled"]),
              default=("eager", "compiled"), show_default=True, help="Repeatable.")  # fmt: skip
@click.option("--memory", is_flag=True,
              help="Peak memory instead: of a gradient, and of ten iterations of conjugate gradient.")  # fmt: skip
@where("float32")
def curvature(network: str, batch: int, turns: int, modes: Sequence[str], memory: bool, where: Where) -> None:
    """Time Fisher-vector products in gradients of the same network and batch, side by side in one process.

    One product, its preparation not counted; the gradient is taken in its quickest mode. With --memory, each
    framework runs in the mode in which people mostly run it, on the CPU.

    Example: reparam curvature --network 784-1664-1664-10 --backend torch --mode eager
    """
    from harness.console import seconds
    from harness.errors import BadInputError
    from harness.timing import products

    try:
        widths = [int(part) for part in network.split("-")]
    except ValueError:
        raise BadInputError(
            f"--network is {network!r}; allowed: whole numbers joined by -; as in 784-256-128-10"
        ) from None
    options = where.chosen()
    if memory:
        from harness.timing import memory as peak

        options.pop("devices")
        cells = peak.plan(**options, widths=widths, batch=batch)
        names = ("subject", "backend", "mode", "network", "batch", "parameters", "bytes", "ratio")
        print_measured(cells, {name: name for name in names}, where.format)
        return
    cells = products.plan(**options, modes=modes, widths=widths, batch=batch, turns=turns)
    columns: Columns = {
        "product": "subject",
        "backend": "backend",
        "mode": "mode",
        "one call": lambda row: seconds(row["seconds"]),
        "in calls of": "reference",
        "ratio [95 %]": lambda row: f"{row['ratio']:.2f} [{row['ratio_low']:.2f}, {row['ratio_high']:.2f}]",
    }
    print_measured(cells, columns, where.format)


@click.command()
@click.option("--estimator", "estimators", multiple=True, type=click.Choice(["pathwise", "score_function"]),
              default=("pathwise", "score_function"), show_default=True, help="Repeatable.")  # fmt: skip
@click.option("--dimension", type=int, default=50, show_default=True, help="Coordinates.")
@click.option("--blocks", type=int, default=32, show_default=True, help="In one call.")
@click.option("--turns", type=int, default=15, show_default=True, help="How often all take their turn.")
@click.option(
    "--threads", type=click.IntRange(0, 1024), default=0, show_default=True, help="Of a framework. 0: its own choice."
)
@click.option("--memory", is_flag=True, help="Peak memory and seconds of long streams of scalars instead.")
@click.option("--replicates", type=click.IntRange(2, 10**18), multiple=True, default=(10**6, 10**7, 10**8),
              show_default=True, help="Of the long streams. Repeatable.")  # fmt: skip
@where("float32")
def throughput(
    estimators: Sequence[str],
    dimension: int,
    blocks: int,
    turns: int,
    threads: int,
    memory: bool,
    replicates: Sequence[int],
    where: Where,
) -> None:
    """Time the streaming engine beside a loop over single samples, and beside the draw of its noise alone.

    Gradients of |x|^2 by loc and scale, with mean and variance of each coordinate, compiled.

    Example: reparam throughput --backend jax
    """
    from harness.console import seconds
    from harness.timing import stream_memory
    from harness.timing import throughput as rates

    options = where.chosen()
    if memory:
        options.pop("devices")
        cells = [c for e in estimators for c in stream_memory.plan(**options, replicates=replicates, estimator=e)]
        columns: Columns = {
            "backend": "backend",
            "estimator": "estimator",
            "gradients": lambda row: f"{row['replicates']:.0e}",
            "time": lambda row: seconds(row["seconds"]),
            "memory": lambda row: f"{row['bytes'] / 2**20:.0f} MiB",
        }
    else:
        cells = rates.plan(**options, estimators=estimators, dimension=dimension, blocks=blocks, turns=turns)
        columns = {
            "backend": "backend",
            "estimator": "estimator",
            "gradients/s": lambda row: f"{row['gradients_per_second']:.3g}",
            "times the loop": "{loop_ratio:.0f} [{loop_ratio_low:.0f}, {loop_ratio_high:.0f}]".format_map,
            "of the draw": "{floor_ratio:.2f} [{floor_ratio_low:.2f}, {floor_ratio_high:.2f}]".format_map,
        }
    print_measured(cells, columns, where.format, threads=threads)


@click.command()
@click.argument("model", metavar="[regression|classifier]")
@click.option(
    "--optimizer", default="natural_gradient", show_default=True, metavar="O", help="Has to reach the target."
)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Of the optimizer. Repeatable.")
@click.option("--against", default="adam", show_default=True, metavar="O", help="Sets the target.")
@click.option("--set-against", "against_settings", multiple=True, metavar="NAME=VALUE", help="Of it. Repeatable.")
@click.option("--steps", type=int, default=200, show_default=True, help="Of the optimizer that sets the target.")
@click.option("--seeds", type=int, default=5, show_default=True, help="Runs, from --seed on.")
@where("float32")
def race(
    model: str,
    optimizer: str,
    settings: Sequence[str],
    against: str,
    against_settings: Sequence[str],
    steps: int,
    seeds: int,
    where: Where,
) -> None:
    """Count steps and seconds until one optimizer reaches the loss that another has after some steps.

    Both see all examples at every step and run one after the other in one process. The table has means over the
    seeds with 95 % Student t intervals; json and csv have a record for each seed.

    Example: reparam race regression --set-against learning_rate=0.01
    """
    from harness.console import number, seconds, show
    from harness.measure import measure
    from harness.results.schema import Race
    from harness.training import race as races

    cells = races.plan(
        model,
        **where.chosen(),
        optimizer=optimizer,
        settings=pairs(settings),
        against=against,
        against_settings=pairs(against_settings),
        steps=steps,
        seeds=seeds,
    )
    records = [record for record in measure(cells) if isinstance(record, Race)]
    if where.format != "table":
        print_records(records, {}, where.format)
        return

    def among(values: Sequence[float]) -> str:
        return "-" if math.isnan(values[0]) else "{} [{}, {}]".format(*(number(value, 3) for value in values))

    columns: Columns = {
        "backend": "backend",
        "dtype": "dtype",
        "reached": lambda row: f"{row['reached']} of {row['runs']}",
        "steps [95 %]": lambda row: among(row["steps"]),
        "time": lambda row: seconds(row["seconds"]),
        f"{against}, {steps} steps": lambda row: seconds(row["against_seconds"]),
        "ratio [95 %]": lambda row: among(row["ratio"]),
    }
    show([row._asdict() for row in races.summaries(records)], columns, where.format)


@click.command()
@click.argument("model", metavar="[vae|categorical_vae|regression|classifier]")
@click.option("--steps", type=int, default=200, show_default=True, help="Updates.")
@click.option("--objective", help="The loss: bernoulli, gaussian or article for vae.")
@click.option("--optimizer", default="adam", show_default=True, metavar="[adam|sgd|natural_gradient]",
              help="natural_gradient: for regression and classifier, with a trust region on the KL.")  # fmt: skip
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE",
              help="Of optimizer or schedule, such as learning_rate=0.01. Repeatable.")  # fmt: skip
@click.option("--batch", type=int, default=128, show_default=True, help="Examples per step.")
@where("float32")
def train(
    model: str,
    steps: int,
    objective: str | None,
    optimizer: str,
    settings: Sequence[str],
    batch: int,
    where: Where,
) -> None:
    """Train a model on real data: the same initial weights, batches and noise in every backend.

    vae, categorical_vae and classifier see MNIST digits, regression the diabetes study.

    The table shows about ten steps of each run; json and csv have every step.

    Example: reparam train regression --optimizer natural_gradient --batch 442 --dtype float64
    """
    from harness.results.schema import Train
    from harness.training import models, optimizers, plan

    cells = plan.plan(
        model,
        steps,
        objective,
        **where.chosen(),
        batch=batch,
        optimizer=optimizer,
        settings=pairs(settings),
    )
    names = ["model", "objective", "backend", "dtype", "step", "loss"]
    names += ["temperature"] if models.find(model).schedules else []
    names += ["kl", "length", "solver_iterations"] if optimizers.find(optimizer).needs_family else []
    stride = max(1, steps // 10) if where.format == "table" else 1
    with measured(cells, keeps=True) as found:
        records = [record for record in found if isinstance(record, Train)]
        shown = [record for record in records if record.step % stride == 0 or record.step == steps - 1]
        print_records(shown, {name: name for name in names}, where.format)
