"""The command line: parse, call, print. No framework and nothing heavy is imported before a command needs it."""

from __future__ import annotations

from typing import Any

import click

from harness import errors
from harness.cli.checking import check
from harness.cli.completing import completion
from harness.cli.estimating import coverage, laws, recommend, variance
from harness.cli.listing import doctor, list_
from harness.cli.measuring import curvature, race, throughput, time, train
from harness.cli.new import new
from harness.cli.publishing import run, site
from harness.cli.reproducing import reproduce
from harness.cli.trajectory import trajectory


def _say_refused() -> None:
    """Say which plug-ins are not used, and why, in a line each."""
    from implementations import entries

    if entries.anything():
        from harness.plugins.refused import refused

        for row in refused():
            click.echo(str(row), err=True)


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
            if not {"-h", "--help"} & set(ctx.args):
                _say_refused()
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


@click.group(cls=_Main, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="reparam", prog_name="reparam")
def main() -> None:
    """Is this framework's gradient right, how noisy is this estimator, what does it cost?

    \b
    reparam doctor                     what is installed, and what is missing
    reparam check                      compare every kernel with the oracle
    reparam variance --estimator pathwise --problem quadratic
    reparam run --profile quick        all of it, then the dashboard
    """  # noqa: D301 -- a mark of click, not a letter


for _command in (
    doctor,
    list_,
    check,
    variance,
    laws,
    coverage,
    recommend,
    time,
    curvature,
    throughput,
    train,
    trajectory,
    race,
    reproduce,
    run,
    site,
    new,
    completion,
):
    main.add_command(_command)
