"""Linear systems without a matrix, on dicts of arrays."""

from __future__ import annotations

from implementations.interface.contract import Array, Arrays, Solution
from implementations.interface.fisher import Product

__all__ = ["conjugate_gradient"]


def conjugate_gradient(
    product: Product,
    right: Arrays,
    tolerance: Array,
    iterations: int,
    damping: Array = 0.0,
    diagonal: Arrays | None = None,
) -> Solution:
    """Conjugate gradient for (A + damping I) x = b, A symmetric positive definite, from x = 0.

    Stops where |r| <= tolerance |b|, for the residual r of the recursion. A direction p breaks it down where its
    curvature p.Ap / p.p is not above eps times the largest one seen, eps of the dtype: an indefinite or a singular
    system. b is divided by its largest magnitude at first, and x multiplied by it at the end, so that a scale of b
    changes nothing. At the end the true residual is computed: a system has stagnated, and not converged, where that is
    above the tolerance and above 10 eps.

    Args:
        product: vector -> A vector, both dicts like b.
        right: b.
        tolerance: of the residual, relative to |b|, scalar at least 0.
        iterations: the most directions that are used.
        damping: scalar, at least 0.
        diagonal: of a preconditioner M, positive, a dict like b; None for no preconditioner.

    Returns:
        x, status, iterations and the true residual.

    Reference:
        Hestenes and Stiefel, Methods of conjugate gradients, 1952; Shewchuk, 1994, appendix B3.
    """
    raise NotImplementedError
