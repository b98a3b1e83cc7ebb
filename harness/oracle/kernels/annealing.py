"""Temperature schedules."""

from __future__ import annotations

from mpmath import mp

from harness.oracle.kernels.elementary import Number


def constant(step: Number, initial: Number) -> Number:  # noqa: ARG001 -- the contract's signature
    """Initial temperature."""
    return initial


def exponential(step: Number, initial: Number, rate: Number, minimum: Number) -> Number:
    """Exponential decay to a floor."""
    return max(minimum, initial / mp.exp(rate * step))


def linear(step: Number, initial: Number, final: Number, steps: Number) -> Number:
    """Weighted mean of the two ends, by the share of the way."""
    return final if step >= steps else (initial * (steps - step) + final * step) / steps
