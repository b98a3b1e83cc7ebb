"""The command line: parse, call, print. No framework and nothing heavy is imported before a command needs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness import closing, errors
from harness.cli.checking import check
from harness.cli.completing import completion
from harness.cli.estimating import coverage, laws, variance
from harness.cli.groups import Named
from harness.cli.interrupts import one_at_a_time
from harness.cli.listing import doctor, list_
from harness.cli.measuring import curvature, race, throughput, time, train
from harness.cli.new import new
from harness.cli.publishing import run, site
from harness.cli.recommending import recommend
from harness.cli.reproducing import reproduce
from harness.cli.results import results
from harness.cli.subjects import compare, measure
from harness.cli.trajectory import trajectory
from harness.requirements import explained


class _OneLineError(click.ClickException):
    """What click has to say of bad input, in one line like everything else."""

    exit_code = 2

    def __init__(self, error: click.UsageError) -> None:
        where = f"; see: {error.ctx.command_path} --help" if error.ctx is not None else ""
        super().__init__(f"{error.format_message().rstrip('.')}{where}")

    def show(self, file: Any = None) -> None:
        """Say it on standard error."""
        click.echo(f"Error: {errors.one_line(self.message)}", file=file, err=True)


def _say_refused() -> None:
    """Say which plug-ins are not used, and why, in a line each."""
    from implementations import entries

    if entries.anything():
        from harness.plugins.refused import refused

        for row in refused():
            click.echo(str(row), err=True)


class _Main(Named):
    """The group of commands. Bad input ends in one line and exit status 2, never in a traceback."""

    def make_context(self, *arguments: Any, **named: Any) -> click.Context:
        """Read the options before the command."""
        try:
            return super().make_context(*arguments, **named)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            raise _OneLineError(error) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; turn its errors into messages."""
        with one_at_a_time():
            return self._invoke(ctx)

    def _invoke(self, ctx: click.Context) -> Any:
        try:
            if not {"-h", "--help"} & set(ctx.args):
                _say_refused()
            with explained("this command"), closing.command() as ended:
                try:
                    result = super().invoke(ctx)
                except click.exceptions.Exit:
                    ended()
                    raise
                ended()
                return result
        except click.UsageError as error:
            raise _OneLineError(error) from None
        except errors.BadInputError as error:
            click.echo(f"Error: {errors.one_line(str(error))}", err=True)
            ctx.exit(2)
        except OSError as error:
            if error.errno not in errors.FULL:
                raise
            what = Path(error.filename).name if isinstance(error.filename, str) else "a file"
            click.echo(f"Error: {what} cannot be written: {error.strerror}; make room on that disk", err=True)
            ctx.exit(2)
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(130)
        except errors.MeasurementError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(1)


@click.group(cls=_Main, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="reparam", prog_name="reparam")
def main() -> None:
    """Is this stochastic gradient right, how noisy is it, what does it cost?

    \b
    Your own gradient:
    reparam measure FILE.py:NAME --truth FILE.py:NAME      is it biased, how noisy is it
    reparam compare FILE.py:NAME FILE.py:NAME              which one is quieter

    \b
    The frameworks' kernels, and the estimators of this project:
    reparam doctor                     what is installed, and what is missing
    reparam check                      compare every kernel with the oracle
    reparam variance --estimator pathwise --problem quadratic
    reparam run --profile quick        all of it, then the dashboard
    """  # noqa: D301 -- a mark of click, not a letter


for _command in (
    doctor,
    list_,
    measure,
    compare,
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
    results,
    new,
    completion,
):
    main.add_command(_command)
