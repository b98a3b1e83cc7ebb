"""What tests of sweeps share: a small sweep, and the cells of a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from click.testing import CliRunner, Result

from harness.cli import main
from harness.execution.work import Cell
from harness.sweeps import plan, read

SMALL = """name = "small"
backend = "{backend}"
seed = [0, 1]
[[variance]]
estimator = ["pathwise", "score_function"]
problem = "quadratic"
replicates = 2000
"""


def file(folder: Path, text: str, name: str = "sweep.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def cells(path: Path, tally: plan.Tally | None = None) -> list[Cell]:
    return [found.cell for found in plan.planned(read.read(path), tally or plan.Tally())]


def keys(made: Sequence[Cell]) -> list[str]:
    return [cell.key for cell in made]


def reparam(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)
