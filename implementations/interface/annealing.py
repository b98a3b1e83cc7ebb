"""Schedules for the temperature of a relaxation, as functions of the training step."""

from __future__ import annotations

from implementations.interface.contract import Array, kernel

__all__ = ["constant", "exponential", "linear"]


@kernel("(),()->()", "initial", initial="temperature", step="non_negative")
def constant(step: Array, initial: Array) -> Array:
    """Temperature that does not change: initial.

    Args:
        step: training step, at least 0.
        initial: temperature, above 0, broadcast with step.

    Returns:
        The temperature, of the broadcast shape.

    Reference:
        Maddison, Mnih and Teh, 2017, appendix C.
    """
    raise NotImplementedError


@kernel(
    "(),(),(),()->()",
    "initial rate",
    initial="temperature",
    step="non_negative",
    rate="non_negative",
    minimum="temperature",
)
def exponential(step: Array, initial: Array, rate: Array, minimum: Array) -> Array:
    """Temperature that decays exponentially to a floor: max(minimum, initial * exp(-rate * step)).

    Args:
        step: training step, at least 0.
        initial: temperature at step 0, above 0.
        rate: decay per step, at least 0.
        minimum: floor, above 0. All broadcast.

    Returns:
        The temperature, of the broadcast shape.

    Reference:
        Jang, Gu and Poole, 2017, section 4.2: max(0.5, exp(-r t)).
    """
    raise NotImplementedError


@kernel(
    "(),(),(),()->()",
    "initial final",
    initial="temperature",
    step="non_negative",
    final="temperature",
    steps="positive",
)
def linear(step: Array, initial: Array, final: Array, steps: Array) -> Array:
    """Temperature that goes in a straight line, then stays: initial + (final - initial) min(step / steps, 1).

    Args:
        step: training step, at least 0.
        initial: temperature at step 0, above 0.
        final: temperature from step `steps` on, above 0.
        steps: length of the line in steps, above 0. All broadcast.

    Returns:
        The temperature, of the broadcast shape.

    Reference:
        The source article, section 5, step 4, which asks for annealing and leaves the schedule open.
    """
    raise NotImplementedError
