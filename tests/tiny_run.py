"""A program for tests: `reparam tiny`, a run of tiny cells in a real worker process that loads no framework."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click

from harness import measure
from harness.cli import main
from harness.execution.work import Cell, Work
from implementations import registry

PROVENANCE: dict[str, Any] = {
    "started": "2026-01-02T03:04:05+00:00", "profile": "test", "seed": 0, "command": "", "machine": {"name": "m"},
    "versions": {}, "commit": "abcdef0123", "dirty": False, "source": "s", "backends": {},
}  # fmt: skip

TINY = registry.Backend("tiny", "tiny", "json", "reference", "none")


def use_tiny_backend() -> None:
    """Put a backend in the table that has a runtime and nothing else. A worker imports this program again."""
    table: Any = registry.TABLE.built_in
    table[TINY.name] = TINY
    package: Any = SimpleNamespace(runtime=SimpleNamespace(configure=lambda *_: None))
    registry.load = lambda _: package


@click.command()
@click.argument("root", type=click.Path(path_type=Path))
@click.argument("log")
@click.option("--cells", type=int, default=40)
@click.option("--seconds", type=float, default=0.0)
@click.option("--seed", type=int, default=0)
@click.option("--fail", type=int, default=-1)
def tiny(root: Path, log: str, cells: int, seconds: float, seed: int, fail: int) -> None:
    """Measure cells that note in a log that they are measured."""
    work = [
        Cell(
            f"cell {n}",
            Work(
                f"work_for_tests:{'raise_odd' if n == fail else 'note_and_record'}",
                TINY.name,
                "cpu",
                {} if n == fail else {"number": n, "log": log, "seconds": seconds},
            ),
        )
        for n in range(cells)
    ]
    run = measure.run([measure.Batch(work)], root, PROVENANCE | {"seed": seed}, fresh=False)
    click.echo(len(run.cells))


if __name__ in {"__main__", "__mp_main__"}:
    use_tiny_backend()
if __name__ == "__main__":
    main.add_command(tiny)
    main()
