"""A subject: a stochastic gradient as a function of a seed and a number of gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Subject:
    """A function (seed, n) -> pytree of n independent gradients, with a name.

    Whatever takes a subject takes a bare function too; this class adds a name and a preferred size.

    Attributes:
        gradients: (seed, n) -> pytree of arrays [n, *shape]. The same (seed, n) gives the same numbers; different
            seeds give independent ones.
        name: for tables and messages.
        block: gradients in one call at which it works best; None lets the caller choose.
    """

    gradients: Callable[[int, int], Any]
    name: str = ""
    block: int | None = None

    def __call__(self, seed: int, n: int) -> Any:
        """Return n independent gradients [n, *shape] from one seed."""
        return self.gradients(seed, n)
