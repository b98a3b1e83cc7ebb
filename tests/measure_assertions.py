"""Power and false alarms of `assert_unbiased`, measured: python tests/measure_assertions.py [--runs N] [--null N].

Each run is a call of `bias` with what `assert_unbiased` asks, at a level of 1e-3, on gradients of a made-up law and a
truth of ones: biased by `DETECT` of |truth| in one coordinate, in all with random signs, or by a factor; and unbiased.
The table has rates with exact intervals of 95 % (Clopper and Pearson).
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy import stats

from harness.measuring.bias import bias

Array = np.ndarray

LEVEL = 1e-3

#: Bias relative to |truth|: a large one, so that sizes are small, where levels are hardest to hold.
DETECT = 0.25


def normal(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return independent normal noise."""
    return random.standard_normal(shape, np.float32)


def heavy(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return noise like that of a score function, x^2 (x - 0.3) + 0.3: kurtosis 30, skewed."""
    x = random.standard_normal(shape, np.float32)
    return x * x * (x - np.float32(0.3)) + np.float32(0.3)


def student(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return noise of 5 degrees of freedom, whose squares have no variance to speak of."""
    return random.standard_t(5, shape)


def shared(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return noise of which all coordinates share four fifths of the variance."""
    own = np.float32(math.sqrt(0.2)) * random.standard_normal(shape, np.float32)
    return own + np.float32(math.sqrt(0.8)) * random.standard_normal((shape[0], 1), np.float32)


LAWS: tuple[Callable[..., Array], ...] = (normal, heavy, student, shared)


def shift(kind: str, coordinates: int, random: np.random.Generator) -> Array:
    """Return a bias of the norm DETECT |truth|."""
    norm = DETECT * math.sqrt(coordinates)
    if kind == "one coordinate":
        return norm * np.eye(1, coordinates, int(random.integers(coordinates)))[0]
    if kind == "all coordinates":
        return DETECT * random.choice([-1.0, 1.0], coordinates)
    return DETECT * np.ones(coordinates) if kind == "a factor" else np.zeros(coordinates)


def runs(law: Callable[..., Array], kind: str, coordinates: int, number: int) -> Iterator[Any]:
    """Yield judgements of as many gradients."""
    for run in range(number):
        random = np.random.default_rng([run, coordinates])
        mean = np.ones(coordinates) + shift(kind, coordinates, random)

        def gradients(seed: int, n: int, mean: Array = mean, run: int = run) -> Array:
            return mean + law(np.random.default_rng([seed, run]), (n, coordinates))

        yield bias(gradients, np.ones(coordinates), detect=DETECT, level=LEVEL, seed=run, name=kind)


def main() -> None:
    """Measure and print the table."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--runs", type=int, default=2_000, help="biased gradients in a row")
    reader.add_argument("--null", type=int, default=20_000, help="unbiased gradients in a row")
    reader.add_argument("--coordinates", type=int, nargs="+", default=[4, 100, 10_000, 100_000])
    given = reader.parse_args()
    print("law      coordinates  bias              runs  called biased  rate [95 %]  replicates  seconds")
    for coordinates in given.coordinates:
        for law in LAWS:
            for kind in ("none", "one coordinate", "all coordinates", "a factor"):
                number = given.null if kind == "none" else given.runs
                begin = time.perf_counter()
                found = list(runs(law, kind, coordinates, number))
                hits = sum(one.biased for one in found)
                low, high = stats.binomtest(hits, number).proportion_ci(method="exact")
                size = int(np.median([one.replicates for one in found]))
                print(
                    f"{law.__name__:8} {coordinates:11,}  {kind:15} {number:6,}  {hits:13,}  "
                    f"{hits / number:.5f} [{low:.5f}, {high:.5f}]  {size:10,}  {time.perf_counter() - begin:7.0f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
