"""What `reparam run` is asked to measure: a profile or a sweep, as batches of cells and the words of its provenance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import measure, profiles
from harness.console import note
from harness.requirements import require_extra
from harness.results import provenance


@dataclass(frozen=True)
class Request:
    """What is to be measured.

    Attributes:
        name: of the profile or the sweep; the run's folder is called after it.
        batches: in the order in which they are measured.
        backends: names.
        devices: "cpu", "gpu".
        seed: of all noise, or the first of a sweep's.
        command: that asks for it again.
        sweep: what the sweep file says; None for a profile.
    """

    name: str
    batches: tuple[measure.Batch, ...]
    backends: Sequence[str]
    devices: Sequence[str]
    seed: int
    command: str
    sweep: dict[str, Any] | None = None

    def provenance(self, machine: str, told: dict[str, Any]) -> dict[str, Any]:
        """Return the provenance of a run that starts now; a sweep's contents are in it, and so in the fingerprint.

        Args:
            machine: what to call this machine, or "".
            told: what each backend says of its process, by device.
        """
        own = provenance.collect(self.name, self.seed, self.command, machine, told)
        return own if self.sweep is None else own | {"sweep": self.sweep}


def of_profile(name: str, backends: Sequence[str], dtypes: Sequence[str], devices: Sequence[str], seed: int) -> Request:
    """Return what a profile comes to.

    Args:
        name: a key of `profiles.PROFILES`.
        backends: names.
        dtypes: floating types of what is measured; none leaves the profile's own.
        devices: "cpu", "gpu".
        seed: of all noise.

    Raises:
        BadInputError: a name is unknown, or a package of the extra `run` is not installed.
    """
    require_extra("run", needed_by="reparam run")
    from harness import profile_cells

    profile = profiles.find(name)
    batches = (
        measure.Batch(profile_cells.agreement_cells(profile, backends, devices, dtypes), processes=2, threads=1),
        measure.Batch(profile_cells.library_cells(profile, backends, dtypes), processes=2, threads=1),
        measure.Batch(profile_cells.measured_cells(profile, backends, devices, seed, dtypes)),
        measure.Batch(profile_cells.peak_cells(profile, backends, seed, dtypes), processes=2),
    )
    return Request(name, batches, backends, devices, seed, f"reparam run --profile {name}")


def of_sweep(path: Path) -> Request:
    """Return what a sweep file comes to; what is left out of its product is said on standard error.

    Args:
        path: of the file.

    Raises:
        BadInputError: the file cannot be read, its values do not fit together, or a package of the extra `run` is not
            installed.
    """
    require_extra("run", needed_by="reparam run")
    from harness.sweeps import plan, read
    from harness.sweeps.axes import KINDS

    sweep = read.read(path)
    untimed, timed = (
        plan.Cells(replace(sweep, tables=tuple(table for table in sweep.tables if KINDS[table.kind].timed is timed)))
        for timed in (False, True)
    )
    for text in (*untimed.tally.notes(), *timed.tally.notes()):
        note(text)
    batches = (measure.Batch(untimed, processes=2, threads=1), measure.Batch(timed))
    command = f"reparam run --sweep {path.name}"
    return Request(sweep.name, batches, sweep.backends, sweep.devices, sweep.seed, command, sweep.contents())
