"""Peak memory of a solve: it grows with the number of parameters, not with its square."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from conftest import Pool

from harness.errors import BadInputError, MeasurementError
from harness.execution.work import Cell, Work
from harness.timing import memory

WIDTHS = (64, 1024, 10)


def test_a_solve_needs_no_matrix(workers: Pool, backend: str) -> None:
    """76,810 parameters: the matrix would fill 23.6 GB; vectors of 0.3 MB and activations of 512 examples do not.

    The bound is a tenth of the matrix: a compiler's own memory is in it.
    """
    (cell,) = memory.plan([backend], widths=WIDTHS)
    records: Any = workers.run([cell])[0]
    gradient, solve = records
    assert (gradient.subject, gradient.iterations) == ("gradient", 0)
    assert (solve.subject, solve.iterations) == ("conjugate_gradient", 10)
    assert solve.parameters == 64 * 1024 + 1024 + 1024 * 10 + 10
    assert 0 <= gradient.bytes <= solve.bytes < 4 * solve.parameters**2 / 10


def twice(backend: ModuleType, **arguments: Any) -> str:
    """Measure twice in one process; say what the second says."""
    memory.measure(backend, **arguments)
    try:
        memory.measure(backend, **arguments)
    except MeasurementError as error:
        return str(error)
    return ""


def test_a_process_that_has_the_memory_already_is_refused(workers: Pool, backend: str) -> None:
    """Or the second measurement is sound: an allocator may have given the memory back. Never a ratio to nothing."""
    (cell,) = memory.plan([backend], widths=WIDTHS)
    assert cell.work.alone
    work = Work("test_memory:twice", backend, "cpu", cell.work.arguments)
    (said,) = workers.run([Cell(f"{backend} twice", work, lambda result: result)])
    assert said in ("", "the gradient found all its memory in the process already; measure in a fresh process")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"widths": (784,)}, "widths is 784"),
        ({"batch": 0}, "batch is 0"),
        ({"iterations": 0}, "iterations is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_input_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        memory.plan(["torch"], **options)
