"""The options that every command takes, and how records are printed."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness import errors
from harness.cli.completing import completes

if TYPE_CHECKING:
    from harness.console import Columns
    from harness.execution.engine import Engine
    from harness.execution.work import Cell
    from harness.results.schema import Record

Command = Callable[..., Any]

#: Records hold numbers of 64 bits.
LARGEST_SEED = 2**63 - 1

#: Bytes that file systems allow in a name.
_LONGEST_NAME = 255

DTYPES = ("float16", "bfloat16", "float32", "float64")


class File(click.Path):
    """A file that can be read."""

    def __init__(self) -> None:
        super().__init__(exists=True, dir_okay=False, readable=True, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        if "\0" in str(value):
            self.fail(f"{value!r} holds a zero byte, which no path does; give a file", param, ctx)
        return super().convert(value, param, ctx)


class Folder(click.Path):
    """A folder that is there, or that can be made."""

    def __init__(self) -> None:
        super().__init__(file_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        if not str(value) or "\0" in str(value):
            self.fail(f"{value!r} is the path of no folder; give one", param, ctx)
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if any(len(os.fsencode(part)) > _LONGEST_NAME for part in path.parts):
            self.fail(f"{value!r} has a name of more than {_LONGEST_NAME} bytes; give a shorter one", param, ctx)
        nearest = next((folder for folder in (path, *path.parents) if os.path.lexists(folder)), Path())
        if not nearest.is_dir():
            self.fail(f"{value!r} cannot be a folder, since {str(nearest)!r} is none; give another one", param, ctx)
        return path


@dataclass(frozen=True)
class Where:
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


def where(*dtypes: str) -> Callable[[Command], Command]:
    """Add the options that every command takes; the command receives them as `where`.

    Args:
        *dtypes: the default floating types.
    """
    options = (
        click.option("--backend", "backends", multiple=True, metavar="NAME", shell_complete=completes("backends"),
                     help="Repeatable. Default: every reference backend that is installed."),
        click.option("--dtype", "dtypes", multiple=True, default=dtypes, show_default=bool(dtypes),
                     type=click.Choice(DTYPES), help="Repeatable."),
        click.option("--device", "devices", multiple=True, default=("cpu",), show_default=True,
                     type=click.Choice(["cpu", "gpu"]), help="Repeatable."),
        click.option("--seed", type=click.IntRange(0, LARGEST_SEED), default=0, show_default=True,
                     help="Of all noise."),
        click.option("--format", "format_", type=click.Choice(["table", "json", "csv"]), default="table",
                     show_default=True, help="json: one array of flat records, nothing else on standard output."),
    )  # fmt: skip

    def add(command: Command) -> Command:
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
            from harness.backends import require_known

            require_known(backends)
            return command(*arguments, where=Where(backends, dtypes, devices, seed, format_), **named)

        return functools.reduce(lambda wrapped, option: option(wrapped), reversed(options), bundled)

    return add


def on_engine(command: Command) -> Command:
    """Add the options of a command that can measure on other machines; it receives them as `engine`."""
    options = (
        click.option("--scheduler", metavar="ADDRESS",
                     help="Measure on the workers of this Dask scheduler, as in tcp://10.0.0.1:8786."),
        click.option("--scheduler-file", type=File(), metavar="FILE",
                     help="Instead of its address: what `dask scheduler --scheduler-file FILE` wrote."),
        click.option("--time-limit", type=float, default=3600.0, show_default=True, metavar="SECONDS",
                     help="Of one cell, whose process is killed after it. inf: none."),
        click.option("--patience", type=float, default=30.0, show_default=True, metavar="SECONDS",
                     help="With a scheduler: to wait for a worker that offers a framework. inf: for ever."),
    )  # fmt: skip

    @functools.wraps(command)
    def bundled(
        *arguments: Any,
        scheduler: str | None,
        scheduler_file: Path | None,
        time_limit: float,
        patience: float,
        **named: Any,
    ) -> Any:
        from harness.execution.engine import Engine

        return command(*arguments, engine=Engine(scheduler, scheduler_file, time_limit, patience), **named)

    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(options), bundled)


def pairs(settings: Sequence[str]) -> dict[str, float]:
    """Read settings that are written as "name=value".

    Raises:
        BadInputError: one is not a number, or has no "=".
    """
    values = {}
    for text in settings:
        name, equals, number = text.partition("=")
        try:
            values[name.strip()] = float(number)
        except ValueError:
            mend = "give a number, as in --set scale=1.5"
            raise errors.BadInputError(f"--set {text!r} is not name=number; {mend}") from None
        if not equals or not name.strip():
            raise errors.BadInputError(f"--set {text!r} has no name or no '='; write it as --set name=value")
    return values


def print_records(records: Sequence[Record], columns: Columns, format_: str) -> None:
    """Print records on standard output, as a table, json or csv."""
    from harness.console import show
    from harness.results.schema import flat

    show([flat(record) for record in records], columns, format_)


@contextmanager
def others_printed(columns: Columns, format_: str) -> Iterator[None]:
    """Print the records of all other cells where cells fail, before the error goes on: where all is judged together."""
    from harness.measure import FailedCellsError

    try:
        yield
    except FailedCellsError as error:
        print_records(error.records, columns, format_)
        say_faults(error.records)
        raise


@contextmanager
def measured(
    cells: Sequence[Cell],
    processes: int = 1,
    threads: int = 0,
    engine: Engine | None = None,
    *,
    keeps: bool = False,
) -> Iterator[list[Record]]:
    """Measure cells, and give the records of those that did not fail; those that did are an error at the end.

    Args:
        cells: to be measured.
        processes: see `harness.measure.measure`, as for what follows.
        threads: of one operation.
        engine: which machines measure.
        keeps: whether what is finished is kept when the command is broken off.

    Raises:
        FailedCellsError: cells failed; what is done with the records of the others is done.
    """
    from harness.measure import FailedCellsError, measure

    try:
        records, failed = measure(cells, processes, threads, engine, keeps=keeps), None
    except FailedCellsError as error:
        records, failed = error.records, error
    yield records
    if failed is not None:
        raise failed


def print_measured(cells: Sequence[Cell], columns: Columns, format_: str, **how: Any) -> int:
    """Measure cells, print their records, and say which gradients are NaN or infinite.

    Args:
        cells: to be measured.
        columns: of the table.
        format_: "table", "json" or "csv".
        how: further arguments of `measured`.

    Returns:
        The exit status: 1 where a gradient is NaN or infinite.

    Raises:
        FailedCellsError: cells failed; the records of the others are printed.
    """
    with measured(cells, **how) as records:
        print_records(records, columns, format_)
        return say_faults(records)


def say_faults(records: Sequence[Record]) -> int:
    """Say which gradients are NaN or infinite; return the exit status, 1 where there is one."""
    from harness.console import note
    from harness.variance import faults

    found = faults.of(records)
    for fault in found:
        note(str(fault))
    return 1 if found else 0
