"""Conjugate gradient as a subject of the check: solution, status, iterations and residual."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness import dtypes, noise
from harness.agreement import checks
from harness.agreement.budgets import RELATIVE, Budget
from harness.agreement.cases import Case, find
from harness.agreement.checks import Configuration
from harness.execution.work import Cell, Work
from harness.modes import in_mode
from implementations.interface.contract import CONVERGED, STATUSES

if TYPE_CHECKING:
    from harness.oracle.truth import Truth

Array = NDArray[np.float64]

PREFIX = "solvers."

BUDGET = Budget(
    1,
    RELATIVE,
    "of the solution: the larger of the tolerance and 10 eps, times the condition number; of the residual: the larger "
    "of the tolerance and 10 eps |A||x|/|b| (PITFALLS, budgets that can be defended); status and iterations are exact",
)


def work_arguments(kernel: str, name: str, dtype: str) -> dict[str, Any]:
    """Return what `evaluate` takes, rounded to `dtype`, for a case by name."""
    row = find(kernel, name).row
    matrix, right, diagonal = _system(row, noise.generator(0, "agreement", kernel, name))
    return {
        "matrix": dtypes.rounded(matrix, dtype),
        "right": dtypes.rounded(right * row.get("scale", 1.0), dtype),
        "tolerance": float(dtypes.rounded(row["tolerance"] * dtypes.find(dtype).eps, dtype)),
        "limit": row["limit"],
        "damping": float(dtypes.rounded(row["damping"], dtype)) if "damping" in row else None,
        "diagonal": diagonal,
        "dtype": dtype,
    }


def _system(row: Any, random: np.random.Generator) -> tuple[Array, Array, Array | None]:
    """Return the matrix, the right-hand side and the diagonal of a preconditioner: as given, or drawn.

    What is drawn is D Q diag(eigenvalues) Q^T D, with D of powers of 2, and the preconditioner D^2: the eigenvalues of
    the preconditioned matrix are those that the row says.
    """
    if "matrix" in row:
        return np.array(row["matrix"], np.float64), np.array(row["right"], np.float64), None
    size = row["size"]
    rotation = np.linalg.qr(random.normal(size=(size, size)))[0]
    eigenvalues = np.resize(np.array(row["eigenvalues"], np.float64), size)
    powers = 2.0 ** random.integers(-1, 2, size) if "preconditioned" in row else np.ones(size)
    matrix = powers[:, None] * ((rotation * eigenvalues) @ rotation.T) * powers
    return (matrix + matrix.T) / 2, random.normal(size=size), powers**2 if row.get("preconditioned") else None


def evaluate(
    backend: ModuleType,
    matrix: Array,
    right: Array,
    tolerance: float,
    limit: int,
    damping: float | None,
    diagonal: Array | None,
    dtype: str,
    mode: str,
) -> dict[str, Array]:
    """Return the solution [n] as "value", and status, iterations and residual, in float64.

    The unknowns are given in two parts, so that products of dicts are computed. Compiled, that is the product: how
    often it is called depends on its results, and not every framework compiles such a loop.
    """
    asarray = backend.runtime.asarray
    cut = (len(right) + 1) // 2
    parts = {"first": slice(0, cut), "second": slice(cut, len(right))}

    def split(vector: Array) -> dict[str, Any]:
        return {key: asarray(vector[part], dtype) for key, part in parts.items()}

    def image(matrix: Any, vector: Any) -> Any:
        rows = ((key, [matrix[key, other] @ vector[other][:, None] for other in parts]) for key in parts)
        return {key: (left + rest)[:, 0] for key, (left, rest) in rows}

    call = in_mode(backend, image, mode)
    blocks = {(a, b): asarray(matrix[parts[a], parts[b]], dtype) for a in parts for b in parts}
    options: dict[str, Any] = {} if damping is None else {"damping": asarray(damping, dtype)}
    options |= {} if diagonal is None else {"diagonal": split(diagonal)}
    solved = backend.solvers.conjugate_gradient(
        lambda vector: call(blocks, vector), split(right), asarray(tolerance, dtype), limit, **options
    )
    found = backend.runtime.to_numpy(solved._asdict())
    told = {f"value:{key}": found[key] for key in ("status", "iterations", "residual")}
    told["value"] = np.concatenate([found["x"][key] for key in parts])
    return {key: np.asarray(value, np.float64) for key, value in told.items()}


def truths(kernel: str, name: str, dtype: str) -> dict[str, Truth]:
    """Return the solution, what must be told of it, and how far rounding may take them.

    Where the row does not say how many iterations there are, their number is not compared.
    """
    from harness.agreement.longdouble import truth_of
    from harness.oracle import solvers as oracle

    row = find(kernel, name).row
    given = work_arguments(kernel, name, dtype)
    eps = dtypes.find(dtype).eps
    matrix = given["matrix"].astype(np.longdouble) + np.eye(len(given["right"])) * np.longdouble(given["damping"] or 0)
    right = given["right"].astype(np.longdouble)
    status = STATUSES.index(row["status"])
    whole = status == CONVERGED or "iterations" not in row
    solved = oracle.solution(matrix, right) if whole else oracle.after(matrix, right, row["iterations"])
    length, size = (float(np.linalg.norm(part.astype(np.float64))) for part in (solved.x, right))
    tolerance = given["tolerance"] / eps
    reach = np.linalg.norm(matrix.astype(np.float64), 2) * length / size if size else 0.0
    found = {
        "value": truth_of(solved.x, solved.condition * max(tolerance, 10) * length),
        "value:status": truth_of(status, 0),
        "value:residual": truth_of(solved.residual, max(tolerance, 10 * reach) if size else 0),
    }
    return found | ({"value:iterations": truth_of(row["iterations"], 0)} if "iterations" in row else {})


def cells(chosen: Sequence[Case], where: Configuration, note: str) -> list[Cell]:
    """Return one cell for each case of a linear system."""
    return [_cell(case, where, note) for case in chosen if case.kernel.startswith(PREFIX)]


def _cell(case: Case, where: Configuration, note: str) -> Cell:
    arguments = work_arguments(case.kernel, case.name, where.dtype) | {"mode": where.mode}
    work = Work("harness.agreement.solvers:evaluate", where.backend, where.device, arguments)
    return checks.case_cell(
        case, where, note, work, truths, BUDGET, lambda index: checks.literal({"coordinate": list(index)})
    )
