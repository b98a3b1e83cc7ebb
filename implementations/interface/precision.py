"""The precision in which kernels compute."""

from __future__ import annotations

from collections.abc import Callable

from implementations.interface.contract import Array

__all__ = ["at_least_float32"]


def at_least_float32(kernel: Callable[..., Array]) -> Callable[..., Array]:
    """Return the kernel with 16-bit arguments widened to float32, and its result rounded once to their type.

    A chain of roundings to 8 or 11 bits, as the frameworks' own 16-bit operations make it, costs several units in
    the last place where one rounding of the float32 result costs half of one. Derivatives pass through both
    conversions: they, too, are computed in float32 and rounded once.

    Args:
        kernel: of arrays that have one floating type.

    Reference:
        Micikevicius et al., Mixed Precision Training, ICLR 2018, section 3: what needs float32 beside 16-bit types.
    """
    raise NotImplementedError
