"""The source article's literal formulas, measured beside the right ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import dtypes as floats
from harness import noise as noises
from harness.execution.work import Cell, Work
from harness.oracle import article as oracle
from harness.results.schema import Article, finite
from harness.statistics.intervals import CONFIDENCE
from harness.validation import require_count

Float = NDArray[np.float64]

PROBS = (0.1, 0.2, 0.7)
SAMPLES = 200_000
#: loc and scale where the two KL terms are compared.
KL_POINTS = ((0.0, 2.0), (1.0, 1.0), (-0.5, 0.25), (3.0, 1.5))

_DISTANCE = "total variation distance of its argmax from probs"


def plan(backends: Sequence[str], dtypes: Sequence[str], devices: Sequence[str], seed: int = 0) -> list[Cell]:
    """Return one cell per backend, dtype and device.

    Args:
        backends: their names, known and installed.
        dtypes: floating types.
        devices: "cpu", "gpu".
        seed: of the noise, at least 0.

    Raises:
        BadInputError: a value cannot be used.
    """
    require_count("seed", seed, 0)
    return [
        Cell(
            f"article {backend} {floats.find(dtype).name} {device} samples={SAMPLES} seed={seed}",
            Work(
                "harness.variance.article:measure",
                backend,
                device,
                {"name": backend, "device": device, "dtype": dtype, "seed": seed},
            ),
        )
        for backend in backends
        for device in devices
        for dtype in dtypes
    ]


def distance_interval(frequencies: Float, probs: Float, samples: int) -> tuple[float, float]:
    """Return a conservative interval for the total variation distance between a distribution and probs.

    The distance is the maximum over sets A of classes of P(A) - probs(A), and a set stands for its complement, so
    with the Bonferroni quantile over the 2^(n-1) - 1 pairs the largest deviation of a frequency bounds the error
    of the maximum. A set's variance is P(A) (1 - P(A)) / samples, here that of the set nearest to one half; it is
    0 where one class has all the mass and no frequency varies.

    Args:
        frequencies: of n classes, they sum to 1.
        probs: [n].
        samples: on which the frequencies rest.
    """
    from scipy.special import ndtri

    pairs = 2 ** (len(probs) - 1) - 1
    quantile = float(ndtri(1 - (1 - CONFIDENCE) / (2 * pairs)))
    members = (np.arange(1, 2 ** len(probs) - 1)[:, None] >> np.arange(len(probs))) & 1  # [sets, classes]
    mass = members @ frequencies
    half = quantile * math.sqrt(float(np.max(mass * (1 - mass))) / samples)
    middle = oracle.total_variation(frequencies, probs)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _kl_rounding(loc: float, scale: float, eps: float) -> float:
    """Return the relative rounding error of the ratio: 4 eps times absolute terms over value, for both KL terms."""
    squares = loc**2 + scale**2 + 1
    logarithm = 2 * abs(math.log(scale))
    value = loc**2 + scale**2 - 1 - 2 * math.log(scale)
    return 2 * 4 * eps * (squares + logarithm) / value


def measure(backend: ModuleType, name: str, device: str, dtype: str, seed: int) -> list[Article]:
    """Measure the argmax frequencies of the three Gumbel steps, and the ratio of the KL terms.

    Args:
        backend: the loaded and configured backend.
        name: its name, for the records.
        device: on which it was configured.
        dtype: floating type.
        seed: of the noise.
    """
    runtime = backend.runtime
    probs = floats.rounded(PROBS, dtype)
    draws = noises.draw("gumbel", (SAMPLES, len(PROBS)), noises.generator(seed, "article", "gumbel"))
    p, g, temperature = (runtime.asarray(value, dtype) for value in (probs, draws, 1.0))

    def row(
        formula: str, quantity: str, samples: int, measured: float, low: float, high: float, **limits: Any
    ) -> Article:
        return Article(
            backend=name,
            dtype=dtype,
            device=device,
            formula=formula,
            quantity=quantity,
            seed=seed,
            samples=samples,
            measured=finite(measured),
            measured_low=finite(low),
            measured_high=finite(high),
            confidence=CONFIDENCE,
            **limits,
        )

    def distance(formula: str, function: Any, arguments: tuple[Any, ...], samples: int, exact: float) -> Article:
        points = runtime.to_numpy(function(*arguments)).reshape(-1, len(PROBS))  # [samples, classes]
        counts = np.bincount(points.argmax(axis=-1), minlength=len(PROBS))
        frequencies = counts / counts.sum()
        measured = oracle.total_variation(frequencies, np.asarray(PROBS))
        low, high = distance_interval(frequencies, np.asarray(PROBS), samples)
        return row(formula, _DISTANCE, samples, measured, low, high, exact=exact, right=0.0)

    limits = oracle.argmax_distances(np.asarray(PROBS))
    article, gumbel = backend.article, backend.gumbel
    records = [
        distance("article.gumbel_softmax", article.gumbel_softmax, (p, g, temperature), SAMPLES, limits.literal),
        distance(
            "article.gumbel_softmax_without_noise",
            article.gumbel_softmax_without_noise,
            (p, temperature),
            1,
            limits.without_noise,
        ),
        distance(
            "gumbel.gumbel_softmax_from_probs",
            gumbel.gumbel_softmax_from_probs,
            (p, g, temperature),
            SAMPLES,
            limits.right,
        ),
    ]
    for loc, scale in KL_POINTS:
        at = (runtime.asarray(loc, dtype), runtime.asarray(scale, dtype))
        literal = float(runtime.to_numpy(article.kl_standard_normal(*at)))
        right = float(runtime.to_numpy(backend.divergences.kl_standard_normal(*at)))
        ratio = literal / right
        half = ratio * _kl_rounding(loc, scale, floats.find(dtype).eps)
        records.append(
            row(
                "article.kl_standard_normal",
                f"ratio to divergences.kl_standard_normal at loc={loc:g} scale={scale:g}",
                1,
                ratio,
                ratio - half,
                ratio + half,
                exact=oracle.KL_RATIO,
                right=1.0,
            )
        )
    return records
