"""What a run would come to: cells, time from earlier records, and memory. Nothing is measured or written."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec

from harness.execution.work import Cell
from harness.sweeps import earlier, memory
from harness.sweeps.request import Request

#: Stands for every kind and backend.
ALL = "all"

NO_RECORD = "not known: no earlier record"


class Row(msgspec.Struct):
    """What a dry run says of the cells of one kind and backend.

    Attributes:
        kind: of work, as the keys of its cells begin.
        backend: its name.
        cells: that the run comes to.
        finished: of them, those that are in the store already.
        seconds: that the others take one after the other; None where no earlier record tells of any.
        unknown: cells of which no earlier record tells; they are not in `seconds`.
        seconds_from: where the seconds are from.
        bytes: of the largest worker process; None where it is not known.
        bytes_from: where they are from.
    """

    kind: str
    backend: str
    cells: int
    finished: int
    seconds: float | None
    unknown: int
    seconds_from: str
    bytes: int | None
    bytes_from: str


def _bytes(cells: list[Cell], backend: str) -> tuple[int | None, str]:
    process = memory.of_worker(backend)
    if process is None:
        return None, f"not known: no process of {backend} was measured"
    arrays = [memory.of_arrays(cell.work) for cell in cells]
    known = [size for size in arrays if size is not None]
    if len(known) < len(arrays):
        return process + max(known, default=0), "the process as measured; not all arrays are known"
    return process + max(known, default=0), "the process as measured, and the sizes of its arrays"


def _row(kind: str, backend: str, cells: list[Cell], known: earlier.Earlier) -> Row:
    waiting = [cell.key for cell in cells if cell.key not in known.finished]
    told = [known.of(key) for key in waiting]
    found = [answer for answer in told if answer is not None]
    bases = Counter(answer.basis for answer in found)
    words = [f"{basis}: {count:,}" for basis, count in bases.most_common()]
    unknown = len(told) - len(found)
    words += [f"{NO_RECORD}: {unknown:,}"] if unknown else []
    size, size_from = _bytes(cells, backend)
    return Row(
        kind,
        backend,
        len(cells),
        len(cells) - len(waiting),
        round(sum(answer.seconds for answer in found), 3) if found or not waiting else None,
        unknown,
        "; ".join(words) or "all in the store",
        size,
        size_from,
    )


def _at_once(request: Request) -> int | None:
    """Return the bytes of the workers that run at once, at most."""
    most = 0
    for batch in request.batches:
        groups: dict[str, list[Cell]] = {}
        for cell in batch.cells:
            groups.setdefault(cell.work.backend, []).append(cell)
        sizes = [_bytes(cells, backend)[0] for backend, cells in groups.items()]
        if None in sizes:
            return None
        most = max(most, sum(sorted((size for size in sizes if size is not None), reverse=True)[: batch.processes]))
    return most


def rows(request: Request, root: Path, machine: str = "") -> list[Row]:
    """Return what a run would come to, by kind of work and backend, and in all.

    Args:
        request: what is asked for.
        root: the results folder; it need not exist.
        machine: what to call this machine.
    """
    known = earlier.read(root, request.provenance(machine, {}))
    groups: dict[tuple[str, str], list[Cell]] = {}
    for batch in request.batches:
        for cell in batch.cells:
            groups.setdefault((cell.key.partition(" ")[0], cell.work.backend), []).append(cell)
    found = [_row(kind, backend, cells, known) for (kind, backend), cells in groups.items()]
    times = [row.seconds for row in found if row.seconds is not None]
    unknown = sum(row.unknown for row in found)
    total = Row(
        ALL,
        ALL,
        sum(row.cells for row in found),
        sum(row.finished for row in found),
        round(sum(times), 3) if times or not unknown else None,
        unknown,
        f"the sum; {NO_RECORD}: {unknown:,}" if unknown else "the sum",
        _at_once(request),
        "the largest workers that run at once; the driver and pages of the system are not in it",
    )
    return [*found, total]
