"""What a long run costs beside its cells: `python -m harness.execution.soak 10000` measures it with tiny ones."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import click
import psutil

from harness import console, noise
from harness.backends import chosen
from harness.errors import BadInputError, out_of_range
from harness.execution.engine import Engine
from harness.execution.local import Workers
from harness.execution.work import Cell, Work
from harness.results import store
from harness.results.schema import Record

#: Cells after which a driver has imported and allocated what it needs for any number of them.
WARM_UP = 200

_PROVENANCE: dict[str, Any] = {"started": "", "commit": "", "profile": "soak", "machine": {"name": "here"}}


class Footprint(NamedTuple):
    """What a process takes.

    Attributes:
        bytes: resident memory of the driver.
        descriptors: open files, pipes and sockets of the driver.
        workers_bytes: resident memory of its worker processes on this machine.
    """

    bytes: int
    descriptors: int
    workers_bytes: int


@dataclass(frozen=True)
class Soak:
    """What a run of tiny cells took.

    Attributes:
        cells: measured, all of them stored.
        failed: those among them that failed.
        seconds: after the warm-up.
        start: after the warm-up.
        end: after the last cell.
    """

    cells: int
    failed: int
    seconds: float
    start: Footprint
    end: Footprint

    @property
    def rate(self) -> float:
        """Cells per second."""
        return (self.cells - WARM_UP) / self.seconds


def tiny(backend: ModuleType, number: int) -> list[Record]:
    """Draw a few numbers, and record nothing."""
    del backend
    noise.generator(number, "soak").standard_normal(8)
    return []


def _cells(count: int, backend: str) -> Iterator[Cell]:
    for number in range(count):
        yield Cell(f"tiny {backend} {number}", Work("harness.execution.soak:tiny", backend, "cpu", {"number": number}))


def _footprint() -> Footprint:
    driver = psutil.Process()
    workers = sum(child.memory_info().rss for child in driver.children(recursive=True))
    return Footprint(driver.memory_info().rss, driver.num_fds(), workers)


def soak(count: int, backend: str, folder: Path, engine: Engine | None = None) -> Soak:
    """Measure tiny cells into a store.

    Args:
        count: of cells, more than `WARM_UP`.
        backend: whose process does nothing with it.
        folder: for the results.
        engine: which machines measure.

    Raises:
        BadInputError: the count is too small, or the scheduler cannot be used.
    """
    if count <= WARM_UP:
        raise out_of_range("cells", count, f"above {WARM_UP}", "give more, as in 10000")
    failed = 0
    start, begin = _footprint(), time.perf_counter()
    with store.Part(folder, _PROVENANCE) as part, Workers(engine=engine) as workers:
        for number, (cell, outcome) in enumerate(workers.stream(_cells(count, backend)), start=1):
            failed += isinstance(outcome, Exception)
            part.append(cell.key, [] if isinstance(outcome, Exception) else outcome)
            if number == WARM_UP:
                start, begin = _footprint(), time.perf_counter()
        return Soak(count, failed, time.perf_counter() - begin, start, _footprint())


@click.command()
@click.argument("cells", type=int)
@click.option("--backend", default="", help="Default: the first that is installed.")
@click.option("--scheduler", metavar="ADDRESS", help="Of Dask, in place of this machine.")
def main(cells: int, backend: str, scheduler: str | None) -> None:
    """Measure so many tiny cells, and show what a cell costs and whether the driver grows."""
    try:
        (name,) = chosen([backend] if backend else chosen()[:1])
        with tempfile.TemporaryDirectory() as folder:
            found = soak(cells, name, Path(folder) / "here" / "soak", Engine(scheduler))
    except BadInputError as error:
        raise click.UsageError(str(error)) from None
    console.show(
        [{"at": name, **row._asdict()} for name, row in (("start", found.start), ("end", found.end))],
        {name: name for name in ("at", *Footprint._fields)},
        "table",
    )
    told = (
        f"{found.cells} cells, {found.failed} failed, {found.rate:.0f} a second, {console.seconds(1 / found.rate)} each"
    )
    console.note(told)


if __name__ == "__main__":
    main()
