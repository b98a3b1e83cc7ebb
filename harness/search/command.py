"""The search over several backends and dtypes, with progress, as the command line runs it."""

from __future__ import annotations

from collections.abc import Sequence

from harness.console import progress
from harness.requirements import require
from harness.results.schema import Check
from harness.search.rows import FILE, append, case_rows
from harness.search.run import search

__all__ = ["FILE", "add", "run"]


def run(
    kernels: Sequence[str],
    *,
    seconds: float,
    modes: Sequence[str],
    backends: Sequence[str],
    dtypes: Sequence[str],
    devices: Sequence[str],
    seed: int,
    everywhere: bool = False,
) -> list[Check]:
    """Search each backend, dtype, device and mode for so many seconds.

    Args:
        kernels: names, modules or globs; none means all.
        seconds: for each combination.
        modes: "eager", "compiled"; none means the one in which each backend is mostly run.
        backends: names.
        dtypes: floating types.
        devices: "cpu", "gpu".
        seed: of the inputs.
        everywhere: search the whole range of the dtype, beyond the region in which squares can be represented.

    Raises:
        BadInputError: a name is unknown, a number is out of its range, or hypothesis is not installed.
    """
    require("hypothesis", needed_by="the search for inputs")
    places = [
        (backend, dtype, device, mode)
        for backend in backends
        for dtype in dtypes
        for device in devices
        for mode in modes or ("",)
    ]
    found = []
    with progress(len(places)) as (listener, finished):
        for backend, dtype, device, mode in places:
            found += search(
                kernels, backend, dtype, seconds, seed, device, mode, everywhere=everywhere, listener=listener
            )
            finished()
    return found


def add(records: Sequence[Check], seed: int) -> int:
    """Add what is out of budget to the cases.

    Returns:
        How many cases were added.
    """
    return append(FILE, case_rows(records, seed))
