"""What the command line shows: records on standard output, progress and notes on standard error."""

from __future__ import annotations

import csv
import io
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click
import msgspec

from harness.execution.process import Listener

#: A line every so often where standard error is no terminal.
SECONDS_BETWEEN_LINES = 10.0


def note(text: str) -> None:
    """Say something on standard error."""
    click.echo(text, err=True)


#: Columns of a table where standard output is no terminal and COLUMNS is not set.
WIDTH = 100

Row = Mapping[str, Any]

#: Heading of a column, and what stands there: a field's name, or a function of the row.
Columns = Mapping[str, str | Callable[[Row], str]]


def number(value: Any, digits: int = 4) -> str:
    """Return a number in a few significant digits, "-" where there is none."""
    return "-" if value is None else f"{value:.{digits}g}"


def interval(row: Row, value: str, low: str, high: str) -> str:
    """Return "value [low, high]" of three fields."""
    return f"{number(row[value])} [{number(row[low])}, {number(row[high])}]"


def seconds(value: float | None) -> str:
    """Return seconds with a unit: "812 ns", "3.1 us", "4.7 ms", "2.2 s"."""
    if value is None:
        return "-"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"


def _text(row: Row, column: str | Callable[[Row], str]) -> str:
    if callable(column):
        return column(row)
    value = row[column]
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, float):
        return number(value)
    return "-" if value is None else str(value)


def _width() -> int:
    """Return the columns of a table: those of COLUMNS, else the terminal's, else `WIDTH`."""
    if not (sys.stdout.isatty() or os.environ.get("COLUMNS")):
        return WIDTH
    return shutil.get_terminal_size((WIDTH, 24)).columns


def _table(rows: Sequence[Row], columns: Columns) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    texts = [[_text(row, column) for column in columns.values()] for row in rows]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", padding=(0, 1))
    for index, name in enumerate(columns):
        numeric = all(row[index][:1] in "-0123456789" for row in texts)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for cells in texts:
        table.add_row(*cells)
    text = io.StringIO()
    console = Console(
        file=text, force_terminal=sys.stdout.isatty(), width=_width(), emoji=False, markup=False, highlight=False
    )
    console.print(table)
    return "\n".join(line.rstrip() for line in text.getvalue().rstrip().splitlines())


def show(rows: Sequence[Row], columns: Columns, format_: str) -> None:
    """Print rows on standard output.

    Args:
        rows: flat records of one kind.
        columns: those of the table; JSON and CSV have every field.
        format_: "table", "json" (one array of flat objects) or "csv".
    """
    if format_ == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=1).decode())
    elif format_ == "csv":
        text = io.StringIO()
        if rows:
            writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        click.echo(text.getvalue(), nl=False)
    elif rows:
        click.echo(_table(rows, columns))


class _Lines:
    """Progress as lines, for logs."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.begin = total, 0, time.monotonic()
        self.last = self.begin

    def listen(self, key: str, done: int, total: int, text: str) -> None:
        now = time.monotonic()
        if now - self.last < SECONDS_BETWEEN_LINES:
            return
        self.last = now
        part = self.done + (done / total if total else 0.0)
        left = f"{(now - self.begin) / part * (self.total - part):.0f} s left" if part else "time left not known yet"
        note(f"[{now - self.begin:5.0f} s] {self.done} of {self.total} cells, {left}: {key} {text}".rstrip())

    def finished(self) -> None:
        self.done += 1


@contextmanager
def progress(total: int) -> Iterator[tuple[Listener, Any]]:
    """Show progress with time left while cells are measured.

    Args:
        total: cells to measure.

    Yields:
        A listener for `Workers`, and a function to call after each finished cell.
    """
    if not sys.stderr.isatty():
        lines = _Lines(total)
        yield lines.listen, lines.finished
        return

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        cells = bar.add_task("cells", total=total)
        present = bar.add_task("", total=None)

        def listen(key: str, done: int, parts: int, text: str) -> None:
            bar.update(present, description=f"{key[:60]} {text}".rstrip(), completed=done, total=parts or None)

        yield listen, lambda: bar.advance(cells)
