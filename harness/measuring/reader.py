"""Reads a subject: calls it block by block, checks what it returns, and times the calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import BadInputError, one_line, shown
from harness.measuring.tree import Layout, layout_of, matrix

Gradients = NDArray[np.floating]

#: Gradients in one call at most, and numbers in one: 16 MiB in float64, so that a block stays near the cache.
BLOCK, BLOCK_NUMBERS = 4096, 2**21

#: Seeds that a subject is given are below this, which every framework takes.
SEEDS = 2**31

#: Gradients of a call that are compared with each other and with those of another seed, if so many fit into one.
ALIKE = 64

#: How many of them differ from the one before, at the least, where those of two calls are compared.
CHANGES = 16

#: Numbers above it are no gradient: their squares are added and squared again, and float64 ends at 1e308.
LARGEST = 1e60

#: Timed calls of one gradient.
CALLS = 5

#: What seeds are for; each has seeds of its own.
MAIN, PILOT, PROBE = range(3)


def seeds(seed: int, use: int) -> Iterator[int]:
    """Yield the seeds of one use, block by block: consecutive ones from a start that depends on seed and use."""
    start = int(np.random.SeedSequence([seed, use]).generate_state(1)[0])
    return ((start + number) % SEEDS for number in range(SEEDS))


def require_seed(seed: object) -> int:
    """Return a seed.

    Raises:
        BadInputError: it is no whole number from 0 up.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise BadInputError(f"seed is {shown(seed)}; allowed: a whole number from 0 up; as in seed=0")
    return int(seed)


def name_of(subject: Any) -> str:
    """Return the name of a subject: its own, else that of its function."""
    return str(getattr(subject, "name", "") or getattr(subject, "__name__", "") or "the gradient")


