"""The beta distribution: log density."""

from __future__ import annotations

from implementations.interface.contract import Array

__all__ = ["log_prob"]


def log_prob(value: Array, concentration1: Array, concentration0: Array) -> Array:
    """Log density of the beta: (a - 1) log x + (b - 1) log(1 - x) - log B(a, b), a of x, b of 1 - x.

    Args:
        value: x, above 0 and below 1.
        concentration1: above 0, broadcast with value.
        concentration0: likewise.

    Returns:
        Nats, of the broadcast shape.

    Reference:
        Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions, volume 2, 1995, chapter 25.
    """
    raise NotImplementedError
