"""Mutations of the reference kernels, generated from their source text, and the judge that must find every one.

    .venv/bin/python -m tests.mutate --backend torch --count 20 --seed 0
    .venv/bin/python -m tests.mutate --backend torch --all

A mutant is the source of one module with one expression changed by one operator of `OPERATORS`. A worker process of
its backend imports the kernel modules afresh, that one from the mutated text, so that what imports from it is mutated
as well; it evaluates the agreement cases of every kernel that uses the changed function, one operation at a time, and
the driver compares them with the truth under the budgets of the agreement check. A mutant is caught when a record is
out of its budget, or when the text cannot be imported. A survivor has to stand in `equivalent.toml`, with the
reason why nobody could tell it from the original.

The selection is drawn with the given seed before anything is run, and does not depend on what is caught.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

from harness.results.schema import Check
from implementations import registry

from .judge import Outcome, run
from .sites import equivalent, generate, select


def _caught_by(by: Check | str | None) -> str:
    if isinstance(by, Check):
        return f"{by.kernel}, case {by.case!r}, {by.derivative}, {by.dtype} {by.mode}: {by.observed}"
    return by or "NOT CAUGHT"


def _shown(outcome: Outcome) -> Iterator[str]:
    for mutant, by in outcome.verdicts:
        place = f"implementations/{mutant.backend}/{mutant.module}.py:{mutant.line}"
        yield f"{place} {mutant.function}: {mutant.operator}: {mutant.before} -> {mutant.after}"
        yield f"    {_caught_by(by)}"


def _parse(words: Sequence[str] | None) -> argparse.Namespace:
    references = [name for name, row in registry.backends().items() if row.kind == "reference"]
    parser = argparse.ArgumentParser(prog="python -m tests.mutate", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--backend", action="append", choices=references, help="repeatable; all of them unless given")
    parser.add_argument("--count", type=int, default=20, help="mutants of each backend (20)")
    parser.add_argument("--seed", type=int, default=0, help="of the selection (0)")
    parser.add_argument("--all", action="store_true", help="every mutant, not a selection")
    given = parser.parse_args(words)
    given.backend = given.backend or references
    if given.count < 1:
        parser.error(f"--count is {given.count}; give at least 1, or --all")
    for name in given.backend:
        if not registry.installed(name):
            parser.error(f"backend {name!r} is not installed here: {registry.install_command(name)}")
    return given


def main(words: Sequence[str] | None = None) -> int:
    """Run the command; return 1 where a survivor is in no row of `equivalent`, or the kernels themselves are off."""
    given = _parse(words)
    status = 0
    for backend in given.backend:
        mutants = generate(backend)
        chosen = mutants if given.all else select(mutants, given.count, given.seed)
        outcome = run(backend, chosen, lambda line: print(line, file=sys.stderr, flush=True))
        for line in _shown(outcome):
            print(line)
        survivors = [verdict.mutant for verdict in outcome.verdicts if verdict.by is None]
        unexplained = [mutant for mutant in survivors if mutant.key not in equivalent()]
        stale = [verdict.mutant for verdict in outcome.verdicts if verdict.by and verdict.mutant.key in equivalent()]
        print(
            f"{backend}: {len(mutants)} sites, {len(chosen)} judged, {len(chosen) - len(survivors)} caught, "
            f"{len(survivors) - len(unexplained)} equivalent, {len(unexplained)} not caught; "
            f"{outcome.seconds:.0f} seconds"
        )
        for mutant in survivors:
            print(f"  survivor: {mutant.key}\n    {equivalent().get(mutant.key, 'NO REASON KNOWN')}")
        for mutant in stale:
            print(f"  called equivalent, but caught: {mutant.key}")
        for record in outcome.wrong:
            print(f"  out of budget without any mutation: {_caught_by(record)}")
        if unexplained or stale or outcome.wrong:
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