class Reader:
    """A subject that was tried, and gives matrices.

    Attributes:
        name: of the subject.
        layout: of one gradient.
        block: gradients in one call at most.
        seconds: of one gradient, by call.
    """

    def __init__(self, subject: Callable[[int, int], Any], seed: int, name: str = "") -> None:
        """Try a subject: two gradients, twice from the same seed.

        Raises:
            BadInputError: it is not callable, its numbers differ for the same seed, or they are no gradients.
        """
        if not callable(subject):
            raise BadInputError(
                f"the subject is {shown(subject)}, which is not callable; allowed: a function (seed, n) -> gradients "
                "[n, *shape]; make one of a loss with from_torch, from_jax or from_tensorflow"
            )
        if not isinstance(name, str):
            raise BadInputError(f"name is {shown(name)}; allowed: text; as in name='rloo'")
        self._subject = subject
        self.name = one_line(name or name_of(subject))
        self.seconds: list[float] = []
        self._probe = next(seeds(seed, PROBE))
        first = self._call(self._probe, 2)
        self.layout: Layout = layout_of(first, 2)
        one, again = matrix(first, self.layout, 2), matrix(self._call(self._probe, 2), self.layout, 2)
        #: whether the calls share memory, so that the next one may overwrite what this one returned
        self._shared = np.may_share_memory(one, again)
        if self._shared:
            one, again = (matrix(self._call(self._probe, 2), self.layout, 2).copy() for _ in range(2))
        self._require_finite(one, self._probe)
        if not np.array_equal(one, again):
            row, place = (int(i[0]) for i in np.nonzero(one != again))
            raise BadInputError(
                f"{self.name} gives other numbers for the same seed: at {self.layout.name(place)} "
                f"{one[row, place]:.9g} and then {again[row, place]:.9g}; seed every "
                "random generator that it draws from with its argument `seed`, as in "
                "numpy.random.default_rng(seed)"
            )
        #: whether two gradients of one seed are the same numbers
        self.constant = np.array_equal(one[0], one[1])
        fitting = max(BLOCK_NUMBERS // self.layout.size, 1)
        most = getattr(subject, "block", None) or BLOCK
        self.block = min(most, BLOCK, 2 ** (fitting.bit_length() - 1))
        if fitting >= ALIKE:
            self._require_own_draws()

    def _require_own_draws(self) -> None:
        """Raise where the gradients of a call are one draw, or those of two calls the same draws.

        A gradient that takes one of two values looks like the first with a chance of at most 2 / 2^(2 ALIKE). It looks
        like the second with one of about p^(2 k), p the chance of the rarer value and k how often it is drawn, so that
        `CHANGES` from row to row are asked for: 1e-11 at the most. An exact gradient is the same in all of them.
        """
        other, another = ((self._probe + step) % SEEDS for step in (1, 2))
        first, second = (matrix(self._call(seed, ALIKE), self.layout, ALIKE).copy() for seed in (other, another))
        alike = (first == first[0]).all() and (second == second[0]).all()
        same = np.array_equal(first, second)
        if alike and not same:
            raise BadInputError(
                f"{self.name} gives the same numbers in all {ALIKE} gradients of a call, and others at another seed: "
                "they share one draw; draw noise of the shape [n, ...], so that each gradient has its own"
            )
        if same and np.count_nonzero((first[1:] != first[:-1]).any(axis=1)) >= CHANGES:
            raise BadInputError(
                f"{self.name} gives the same numbers for the same seed and for others, such as {other} and {another}; "
                "use the argument `seed`, as in numpy.random.default_rng(seed), and remove a seed that is set inside"
            )

    def _call(self, seed: int, n: int) -> Any:
        try:
            return self._subject(seed, n)
        except TypeError as error:
            trace = error.__traceback__
            if trace is not None and trace.tb_next is None:  # raised by the call, not inside of it
                raise BadInputError(
                    f"{self.name} cannot be called with (seed, n): {error}; a subject is a function of a seed and a "
                    "number of gradients; make one of a loss with from_torch, from_jax or from_tensorflow"
                ) from None
            raise

    def _require_finite(self, rows: Gradients, seed: int) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            if float(np.einsum("ij,ij->", rows, rows)) <= LARGEST**2:  # not so for NaN
                return
        if np.isfinite(rows).all():
            row, column = np.unravel_index(int(np.abs(rows).argmax()), rows.shape)
            if abs(rows[row, column]) <= LARGEST:
                return
            raise BadInputError(
                f"{self.name} is {rows[row, column]:.3g} at {self.layout.name(int(column))}, at seed {seed} with "
                f"n = {len(rows)}; allowed: at most {LARGEST:g} in size, so that squares can be added; divide the loss "
                "by a constant"
            )
        bad = ~np.isfinite(rows)
        place = self.layout.name(int(np.argmax(bad.any(axis=0))))
        raise BadInputError(
            f"{self.name} is not finite: at {place} and {np.count_nonzero(bad)} of {bad.size} numbers in all are NaN "
            f"or infinite, at seed {seed} with n = {len(rows)}; call it with these to see it"
        )

    def read(self, seed: int, n: int) -> Gradients:
        """Return n gradients [n, coordinates].

        Raises:
            BadInputError: they are not finite, or of another structure than before.
        """
        begin = time.perf_counter()
        tree = self._call(seed, n)
        rows = matrix(tree, self.layout, n)
        if self._shared:
            rows = rows.copy()
        self.seconds.append((time.perf_counter() - begin) / n)
        self._require_finite(rows, seed)
        return rows

    def amortised(self) -> float:
        """Return seconds per gradient where many are computed in one call: the median, without the first call."""
        return median(self.seconds[1:] or self.seconds)

    def alone(self) -> float:
        """Return seconds of one gradient that is computed alone: the median of `CALLS` calls after a first one."""
        found = []
        for _ in range(CALLS + 1):
            begin = time.perf_counter()
            matrix(self._call(self._probe, 1), self.layout, 1)
            found.append(time.perf_counter() - begin)
        return median(found[1:])


def calls(replicates: int, block: int) -> list[int]:
    """Return the sizes of the calls that give so many replicates: as few as the block allows, and alike.

    All but the last have the same size, so that a framework compiles for one shape; the last is computed whole.
    """
    number = -(-replicates // block)
    return [-(-replicates // number)] * number
