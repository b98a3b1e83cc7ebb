"""What the command line shows: records on standard output, progress and notes on standard error."""

from __future__ import annotations

import csv
import io
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click
import msgspec

from harness.execution.local import Listener

#: A line every so often where standard error is no terminal.
SECONDS_BETWEEN_LINES = 10.0


def note(text: str) -> None:
    """Say something on standard error."""
    click.echo(text, err=True)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    numeric = {name for name in columns if all(isinstance(row[name], (int, float, type(None))) for row in rows)}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name.replace("_", " "), justify="right" if name in numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row[name]) for name in columns))
    text = io.StringIO()
    terminal = sys.stdout.isatty()
    console = Console(file=text, force_terminal=terminal, width=None if terminal else 120, emoji=False, markup=False)
    console.print(table)
    return text.getvalue().rstrip()


def show(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], format_: str) -> None:
    """Print rows on standard output.

    Args:
        rows: flat records of one kind.
        columns: those of the table; JSON and CSV have all.
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
