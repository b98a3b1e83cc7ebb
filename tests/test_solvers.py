"""Conjugate gradient beside SciPy's, iterate by iterate, and beside each framework's own solver."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import scipy.sparse.linalg
from conftest import Pool

from harness import noise
from harness.execution.work import Cell, Work

SIZE, LIMITS = 12, (1, 2, 3, 5, 8)

#: Eight iterations at a condition of 100: rounding of eps grows by the condition at most in so few.
BUDGET = 100 * 8 * np.finfo(np.float64).eps


def system() -> tuple[np.ndarray, np.ndarray]:
    """Return a positive definite matrix whose eigenvalues lie evenly between 1 and 100, and a right-hand side."""
    random = noise.generator(0, "test", "solvers")
    basis, _ = np.linalg.qr(random.standard_normal((SIZE, SIZE)))
    return basis @ np.diag(np.linspace(1, 100, SIZE)) @ basis.T, random.standard_normal(SIZE)


def _own_of_torch(matrix: Any, right: Any, _: int) -> Any:
    import torch

    return torch.linalg.solve(matrix, right)


def _own_of_jax(matrix: Any, right: Any, limit: int) -> Any:
    import jax

    return jax.scipy.sparse.linalg.cg(lambda vector: matrix @ vector, right, tol=0.0, maxiter=limit)[0]


def _own_of_tensorflow(matrix: Any, right: Any, limit: int) -> Any:
    import tensorflow as tf

    operator = tf.linalg.LinearOperatorFullMatrix(matrix, is_self_adjoint=True, is_positive_definite=True)
    return tf.linalg.experimental.conjugate_gradient(operator, right, tol=0.0, max_iter=limit).x


#: Each framework's own solver: (matrix, right, limit) -> x. PyTorch has no conjugate gradient: its direct solver.
OWN: dict[str, Callable[[Any, Any, int], Any]] = {
    "torch": _own_of_torch,
    "jax": _own_of_jax,
    "tensorflow": _own_of_tensorflow,
}


def solutions(backend: ModuleType, matrix: np.ndarray, right: np.ndarray, limit: int) -> list[np.ndarray]:
    """Return ours and the framework's own after at most `limit` iterations."""
    a, b = (backend.runtime.asarray(value, "float64") for value in (matrix, right))
    product = lambda vector: {"x": (a @ vector["x"][:, None])[:, 0]}  # noqa: E731
    ours = backend.solvers.conjugate_gradient(product, {"x": b}, 0.0, limit).x["x"]
    own = OWN[backend.__name__.rpartition(".")[2]](a, b, limit)
    return [np.asarray(backend.runtime.to_numpy(value)) for value in (ours, own)]


def _run(workers: Pool, backend: str, limit: int) -> Any:
    matrix, right = system()
    arguments = {"matrix": matrix, "right": right, "limit": limit}
    work = Work("test_solvers:solutions", backend, "cpu", arguments)
    return workers.run([Cell(f"{backend} {limit}", work, lambda result: result)])[0]


def _distance(left: np.ndarray, right: np.ndarray) -> float:
    return float(np.linalg.norm(left - right) / np.linalg.norm(right))


@pytest.mark.parametrize("limit", LIMITS)
def test_iterates_are_those_of_scipy(workers: Pool, backend: str, limit: int) -> None:
    matrix, right = system()
    theirs, _ = scipy.sparse.linalg.cg(matrix, right, rtol=0.0, atol=0.0, maxiter=limit)
    assert _distance(_run(workers, backend, limit)[0], theirs) <= BUDGET


def test_solution_is_that_of_the_framework(workers: Pool, backend: str) -> None:
    """After twice as many iterations as unknowns both are there, up to the condition number times a few eps."""
    matrix, right = system()
    ours, own = _run(workers, backend, 2 * SIZE)
    exact = np.linalg.solve(matrix, right)
    for found in (ours, own):
        assert _distance(found, exact) <= 100 * 10 * np.finfo(np.float64).eps
