"""The options of the commands that measure gradients of a user's own file."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from harness import errors
from harness.cli.options import LARGEST_SEED, Command

#: The fewest replicates that a bias is judged by.
LEAST = 8

#: The most that can be asked for: years of the fastest gradients.
MOST = 10**12


class Page(click.Path):
    """A page that can be written: tried before it is measured, without changing a file or leaving one behind."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        path, shown = Path(value), errors.shown(str(value))
        if path.suffix.lower() not in {".html", ".htm"}:
            self.fail(f"{shown} does not end in .html; give the file of a page, as in report.html", param, ctx)
        try:
            new = not path.exists()
            path.open("ab").close()
            if new:
                path.unlink()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            self.fail(f"{shown} cannot be written: {reason}; give a file in a folder that can be written", param, ctx)
        return path


@dataclass(frozen=True)
class Asked:
    """The options that both commands take."""

    truth: str | None
    precision: str
    replicates: int | None
    seed: int
    detect: str
    level: float
    at_most: int | None
    format: str
    html: Path | None

    def size(self) -> dict[str, Any]:
        """Return seed and number of replicates as arguments."""
        most = {} if self.at_most is None else {"at_most": self.at_most}
        return {"seed": self.seed, "replicates": self.replicates} | most

    def judging(self) -> dict[str, Any]:
        """Return the arguments by which a bias is judged."""
        return {"detect": self.detect, "level": self.level}


_OPTIONS = (
    click.option("--truth", metavar="FILE.py:NAME",
                 help="What the mean should be: numbers in the structure of one gradient, or another subject."),
    click.option("--precision", default="5%", show_default=True, metavar="PERCENT",
                 help="Half-width of the interval of the total variance; the replicates are computed from it."),
    click.option("--replicates", type=click.IntRange(2, MOST), metavar="N",
                 help="Measure so many gradients instead; at least 8 where a bias is judged or subjects are compared."),
    click.option("--seed", type=click.IntRange(0, LARGEST_SEED), default=0, show_default=True,
                 help="Of all seeds that a subject is given."),
    click.option("--detect", default="5%", show_default=True, metavar="PERCENT",
                 help="With --truth: the bias that has to be found, relative to |truth|."),
    click.option("--level", type=click.FloatRange(0, 0.5, min_open=True), default=1e-6, show_default=True,
                 help="With --truth: chance that a gradient without bias is called biased."),
    click.option("--at-most", type=click.IntRange(LEAST, MOST), metavar="N",
                 help="Replicates at most; what takes more ends with exit status 2."),
    click.option("--format", "format_", type=click.Choice(["table", "json", "csv"]), default="table",
                 show_default=True, help="json: one array of flat records, nothing else on standard output."),
    click.option("--html", type=Page(), metavar="FILE.html",
                 help="Write a page with verdict, charts, tables and provenance as well."),
)  # fmt: skip


def asking(command: Command) -> Command:
    """Add the options of both commands; the command receives them, checked, as `asked`."""

    @functools.wraps(command)
    def bundled(*arguments: Any, format_: str, **named: Any) -> Any:
        own = {name: named.pop(name) for name in list(named) if name in Asked.__dataclass_fields__}
        asked = Asked(format=format_, **own)
        _require_valid(click.get_current_context(), asked)
        return command(*arguments, asked=asked, **named)

    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(_OPTIONS), bundled)


def _require_valid(ctx: click.Context, asked: Asked) -> None:
    """Raise where an option has no use, before a file is run."""
    from harness.measuring.bias import require_level
    from harness.measuring.measure import fraction

    for name in ("precision", "detect"):
        fraction(f"--{name}", getattr(asked, name))
    require_level(asked.level)
    given = {name for name in ctx.params if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE}
    for name in ("detect", "level"):
        if asked.truth is None and name in given:
            raise errors.BadInputError(f"--{name} goes with --truth; give --truth FILE.py:NAME as well")
    if {"precision", "replicates"} <= given:
        raise errors.BadInputError("--precision computes the number that --replicates gives; give one of them")
