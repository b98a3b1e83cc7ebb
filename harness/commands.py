"""`reparam run` and `reparam site` as functions: measure a profile into the store, and build the dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness import measure
from harness.agreement.ledger import LISTED
from harness.console import note
from harness.execution.engine import Engine
from harness.results import store
from harness.results.run import Run
from harness.results.schema import Check, Failure, Reproduction
from harness.sweeps.request import Request
from harness.variance import faults


def run(request: Request, root: Path, *, fresh: bool = False, machine: str = "", engine: Engine | None = None) -> int:
    """Measure a profile or a sweep into the results folder, then build the dashboard.

    Args:
        request: what is measured, of `request.of_profile` or `request.of_sweep`.
        root: the results folder.
        fresh: start anew although a run of the same fingerprint exists.
        machine: what to call this machine.
        engine: which machines measure, and how long a cell may take.

    Returns:
        The exit status: 0, or 1 if a cell failed, a gradient is NaN or infinite, a comparison is out of budget, or a
        figure of the literature differs.

    Raises:
        BadInputError: a device is missing, or a results file cannot be read.
    """
    from harness.site import publish

    output = root / "site"
    publish.require_own(output)
    told = {device: measure.describe(request.backends, device, engine) for device in request.devices}
    result = measure.run(request.batches, root, request.provenance(machine, told), fresh, engine)
    failures = [record for record in result.records if isinstance(record, Failure)]
    checks = [record for record in result.records if isinstance(record, Check)]
    outside = [record for record in checks if not record.within_budget and record.deviation != LISTED]
    differing = [record for record in result.records if isinstance(record, Reproduction) and not record.agrees]
    for failure in failures:
        note(f"not measured: {failure.cell}: {failure.reason}")
    odd = faults.of(result.records)
    for fault in odd:
        note(f"no number: {fault}")
    if outside:
        note(f"{len(outside)} comparisons are out of budget; see them with: reparam check")
    if differing:
        note(f"{len(differing)} points of the literature's figures differ; see them with: reparam reproduce all")
    note(f"dashboard: {site(root, root / 'site')}")
    return 1 if failures or odd or outside or differing else 0


def site(root: Path, output: Path, backends: Sequence[str] = (), dtypes: Sequence[str] = ()) -> Path:
    """Build the dashboard of every run in a results folder.

    Args:
        root: the results folder.
        output: the folder of the pages; those of an earlier site that are no longer made are removed from it.
        backends: keep only their records; none keeps all.
        dtypes: keep only records of these types; none keeps all.

    Returns:
        The first page.

    Raises:
        BadInputError: the folder or a file in it cannot be read as results.
    """
    from harness.site import history, publish
    from harness.site.build import build
    from harness.site.pages import OVERVIEW

    publish.require_own(output)

    runs = [
        Run(
            own.name,
            own.provenance,
            [
                record
                for record in own.records
                if (not backends or record.backend in backends) and (not dtypes or record.dtype in dtypes)
            ],
        )
        for stored in store.read(root)
        for own in stored.by_machine()
    ]
    publish.publish(lambda folder: build(runs, folder, history.find(root)), output)
    return output / OVERVIEW.file
