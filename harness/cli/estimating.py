"""The commands that measure gradient estimators."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from harness.cli import biases
from harness.cli.completing import completes
from harness.cli.options import Where, measured, on_engine, pairs, print_measured, print_records, say_faults, where

if TYPE_CHECKING:
    from harness.console import Columns
    from harness.execution.engine import Engine


@click.command()
@click.option(
    "--estimator",
    required=True,
    metavar="E",
    shell_complete=completes("estimators"),
    help="See: reparam list estimators.",
)
@click.option(
    "--problem", required=True, metavar="P", shell_complete=completes("problems"), help="See: reparam list problems."
)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Of problem or estimator. Repeatable.")
@click.option("--dimension", type=int, help="Of a problem that takes one.")
@click.option("--samples", type=int, help="Samples in one gradient. Default: the least the estimator needs.")
@click.option("--replicates", type=int, help="Gradients measured, at least 2. Default: 100,000.")
@click.option("--precision", metavar="PERCENT", help="Instead: half-width of the variance's interval, as in 2%.")
@click.option("--noise", type=click.Choice(["shared", "framework"]), default="shared", show_default=True,
              help="shared: NumPy's, the same for every backend. framework: its own, and quicker.")  # fmt: skip
@click.option("--mode", type=click.Choice(["eager", "compiled"]), help="Default: the framework's usual one.")
@click.option("--processes", type=int, default=1, show_default=True, help="That share the work of a backend.")
@click.option("--threads", type=click.IntRange(0, 1024), help="Of each process. Default: 1 where blocks are shared "
              "out, or the framework draws; else its own choice, 0.")  # fmt: skip
@click.option("--blocks-per-call", type=int, default=64, show_default=True, help="Where the framework draws.")
@on_engine
@where("float32")
@click.pass_context
def variance(
    ctx: click.Context,
    estimator: str,
    problem: str,
    settings: Sequence[str],
    dimension: int | None,
    samples: int | None,
    replicates: int | None,
    precision: str | None,
    noise: str,
    mode: str | None,
    processes: int,
    threads: int | None,
    blocks_per_call: int,
    engine: Engine,
    where: Where,
) -> None:
    """Measure bias and variance of a gradient estimator, with intervals, and its cost.

    \b
    distance   of the mean gradient from the true one, over all coordinates
    seen from  the distance that is called a bias with a probability of 99 %
    biased     by a test of all coordinates, wrongly once in a million; not
               known without a true gradient, or where the tail is too heavy

    json and csv have the mean as well. Exit status 1 where a gradient is NaN or infinite.

    Example: reparam variance --estimator score_function --problem quadratic --set k=1 --replicates 200000
    """  # noqa: D301 -- a mark of click, not a letter
    from harness.console import interval, note, seconds
    from harness.errors import BadInputError
    from harness.measure import measure
    from harness.noise import integer
    from harness.plugins import texts
    from harness.results.schema import Variance
    from harness.variance import plan
    from harness.variance import precision as precisions

    if replicates is not None and precision is not None:
        raise BadInputError(f"--replicates {replicates} and --precision {precision} exclude each other; give one")
    cells = functools.partial(
        plan.plan,
        estimator,
        problem,
        pairs(settings),
        dimension=dimension,
        samples=samples,
        source=noise,
        mode=mode or "",
        blocks_per_call=blocks_per_call,
    )
    chosen = where.chosen()
    for line in (line for backend in chosen["backends"] for line in texts.gaps(backend, (estimator, problem))):
        note(f"not measured: {line}")
    # the order of a framework's sums, and so their last bits, may depend on its threads, but not on the processes
    own = 1 if processes > 1 or noise == "framework" else 0
    threads = own if threads is None else threads
    if precision is not None:
        wanted = precisions.read(precision)
        pilot = cells(replicates=precisions.PILOT, **chosen | {"seed": integer(where.seed, "pilot")})
        pilots = [record for record in measure(pilot, 1, threads, engine, keeps=True) if isinstance(record, Variance)]
        replicates = precisions.replicates(pilots, wanted)
        note(f"a pilot of {precisions.PILOT:,} on other noise: {replicates:,} replicates for {100 * wanted:g} %")
    planned = cells(replicates=100_000 if replicates is None else replicates, processes=processes, **chosen)

    def spread(row: Mapping[str, Any]) -> str:
        if row["trusted"] is False:
            return f"not to be trusted: tail {row['tail_shape']:.2f}"
        return interval(row, "variance", "variance_low", "variance_high")

    columns: Columns = {
        "backend": "backend",
        "dtype": "dtype",
        "by": "parameter",
        **biases.columns(),
        "variance [95 %]": spread,
        "exact variance": "exact_variance",
        "amortised": lambda row: seconds(row["seconds_per_gradient"]),
    }
    # the parts of several processes are no records by themselves
    how = {"processes": processes, "threads": threads, "engine": engine, "keeps": processes == 1}
    ctx.exit(print_measured(planned, columns, where.format, **how))


@click.command()
@click.option(
    "--estimator",
    "estimators",
    multiple=True,
    metavar="E",
    shell_complete=completes("estimators"),
    help="Name or glob. Repeatable.",
)
@click.option(
    "--problem",
    "problems",
    multiple=True,
    metavar="P",
    shell_complete=completes("problems"),
    help="Name or glob. Repeatable.",
)
@click.option("--replicates", type=int, default=100_000, show_default=True, help="Gradients of each.")
@where("float64")
@click.pass_context
def laws(ctx: click.Context, estimators: Sequence[str], problems: Sequence[str], replicates: int, where: Where) -> None:
    """Compare bias and variance of every estimator on every problem with exact values.

    A bias is judged over all coordinates of a gradient, and none may be found in an estimator that is unbiased by its
    row. Intervals at 95 %, of the mean over coordinates and of the variance, must miss one time in twenty: the table
    has the misses that are expected and those that were observed. Exit status 1 where a bias is found, or a backend
    has too many or too few misses. json and csv have a record for each estimator, problem and parameter.

    Example: reparam laws --estimator rebar --backend torch
    """
    from harness.console import note, show
    from harness.results.schema import Variance
    from harness.variance import laws as held

    cells = held.plan(estimators, problems, replicates=replicates, **where.chosen())
    columns: Columns = {
        "backend": "backend",
        "dtype": "dtype",
        "of the": "what",
        "compared": "intervals",
        "misses expected": lambda row: f"{row['expected']:.1f}",
        "observed": "observed",
        "accepted": lambda row: "{} to {}".format(*row["accepted"]),
        "sound": lambda row: "yes" if row["sound"] else "NO",
    }
    with measured(cells, processes=2, threads=1, keeps=True) as found:
        records = [record for record in found if isinstance(record, Variance)]
        verdicts = held.verdicts(records)
        if where.format == "table":
            show([row._asdict() for row in verdicts], columns, where.format)
        else:
            print_records(records, {}, where.format)
        for row in verdicts:
            if row.worst:
                note(f"{row.backend} {row.dtype}: {'least p-value' if row.sound else 'BIASED'}: {row.worst}")
        for line in held.notes(records):
            note(line)
        odd = say_faults(records)
    ctx.exit(odd or (0 if all(row.sound for row in verdicts) else 1))


@click.command()
@click.option(
    "--estimator",
    "estimators",
    multiple=True,
    metavar="E",
    shell_complete=completes("estimators"),
    help="Only these. Repeatable.",
)
@click.option("--replicates", "sizes", type=int, multiple=True, default=(100, 1_000, 10_000), show_default=True,
              help="Of one measurement. Repeatable.")  # fmt: skip
@click.option("--repeats", type=int, default=1_000, show_default=True, help="Measurements, each on other noise.")
@where("float64")
def coverage(estimators: Sequence[str], sizes: Sequence[int], repeats: int, where: Where) -> None:
    """Count how often the intervals of mean and variance hold the exact value, and how often a tail is marked.

    Light tails, heavy ones and discrete variables, at several sizes: what an interval promises is measured. Repeats
    are independent; backends, dtypes and parameters see the same noise, so that their rows miss together.

    Example: reparam coverage --backend jax --replicates 1000
    """
    from harness.kernels import select
    from harness.variance import coverage as covered

    names = select(estimators, list(dict.fromkeys(name for name, _ in covered.PAIRS)), "estimator")
    pairs_ = [pair for pair in covered.PAIRS if pair[0] in names]
    cells = covered.plan(pairs_, replicates=sizes, repeats=repeats, **where.chosen())
    columns: Columns = {
        "backend": "backend",
        "estimator": "estimator",
        "problem": "problem",
        "by": "parameter",
        "of the": "quantity",
        "n": "replicates",
        "coverage [95 %]": "{coverage:.3f} [{coverage_low:.3f}, {coverage_high:.3f}]".format_map,
        "marked": lambda row: f"{row['untrusted']:.3f}",
    }
    print_measured(cells, columns, where.format, processes=2, threads=1, keeps=True)
