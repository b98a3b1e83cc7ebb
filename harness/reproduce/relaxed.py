"""The mean of Gumbel-softmax samples against the temperature: it tends to the probabilities, or to uniform."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import dtypes as floats
from harness import noise as noises
from harness.execution.work import Cell, Work
from harness.oracle import softmax
from harness.reproduce import points
from harness.reproduce.quantities import QUANTILE, Shown
from harness.reproduce.rows import Figure
from harness.results.schema import Record

TITLE = "mean of a relaxed sample, three classes"
FIGURE = Figure("mean", "logits", "temperature", log_x=True, log_y=False)

PROBS = (0.1, 0.2, 0.7)
TEMPERATURES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
SAMPLES = 400_000


@cache
def exact(temperature: float) -> NDArray[np.float64]:
    """Return the mean of each class's share [classes]."""
    return softmax.mean(np.asarray(PROBS), temperature)


def measure(backend: ModuleType, dtype: str, temperature: float, seed: int) -> list[tuple[float, float]]:
    """Return the mean of each class's share, and its standard error.

    Args:
        backend: the loaded and configured backend.
        dtype: floating type.
        temperature: of the relaxation.
        seed: of the noise.
    """
    runtime = backend.runtime
    draws = noises.draw("gumbel", (SAMPLES, len(PROBS)), noises.generator(seed, "relaxed", repr(temperature)))
    logits, noise, t = (runtime.asarray(value, dtype) for value in (np.log(PROBS), draws, temperature))
    shares = np.asarray(runtime.to_numpy(backend.gumbel.gumbel_softmax(logits, noise, t)), np.float64)
    errors = shares.std(axis=0, ddof=1) / np.sqrt(SAMPLES)
    return [(float(mean), float(error)) for mean, error in zip(shares.mean(axis=0), errors, strict=True)]


def cells(
    name: str, backends: Sequence[str], dtypes: Sequence[str], devices: Sequence[str], seed: int, limit: float
) -> list[Cell]:
    """Return a cell for each temperature, whose records are points of the figure."""

    def cell(backend: str, dtype: str, device: str, temperature: float) -> Cell:
        def finish(result: list[tuple[float, float]]) -> Sequence[Record]:
            rows = zip(PROBS, result, exact(temperature), strict=True)
            return [row(p, Shown(mean, mean - QUANTILE * error, mean + QUANTILE * error), float(truth))
                    for p, (mean, error), truth in rows]  # fmt: skip

        def row(p: float, shown: Shown, truth: float) -> Record:
            about: dict[str, Any] = {"backend": backend, "dtype": dtype, "device": device, "name": name, "seed": seed}
            return points.judged(
                TITLE,
                FIGURE,
                "mean share of a class",
                shown,
                truth,
                limit,
                forgiven=64 * floats.find(dtype).eps,
                curve=f"class of probability {p}",
                x=temperature,
                estimator="",
                problem="",
                settings=f"temperature={temperature!r}",
                samples=1,
                replicates=SAMPLES,
                **about,
            )

        arguments = {"dtype": dtype, "temperature": temperature, "seed": seed}
        key = f"reproduce {name} relaxed {backend} {dtype} {device} temperature={temperature!r} seed={seed}"
        return Cell(key, Work("harness.reproduce.relaxed:measure", backend, device, arguments), finish)

    return [
        cell(backend, floats.find(dtype).name, device, temperature)
        for backend in backends
        for device in devices
        for dtype in dtypes
        for temperature in TEMPERATURES
    ]


#: Points for each backend.
POINTS = len(PROBS) * len(TEMPERATURES)
