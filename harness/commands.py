"""`reparam run` and `reparam site` as functions: measure a profile into the store, and build the dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness import measure, profiles
from harness.agreement.ledger import LISTED
from harness.console import note
from harness.execution.engine import Engine
from harness.results import provenance, store
from harness.results.run import Run
from harness.results.schema import Check, Failure, Reproduction


def run(
    profile_name: str,
    root: Path,
    *,
    backends: Sequence[str],
    dtypes: Sequence[str],
    devices: Sequence[str],
    seed: int,
    fresh: bool = False,
    machine: str = "",
    engine: Engine | None = None,
) -> int:
    """Measure a profile into the results folder, then build the dashboard.

    Args:
        profile_name: a key of `profiles.PROFILES`.
        root: the results folder.
        backends: names.
        dtypes: floating types of what is measured; none leaves the profile's own.
        devices: "cpu", "gpu".
        seed: of all noise.
        fresh: start anew although a run of the same fingerprint exists.
        machine: what to call this machine.
        engine: which machines measure, and how long a cell may take.

    Returns:
        The exit status: 0, or 1 if a cell failed, a comparison is out of budget, or a figure of the literature differs.

    Raises:
        BadInputError: a name is unknown, a device is missing, or a results file cannot be read.
    """
    from harness import profile_cells

    profile = profiles.find(profile_name)
    batches = (
        measure.Batch(profile_cells.agreement_cells(profile, backends, devices, dtypes), processes=2, threads=1),
        measure.Batch(profile_cells.library_cells(profile, backends, dtypes), processes=2, threads=1),
        measure.Batch(profile_cells.measured_cells(profile, backends, devices, seed, dtypes)),
    )
    told = {device: measure.describe(backends, device, engine) for device in devices}
    here = provenance.collect(profile_name, seed, f"reparam run --profile {profile_name}", machine, told)
    result = measure.run(batches, root, here, fresh, engine)
    failures = [record for record in result.records if isinstance(record, Failure)]
    checks = [record for record in result.records if isinstance(record, Check)]
    outside = [record for record in checks if not record.within_budget and record.deviation != LISTED]
    differing = [record for record in result.records if isinstance(record, Reproduction) and not record.agrees]
    for failure in failures:
        note(f"not measured: {failure.cell}: {failure.reason}")
    if outside:
        note(f"{len(outside)} comparisons are out of budget; see them with: reparam check")
    if differing:
        note(f"{len(differing)} points of the literature's figures differ; see them with: reparam reproduce all")
    note(f"dashboard: {site(root, root / 'site')}")
    return 1 if failures or outside or differing else 0


def site(root: Path, output: Path, backends: Sequence[str] = (), dtypes: Sequence[str] = ()) -> Path:
    """Build the dashboard of every run in a results folder.

    Args:
        root: the results folder.
        output: the folder of the pages.
        backends: keep only their records; none keeps all.
        dtypes: keep only records of these types; none keeps all.

    Returns:
        The first page.

    Raises:
        BadInputError: the folder or a file in it cannot be read as results.
    """
    from harness.site import history
    from harness.site.build import build

    runs = [
        Run(
            stored.name,
            stored.provenance,
            [
                record
                for record in stored.records
                if (not backends or record.backend in backends) and (not dtypes or record.dtype in dtypes)
            ],
        )
        for stored in store.read(root)
    ]
    return build(runs, output, history.find(root))
