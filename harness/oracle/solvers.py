"""Truth for conjugate gradient by dense linear algebra: no recursion of residuals and directions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from harness.oracle.scores import Real

#: Steps of refinement; each gains the digits that float64 has beyond the condition number.
REFINEMENTS = 4


class Solution(NamedTuple):
    """A solution, and how far it is determined.

    Attributes:
        x: [n], long double.
        condition: condition number of the system that was solved.
        residual: |b - A x| / |b|, 0 where b is 0.
    """

    x: Real
    condition: float
    residual: float


def _solve(matrix: Real, right: Real) -> Real:
    """Solve in float64, and refine with residuals in long double (Wilkinson, 1963, chapter 3)."""
    x = np.zeros_like(right)
    narrow = matrix.astype(np.float64)
    for _ in range(REFINEMENTS):
        x = x + np.linalg.solve(narrow, (right - matrix @ x).astype(np.float64))
    return x


def _residual(matrix: Real, right: Real, x: Real) -> float:
    size = np.sqrt((right**2).sum())
    return float(np.sqrt(((right - matrix @ x) ** 2).sum()) / size) if size else 0.0


def solution(matrix: Real, right: Real) -> Solution:
    """Solve A x = b.

    Args:
        matrix: A [n, n], long double, not singular.
        right: b [n], long double.
    """
    x = _solve(matrix, right)
    return Solution(x, float(np.linalg.cond(matrix.astype(np.float64))), _residual(matrix, right, x))


def after(matrix: Real, right: Real, directions: int) -> Solution:
    """Return what conjugate gradient has after some directions: where x.A.x / 2 - b.x is least in their span.

    The span of k directions is that of b, A b, ..., A^(k-1) b.

    Args:
        matrix: A [n, n], long double, positive definite on the span.
        right: b [n], long double.
        directions: at least 0.

    Reference:
        Shewchuk, An Introduction to the Conjugate Gradient Method, 1994, section 7.3.
    """
    if not directions:
        return Solution(np.zeros_like(right), 1.0, _residual(matrix, right, np.zeros_like(right)))
    powers = [right]
    for _ in range(directions - 1):
        powers.append(matrix @ powers[-1])
    basis = np.linalg.qr(np.stack(powers, 1).astype(np.float64))[0].astype(np.longdouble)  # [n, directions]
    within = solution(basis.T @ matrix @ basis, basis.T @ right)
    x = basis @ within.x
    return Solution(x, within.condition, _residual(matrix, right, x))
