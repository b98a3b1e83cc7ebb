"""How noisy a stochastic gradient is: its mean, variance, signal-to-noise ratio and cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from harness.errors import BadInputError, UndecidedError, shown
from harness.measuring.accumulate import Accumulator, tail_of
from harness.measuring.progress import progress
from harness.measuring.reader import MAIN, PILOT, Gradients, Reader, calls, require_seed, seeds
from harness.measuring.results import Measurement
from harness.statistics import sizes
from harness.statistics.coordinates import Coordinates
from harness.statistics.intervals import CONFIDENCE

#: Replicates of a pilot at most, at the least, and the numbers that it holds at most.
PILOT_MOST, PILOT_LEAST, PILOT_NUMBERS = 2048, 4, 2**23

#: The most replicates that a precision may take.
AT_MOST = 10**7


def require_replicates(replicates: object, least: int = 2) -> int:
    """Return a number of replicates.

    Raises:
        BadInputError: it is no whole number, or too small.
    """
    if isinstance(replicates, bool) or not isinstance(replicates, int | np.integer) or replicates < least:
        raise BadInputError(
            f"replicates is {shown(replicates)}; allowed: a whole number from {least} up, since a variance needs two; "
            "as in replicates=10_000"
        )
    return int(replicates)


def require_most(at_most: object, least: int = 2) -> int:
    """Return the largest number of replicates that is allowed.

    Raises:
        BadInputError: it is no whole number, such as 10_000 or 1e6, or too small.
    """
    number = isinstance(at_most, int | float | np.integer) and not isinstance(at_most, bool)
    most = float(at_most) if number else math.nan  # type: ignore[arg-type]
    if not least <= most < math.inf or not most.is_integer():
        raise BadInputError(
            f"at_most is {shown(at_most)}; allowed: a whole number from {least} up; as in at_most=100_000"
        )
    return int(most)


def fraction(name: str, value: object) -> float:
    """Return a share that is given as 0.05 or "5%".

    Raises:
        BadInputError: it is not above 0 and at most 1.
    """
    try:
        number = (
            float(value.strip().removesuffix("%")) / (100 if value.strip().endswith("%") else 1)
            if isinstance(value, str)
            else float(value)  # type: ignore[arg-type]
        )
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number <= 1:
        raise BadInputError(
            f'{name} is {shown(value)}; allowed: a fraction above 0 and at most 1, or a percentage up to "100%"; as in '
            f'{name}="5%" or {name}=0.05'
        )
    return number


def pilot_rows(readers: list[Reader], seed: int, most: int = PILOT_MOST) -> list[Gradients]:
    """Return the gradients of a pilot, of each subject from the same seeds: as many as memory holds well."""
    size = max(reader.layout.size for reader in readers)
    n = max(min(most, PILOT_NUMBERS // size), PILOT_LEAST)
    block = min(reader.block for reader in readers)
    parts: list[list[Gradients]] = [[] for _ in readers]
    for own, count in zip(seeds(seed, PILOT), calls(n, block), strict=False):
        for reader, part in zip(readers, parts, strict=True):
            part.append(reader.read(own, count))
    return [part[0] if len(part) == 1 else np.concatenate(part) for part in parts]


def stream(readers: list[Reader], replicates: int, seed: int, bar: Callable[[int], None]) -> Iterator[list[Gradients]]:
    """Yield the gradients of all subjects, block by block, from the same seeds.

    Args:
        readers: of the subjects.
        replicates: in all; the last block is cut.
        seed: of the measurement.
        bar: called with the number of gradients of each block.
    """
    block, done = min(reader.block for reader in readers), 0
    for own, count in zip(seeds(seed, MAIN), calls(replicates, block), strict=False):
        rows = [reader.read(own, count)[: replicates - done] for reader in readers]
        done += count
        yield rows
        bar(len(rows[0]))


def centre_of(rows: Gradients) -> Coordinates:
    """Return mean and squared deviations of a pilot."""
    found = Coordinates(rows.shape[1])
    found.add(rows)
    return found


def size_for_precision(seen: sizes.Pilot, trusted: bool | None, precision: float, at_most: int, name: str) -> int:
    """Return the replicates that a precision of the total variance takes.

    Raises:
        UndecidedError: no size can be computed, or it is above `at_most`.
    """
    if trusted is False:
        raise UndecidedError(
            f"{name}: the pilot's tail is so heavy that no size can be computed for a precision of {precision:.3g}; "
            "give replicates=... and look at `trusted`",
            math.inf,
        )
    wanted = sizes.for_precision(seen, precision)
    if wanted > at_most:
        raise UndecidedError(
            f"{name}: a precision of {precision:.3g} takes {wanted:.3g} replicates, above at_most = {at_most:,}; "
            "give a larger precision, or a larger at_most",
            wanted,
        )
    return max(math.ceil(wanted), sizes.LEAST)


def constant_note(name: str) -> str:
    """Return the note on a gradient without variance."""
    return (
        f"{name} gives the same numbers in every replicate: its variance is 0. That is right for an exact gradient; "
        "otherwise its random generator is not seeded from the argument `seed`, or every replicate of a call shares "
        "one draw."
    )


def tiny_note(name: str) -> str:
    """Return the note on a gradient whose two first replicates differ and whose variance is 0."""
    return (
        f"{name} has a variance of 0 though its replicates differ: they differ in its first ones only, or are so small "
        "that float64 has no number for their squares; multiply the loss by a constant."
    )


def summary(reader: Reader, kept: Accumulator, seed: int) -> Measurement:
    """Return what was measured of one subject."""
    tail = tail_of(kept.largest)
    total = kept.total_variance()
    notes = (constant_note(reader.name) if reader.constant else tiny_note(reader.name),) if total.value == 0 else ()
    n = kept.coordinates.n
    return Measurement(
        name=reader.name,
        layout=reader.layout,
        flat_mean=kept.coordinates.mean,
        flat_variance=kept.coordinates.second / (n - 1),
        total_variance=total,
        signal_to_noise=kept.signal_to_noise(),
        leaf_variances=tuple(kept.variances()),
        replicates=n,
        seed=seed,
        seconds_per_gradient=reader.amortised(),
        seconds_alone=reader.alone(),
        block=min(reader.block, n),
        tail_shape=tail.shape,
        trusted=True if total.value == 0 else tail.trusted,
        notes=notes,
        confidence=CONFIDENCE,
    )


def measure(
    subject: Callable[[int, int], Any],
    *,
    replicates: int | None = None,
    precision: float | str = "5%",
    seed: int = 0,
    at_most: int = AT_MOST,
    name: str = "",
) -> Measurement:
    """Measure mean, variance and cost of a stochastic gradient.

    The total variance is the trace of the covariance, tr Cov g = sum_i E (g_i - E g_i)^2. Its interval is that of a
    mean of squared deviations, corrected for their skewness (`harness.statistics.intervals`).

    Args:
        subject: (seed, n) -> pytree of n independent gradients, each leaf [n, *shape].
        replicates: gradients to measure, at least 2; None computes the number from a pilot and `precision`.
        precision: half-width of the interval of the total variance, relative to it, such as 0.05 or "5%".
        seed: from which all seeds come; the same seed gives the same numbers.
        at_most: the largest number of replicates that a precision may take.
        name: for tables; "" takes the subject's own.

    Returns:
        A `Measurement`, whose arrays have the structure of one gradient.

    Raises:
        BadInputError: the subject or an argument cannot be used.
        UndecidedError: the precision takes more than `at_most` replicates, or has no size.
    """
    require_seed(seed)
    wanted = fraction("precision", precision)
    most_allowed = require_most(at_most)
    count = None if replicates is None else require_replicates(replicates)
    reader = Reader(subject, seed, name)
    most = PILOT_MOST if count is None else max(min(PILOT_MOST, count // 16), min(count, 64))
    (rows,) = pilot_rows([reader], seed, most)
    centre = centre_of(rows).mean
    if count is None:
        squares = np.square(np.asarray(rows, np.float64) - centre).sum(axis=1)
        tail = tail_of(np.sort(squares)[-math.isqrt(len(rows)) - 1 :])
        count = size_for_precision(sizes.pilot(rows), tail.trusted, wanted, most_allowed, reader.name)
    del rows
    kept = Accumulator(reader.layout, centre, count)
    with progress(f"measuring {reader.name}", count) as bar:
        for (block,) in stream([reader], count, seed, bar):
            kept.add(block)
    return summary(reader, kept, seed)
