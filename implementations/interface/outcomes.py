"""How many outcomes a discrete distribution has, and how many are enumerated at most."""

from __future__ import annotations

import math
from collections.abc import Callable

#: Numbers that the array of all outcomes, [outcomes, *event], may hold. A gradient by enumeration has up to ten arrays
#: of that size at once, and the oracle twelve of long doubles, which at the limit are 0.8 GB and 1.7 GB in all.
#: 18 bits are below it (2^18 * 18 numbers), 19 are above.
LARGEST = 2**23

#: By the base noise of a distribution: event -> values of one variable, and variables. Bits, and one-hot vectors over
#: the last axis.
VARIABLES: dict[str, Callable[[tuple[int, ...]], tuple[int, int]]] = {
    "logistic": lambda event: (2, math.prod(event)),
    "gumbel": lambda event: (event[-1], math.prod(event[:-1])),
}


def excess(noise: str, event: tuple[int, ...], samples: int = 1) -> str:
    """Why the outcomes of an event are too many to be enumerated; "" where they are not.

    The number of outcomes is not formed, only its logarithm: it may have more digits than memory holds.

    Args:
        noise: base noise of the distribution, a key of `VARIABLES`.
        event: shape of one event.
        samples: independent events that are enumerated jointly.
    """
    values, variables = VARIABLES[noise](event)
    numbers, joint = samples * math.prod(event), samples * variables
    if joint * math.log2(max(values, 1)) + math.log2(max(numbers, 1)) <= math.log2(LARGEST):
        return ""
    outcomes = f"{values}^{joint:,}" if joint > 1 else f"{values:,}"
    return f"{outcomes} outcomes of {numbers:,} numbers each; at most {LARGEST:,} numbers are enumerated"


def require_enumerable(noise: str, event: tuple[int, ...]) -> None:
    """Check that all outcomes of an event can be enumerated.

    Raises:
        ValueError: they are too many.
    """
    reason = excess(noise, event)
    if reason:
        raise ValueError(f"an event of shape {event} has {reason}; use an estimator that draws samples")
