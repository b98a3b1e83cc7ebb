"""A long sweep is planned in memory that hardly grows: cells are made anew each time they are gone through."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

from harness.execution.local import _sources
from harness.sweeps import plan, read, request

#: Of a cell, while a sweep is planned: its hash in a set, which doubles its room now and then. A cell takes 1,200.
BYTES = 150

TEXT = """
name = "long"
backend = {backend}
seed = {seeds}
[[variance]]
estimator = ["pathwise", "score_function"]
problem = "quadratic"
[[variance]]
estimator = "pathwise"
problem = ["quadratic", "cosine"]
"""


def sweep(folder: Path, backends: list[str], seeds: int) -> Path:
    path = folder / f"{seeds}.toml"
    path.write_text(TEXT.format(backend=backends, seeds=list(range(seeds))).replace("'", '"'))
    return path


def peak(path: Path) -> tuple[int, int]:
    """Return the cells of a sweep, and the bytes at most while it is planned and gone through, place by place."""
    request.of_sweep(path)  # what is imported and cached
    tracemalloc.start()
    try:
        batch = request.of_sweep(path).batches[1]
        went_through = [sum(1 for _ in source) for source in _sources(batch.cells)]
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(went_through) == len(batch.cells)
    return len(batch.cells), most


def test_a_cell_of_a_long_sweep_costs_a_hash(tmp_path: Path, installed_backends: list[str]) -> None:
    few, small = peak(sweep(tmp_path, installed_backends, 50))
    many, large = peak(sweep(tmp_path, installed_backends, 1050))
    assert many - few == 3_000 * len(installed_backends)
    assert large - small < BYTES * (many - few)


def test_cells_are_the_same_each_time_and_none_is_there_twice(tmp_path: Path, installed_backends: list[str]) -> None:
    path = sweep(tmp_path, installed_backends, 4)
    timed = request.of_sweep(path).batches[1].cells
    once = [found.cell.key for found in plan.planned(read.read(path), plan.Tally())]
    assert once == [cell.key for cell in timed] == [cell.key for cell in timed]
    assert len(timed) == len(set(once)) == 4 * 3 * len(installed_backends)
    assert next(iter(timed)) in timed
    assert "pathwise" not in timed
