"""The command line: parse, call, print. No framework and nothing heavy is imported before a command needs it."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness import errors

if TYPE_CHECKING:
    from harness.console import Columns
    from harness.results.schema import Record

_Command = Callable[..., Any]

_DTYPES = ("float16", "bfloat16", "float32", "float64")


class _Main(click.Group):
    """The group of commands. Bad input ends in one line and exit status 2, never in a traceback."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command, or say which ones are nearest."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            raise click.UsageError(str(errors.unknown("command", args[0], self.commands, "reparam --help")))
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; turn its errors into messages."""
        try:
            return super().invoke(ctx)
        except errors.BadInputError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(2)
        except KeyboardInterrupt:
            click.echo("Interrupted. What was finished is kept; the same command goes on from there.", err=True)
            ctx.exit(130)
        except errors.MeasurementError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(1)


@dataclass(frozen=True)
class _Where:
    """The options that every command takes."""

    backends: tuple[str, ...]
    dtypes: tuple[str, ...]
    devices: tuple[str, ...]
    seed: int
    format: str

    def chosen(self) -> dict[str, Any]:
        """Return them as `plan` functions take them, the backends checked."""
        from harness.backends import chosen

        return {"backends": chosen(self.backends), "dtypes": self.dtypes, "devices": self.devices, "seed": self.seed}


def _where(*dtypes: str) -> Callable[[_Command], _Command]:
    """Add the options that every command takes; the command receives them as `where`.

    Args:
        *dtypes: the default floating types.
    """
    options = (
        click.option("--backend", "backends", multiple=True, metavar="NAME",
                     help="Repeatable. Default: every reference backend that is installed."),
        click.option("--dtype", "dtypes", multiple=True, default=dtypes, show_default=bool(dtypes),
                     type=click.Choice(_DTYPES), help="Repeatable."),
        click.option("--device", "devices", multiple=True, default=("cpu",), show_default=True,
                     type=click.Choice(["cpu", "gpu"]), help="Repeatable."),
        click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of all noise."),
        click.option("--format", "format_", type=click.Choice(["table", "json", "csv"]), default="table",
                     show_default=True, help="json: one array of flat records, nothing else on standard output."),
    )  # fmt: skip

    def add(command: _Command) -> _Command:
        @functools.wraps(command)
        def bundled(
            *arguments: Any,
            backends: tuple[str, ...],
            dtypes: tuple[str, ...],
            devices: tuple[str, ...],
            seed: int,
            format_: str,
            **named: Any,
        ) -> Any:
            return command(*arguments, where=_Where(backends, dtypes, devices, seed, format_), **named)

        return functools.reduce(lambda wrapped, option: option(wrapped), reversed(options), bundled)

    return add


def _pairs(settings: Sequence[str]) -> dict[str, float]:
    values = {}
    for text in settings:
        name, equals, number = text.partition("=")
        try:
            values[name.strip()] = float(number)
        except ValueError:
            mend = "give a number, as in --set scale=1.5"
            raise errors.BadInputError(f"--set {text!r} is not name=number; {mend}") from None
        if not equals:
            raise errors.BadInputError(f"--set {text!r} has no '='; write it as --set name=value")
    return values


def _print(records: Sequence[Record], columns: Columns, format_: str) -> None:
    from harness.console import show
    from harness.results.schema import flat

    show([flat(record) for record in records], columns, format_)


@click.group(cls=_Main, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="reparam", prog_name="reparam")
def main() -> None:
    r"""Is this framework's gradient right, how noisy is this estimator, what does it cost?

    \b
    reparam doctor                     what is installed, and what is missing
    reparam check                      compare every kernel with the oracle
    reparam variance --estimator pathwise --problem quadratic
    reparam run --profile quick        all of it, then the dashboard
    """


@main.command()
@_where()
def doctor(where: _Where) -> None:
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
    "backends": ("harness.listing:backends", ("name", "framework", "kind", "installed", "install")),
    "kernels": ("harness.listing:kernels", ("name", "signature", "summary")),
    "estimators": ("harness.listing:estimators", ("name", "needs", "reference")),
    "problems": ("harness.listing:problems", ("name", "settings", "summary")),
    "cases": ("harness.listing:cases", ("kernel", "name", "dtypes")),
}


@main.command("list")
@click.argument("what", default="backends", metavar="[" + "|".join(_LISTINGS) + "]")
@_where()
def list_(what: str, where: _Where) -> None:
    """List what there is: backends, kernels, estimators, problems or cases.

    Example: reparam list kernels
    """
    from harness.console import show

    if what not in _LISTINGS:
        raise errors.unknown("list", what, _LISTINGS)
    place, columns = _LISTINGS[what]
    module, _, function = place.partition(":")
    show(getattr(importlib.import_module(module), function)(), {name: name for name in columns}, where.format)


@main.command()
@click.option("--kernel", "kernels", multiple=True, metavar="K",
              help="Name, module or glob: gaussian.cdf, gaussian, '*.log_prob'. Repeatable.")  # fmt: skip
@click.option("--case", "cases", multiple=True, metavar="C", help="Name or glob. Repeatable.")
@click.option("--mode", "modes", multiple=True, type=click.Choice(["eager", "compiled"]),
              help="Repeatable. Default: torch eager, the others compiled.")  # fmt: skip
@_where("float32", "float64")
@click.pass_context
def check(
    ctx: click.Context,
    kernels: Sequence[str],
    cases: Sequence[str],
    modes: Sequence[str],
    where: _Where,
) -> None:
    """Compare kernels, estimators and models with the oracle, in units of their error budgets.

    Exit status 0 when all is within budget, 1 when something is not; then the worst input and a program that
    reproduces it are shown. Cases are data, and what is drawn for them has keys of its own: --seed changes nothing.

    Example: reparam check --backend torch --kernel gaussian
    """
    from harness.agreement import plan
    from harness.agreement.snippet import snippet
    from harness.console import note
    from harness.measure import measure
    from harness.results.schema import Check

    chosen = where.chosen()
    chosen.pop("seed")
    cells = plan.plan(kernels, cases, modes=modes, **chosen)
    records = [record for record in measure(cells, processes=2, threads=1) if isinstance(record, Check)]
    columns: Columns = {
        "kernel": "kernel",
        "backend": "backend",
        "dtype": "dtype",
        "mode": "mode",
        "derivative": "derivative",
        "error": "error",
        "budget": "budget",
        "within": "within_budget",
        "worst case": "case",
    }
    _print(plan.worst(records) if where.format == "table" else records, columns, where.format)
    outside = [record for record in records if not record.within_budget]
    numbers = sum(record.comparisons for record in records)
    note(f"{len(records)} comparisons of {numbers} numbers, {len(outside)} out of budget")
    for record in plan.worst(outside):
        where_ = f"{record.kernel} {record.case} {record.backend} {record.dtype} {record.mode} {record.derivative}"
        note(f"\nOut of budget: {where_}; worst input {record.worst_input}; reproduce it with:\n\n{snippet(record)}")
    ctx.exit(1 if outside else 0)


@main.command()
@click.option("--estimator", required=True, metavar="E", help="See: reparam list estimators.")
@click.option("--problem", required=True, metavar="P", help="See: reparam list problems.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Of problem or estimator. Repeatable.")
@click.option("--dimension", type=int, help="Of a problem that takes one.")
@click.option("--samples", type=int, help="Samples in one gradient. Default: the least the estimator needs.")
@click.option("--replicates", type=int, default=100_000, show_default=True, help="Gradients measured, at least 2.")
@_where("float32")
def variance(
    estimator: str,
    problem: str,
    settings: Sequence[str],
    dimension: int | None,
    samples: int | None,
    replicates: int,
    where: _Where,
) -> None:
    """Measure mean, bias and variance of a gradient estimator, with intervals, and its cost.

    Example: reparam variance --estimator score_function --problem quadratic --set k=1 --replicates 200000
    """
    from harness.console import interval, number, seconds
    from harness.measure import measure
    from harness.variance import plan

    cells = plan.plan(
        estimator,
        problem,
        _pairs(settings),
        dimension=dimension,
        samples=samples,
        replicates=replicates,
        **where.chosen(),
    )
    columns: Columns = {
        "backend": "backend",
        "dtype": "dtype",
        "by": "parameter",
        "mean (s.e.)": lambda row: f"{number(row['mean'])} ({number(row['mean_standard_error'], 2)})",
        "exact": "exact_mean",
        "variance [95 %]": lambda row: interval(row, "variance", "variance_low", "variance_high"),
        "exact variance": "exact_variance",
        "per gradient": lambda row: seconds(row["seconds_per_gradient"]),
    }
    _print(measure(cells), columns, where.format)


@main.command()
@click.option("--kernel", "kernels", multiple=True, required=True, metavar="K",
              help="Name, module or glob. Repeatable.")  # fmt: skip
@click.option("--size", "sizes", multiple=True, type=int, default=(65_536,), show_default=True,
              help="Elements of the largest argument. Repeatable.")  # fmt: skip
@click.option("--repeats", type=int, default=20, show_default=True, help="Timed calls.")
@click.option("--mode", "modes", multiple=True, type=click.Choice(["eager", "compiled"]),
              default=("eager", "compiled"), show_default=True, help="Repeatable.")  # fmt: skip
@_where("float32")
def time(
    kernels: Sequence[str],
    sizes: Sequence[int],
    repeats: int,
    modes: Sequence[str],
    where: _Where,
) -> None:
    """Time kernels: seconds per call, median and quartiles, the first (compiling) call apart.

    Example: reparam time --kernel gaussian.log_prob --backend torch --backend jax
    """
    from harness.console import seconds
    from harness.measure import measure
    from harness.timing import plan

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
    _print(measure(cells), columns, where.format)


@main.command()
@click.argument("model", metavar="[vae|categorical_vae]")
@click.option("--steps", type=int, default=200, show_default=True, help="Adam steps.")
@click.option("--objective", help="The loss: bernoulli, gaussian or article for vae.")
@click.option("--batch", type=int, default=128, show_default=True, help="Images per step.")
@_where("float32")
def train(
    model: str,
    steps: int,
    objective: str | None,
    batch: int,
    where: _Where,
) -> None:
    """Train a model on real digits: the same initial weights, batches and noise in every backend.

    The table shows about ten steps of each run; json and csv have every step.

    Example: reparam train vae --steps 200 --dtype float64
    """
    from harness.measure import measure
    from harness.results.schema import Train
    from harness.training import plan

    cells = plan.plan(
        model,
        steps,
        objective,
        **where.chosen(),
        batch=batch,
    )
    records = [record for record in measure(cells) if isinstance(record, Train)]
    if where.format == "table":
        stride = max(1, steps // 10)
        records = [record for record in records if record.step % stride == 0 or record.step == steps - 1]
    names = ("model", "objective", "backend", "dtype", "step", "loss", "temperature")
    _print(records, {name: name for name in names}, where.format)


_RESULTS = click.option(
    "--results", type=click.Path(file_okay=False, path_type=Path), default=Path("results"), show_default=True,
    help="Folder of the results.",
)  # fmt: skip


@main.command()
@click.option("--profile", "profile_name", default="quick", show_default=True, metavar="quick|full")
@click.option("--fresh", is_flag=True, help="Start anew although a run of the same code and versions exists.")
@click.option("--machine", default="", help="What to call this machine. Default: its processor and cores.")
@_RESULTS
@_where()
@click.pass_context
def run(
    ctx: click.Context,
    profile_name: str,
    fresh: bool,
    machine: str,
    results: Path,
    where: _Where,
) -> None:
    """Measure everything of a profile into the results folder, then build the dashboard.

    Killed or interrupted, the same command goes on where it stopped.

    Example: reparam run --profile quick
    """
    from harness import commands

    ctx.exit(commands.run(profile_name, results, fresh=fresh, machine=machine, **where.chosen()))


@main.command()
@_RESULTS
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), help="Default: site in the results folder.")
@_where()
def site(results: Path, output: Path | None, where: _Where) -> None:
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


if __name__ == "__main__":
    main()
