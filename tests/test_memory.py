"""Peak memory: of a solve it grows with the number of parameters, not with its square; of a call it is its arrays."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import pytest
from conftest import Pool

from harness.errors import BadInputError, MeasurementError
from harness.execution.work import Cell, Work
from harness.results.schema import Peak
from harness.timing import memory, peaks

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


def test_a_call_holds_its_arrays(workers: Pool, backend: str) -> None:
    """The formula, loc + scale * noise, makes 2 arrays of 2^23 when it is run step by step, and its gradient one more.

    One of them may be memory that the allocator kept, in JAX in one process of six; half an array is what frameworks
    keep beside them.
    """
    cells = peaks.plan(["gaussian.reparameterize"], [backend], sizes=(2**21, 2**23), modes=["eager"])
    forward, backward = (records[-1] for records in workers.run(cells))
    assert isinstance(forward, Peak)
    assert isinstance(backward, Peak)
    assert (forward.derivative, forward.size, backward.derivative) == ("value", 2**23, "vjp")
    assert 1 <= forward.ratio <= 2.5
    assert backward.ratio >= 1.9
    assert forward.bytes == round(forward.ratio * 4 * 2**23)


def with_a_copy(backend: ModuleType, **arguments: Any) -> list[Peak]:
    """Measure a text that holds two arrays more than it needs."""
    module = importlib.import_module(f"{backend.__name__}.gaussian")
    true = module.reparameterize

    def wasteful(loc: Any, scale: Any, noise: Any) -> Any:
        first, second = loc + noise, loc - noise
        result = true(loc, scale, noise)
        return result + 0 * (first + second)

    module.reparameterize = wasteful
    return peaks.measure(backend, **arguments)


def test_a_text_that_holds_more_is_seen(workers: Pool, backend: str) -> None:
    (cell,) = peaks.plan(
        ["gaussian.reparameterize"], [backend], sizes=(2**21, 2**23), modes=["eager"], derivatives=["value"]
    )
    assert cell.work.alone
    work = Work("test_memory:with_a_copy", backend, "cpu", cell.work.arguments, alone=True)
    (records,) = workers.run([Cell(f"{backend} wasteful", work)])
    record = records[-1]
    assert isinstance(record, Peak)
    assert record.ratio > 2.8  # 4 arrays, less one that the allocator may have kept


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sizes": (0,)}, "size is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"modes": ("lazy",)}, "unknown mode 'lazy'"),
        ({"derivatives": ("jvp",)}, "unknown derivative 'jvp'"),
        ({"backends": ("numpyro",)}, "'numpyro' is a library"),
        ({"kernels": ("gausian.cdf",)}, "unknown kernel"),
    ],
)
def test_bad_input_of_a_call_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        peaks.plan(**{"kernels": ("gaussian.cdf",), "backends": ("torch",)} | options)


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
