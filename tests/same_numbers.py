"""One sweep, measured three times, has the same numbers to the bit: python tests/same_numbers.py FOLDER [--sweep FILE].

It is measured on this machine by one process, by two at once, and on a Dask scheduler over TCP on loopback with two
workers that offer all three frameworks, each time into an empty results folder, with one thread an operation, as
another number of threads adds in another order. What is kept on disk between runs, truths and compiled programs, is in
FOLDER and is filled by a run that is not timed. All three find the truths there; compiled programs only the last two,
since one process alone, which is what times are measured with, compiles anew.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from dask_for_tests import machines

from harness import console, measure
from harness.execution import cluster
from harness.execution.engine import Engine
from harness.execution.soak import Soak, soak
from harness.results.schema import Failure, Record
from harness.results.schema.identity import is_cost, numbers
from harness.sweeps import request

HERE = Path(__file__).parent

#: What a Dask worker offers, so that each takes cells of all frameworks.
OFFERED = "torch=1,jax=1,tensorflow=1"

#: Tiny cells by which the cost of a cell beside its work is measured.
TINY = 2_000


@dataclass(frozen=True)
class Measured:
    """One of the runs.

    Attributes:
        seconds: from the first cell asked for to the last one stored, the start of the frameworks with it.
        cells: the records of each, by key.
        tiny: what tiny cells took on the same machines.
    """

    seconds: float
    cells: Mapping[str, Sequence[Record]]
    tiny: Soak


def first_difference(one: Mapping[str, Sequence[Record]], other: Mapping[str, Sequence[Record]]) -> str:
    """Return in what two runs differ to the bit, measured time and memory aside; "" where in nothing.

    Args:
        one: records of each cell, by key, in any order.
        other: likewise.
    """
    for key in sorted(one.keys() - other.keys()):
        return f"cell {key!r} is missing in the second"
    for key in sorted(other.keys() - one.keys()):
        return f"cell {key!r} is in the second only"
    for key, records in one.items():
        if len(records) != len(other[key]):
            return f"cell {key!r} has {len(records)} and {len(other[key])} records"
        for number, pair in enumerate(zip(records, other[key], strict=True), start=1):
            kinds = [type(record).__name__ for record in pair]
            if kinds[0] != kinds[1]:
                return f"cell {key!r}, record {number}: {kinds[0]} and {kinds[1]}"
            left, right = map(numbers, pair)
            for name, value in left.items():
                # the shortest text that reads back as the same bits, so that 0.0 is not -0.0
                if repr(value) != repr(right[name]):
                    return f"cell {key!r}, record {number}: {name} is {value!r} and {right[name]!r}"
    return ""


def left_out(cells: Mapping[str, Sequence[Record]]) -> dict[str, list[str]]:
    """Return the fields that are not compared, by the kind of record."""
    kinds = {type(record) for records in cells.values() for record in records}
    return {
        kind.__name__: [field.name for field in msgspec.structs.fields(kind) if is_cost(kind, field.name)]
        for kind in sorted(kinds, key=lambda kind: kind.__name__)
    }


def measured(sweep: Path, folder: Path, processes: int, engine: Engine) -> Measured:
    """Measure tiny cells, then a sweep, into an empty folder."""
    asked = request.of_sweep(sweep)
    # one batch, so that each framework starts once
    batch = measure.Batch([cell for batch in asked.batches for cell in batch.cells], processes, threads=1)
    tiny = soak(TINY, asked.backends[0], folder / "tiny" / "here" / "soak", engine)
    begin = time.perf_counter()
    run = measure.run([batch], folder / "results", asked.provenance("here", {}), fresh=True, engine=engine)
    return Measured(time.perf_counter() - begin, run.cells, tiny)


def on_dask(sweep: Path, folder: Path) -> Measured:
    """Measure on two workers of a scheduler, which are there before the clock starts."""
    folder.mkdir()
    cluster.PATIENCE = 120.0  # a busy machine starts workers slowly
    with machines(folder, os.pathsep.join((str(HERE.parent), str(HERE)))) as found:
        found.scheduler()
        for _ in range(2):
            found.worker(OFFERED)
        return measured(sweep, folder, 2, Engine(found.address))


def rows(runs: Mapping[str, Measured]) -> list[dict[str, Any]]:
    """Return a row for each run."""
    return [
        {
            "run": name,
            "seconds": f"{run.seconds:.1f}",
            "cells": len(run.cells),
            "records": sum(map(len, run.cells.values())),
            "overhead per cell": console.seconds(1 / run.tiny.rate),
        }
        for name, run in runs.items()
    ]


def main() -> int:
    """Measure, show, and compare."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("folder", type=Path, help="a new or an empty one")
    reader.add_argument("--sweep", type=Path, default=HERE / "same_numbers.toml")
    told = reader.parse_args()
    folder, sweep = told.folder.resolve(), told.sweep.resolve()
    if folder.exists() and any(folder.iterdir()):
        reader.error(f"{folder} is not empty")
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["REPARAM_CACHE"] = str(folder / "cache")
    measured(sweep, folder / "not timed", 2, Engine())
    runs = {
        "one process": measured(sweep, folder / "one", 1, Engine()),
        "two processes": measured(sweep, folder / "two", 2, Engine()),
        "two Dask workers": on_dask(sweep, folder / "dask"),
    }
    console.show(
        rows(runs),
        {name: name for name in ("run", "seconds", "cells", "records", "overhead per cell")},
        "table",
    )
    first, *others = runs
    known = runs[first].cells
    print(f"overhead per cell: of {TINY} cells that do nothing, of one framework, stored as others are")
    print("not compared: provenance, which is in no record, and of a record")
    for kind, names in left_out(known).items():
        print(f"  {kind}: {', '.join(names) or 'nothing'}")
    failed = [f"{name}: {row.cell}: {row.reason}" for name, run in runs.items() for cell in run.cells.values()
              for row in cell if isinstance(row, Failure)]  # fmt: skip
    differing = {name: first_difference(known, runs[name].cells) for name in others}
    for name, text in differing.items():
        print(f"{first} and {name}: {text or 'the same to the bit'}")
    for text in failed:
        print(f"failed: {text}")
    return 1 if failed or any(differing.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
