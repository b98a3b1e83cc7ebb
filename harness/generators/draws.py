"""What runs in a framework's process: draw once, and send back counts instead of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

#: (generator, distribution) -> "module.function" of the backend. Each takes a seed, a shape and an array.
SAMPLERS = {
    ("reference", "uniform"): "sampling.standard_uniform",
    ("reference", "normal"): "sampling.standard_normal",
    ("reference", "gumbel"): "sampling.standard_gumbel",
    ("reference", "categorical"): "categorical.sample",
    ("native", "uniform"): "sampling.native_uniform",
    ("native", "normal"): "sampling.native_normal",
    ("native", "gumbel"): "sampling.native_gumbel",
    ("native", "categorical"): "sampling.native_categorical",
}

GENERATORS = tuple(dict.fromkeys(generator for generator, _ in SAMPLERS))


@dataclass(frozen=True)
class Summary:
    """What the tests need of the draws.

    Attributes:
        at_most: for each cut, how many draws are at most that number.
        draws: how many there are. NaN is at most no number, infinity included.
        not_finite: how many are NaN or infinite.
        zeros: how many are 0.
        distinct: how many different finite values there are.
        smallest: of the finite values, None if there are none.
        largest: likewise.
        refused: the framework's reason, where it draws nothing.
    """

    at_most: tuple[int, ...] = ()
    draws: int = 0
    not_finite: int = 0
    zeros: int = 0
    distinct: int = 0
    smallest: float | None = None
    largest: float | None = None
    refused: str = ""


def summarise(values: Float, cuts: Float) -> Summary:
    """Return the summary of draws.

    Args:
        values: [draws].
        cuts: numbers, -inf and inf.
    """
    ordered = np.sort(values[~np.isnan(values)])
    finite = ordered[np.isfinite(ordered)]
    return Summary(
        at_most=tuple(np.searchsorted(ordered, cuts, side="right").tolist()),
        draws=values.size,
        not_finite=values.size - finite.size,
        zeros=int(np.count_nonzero(finite == 0)),
        distinct=int(np.count_nonzero(np.diff(finite))) + min(finite.size, 1),
        smallest=float(finite[0]) if finite.size else None,
        largest=float(finite[-1]) if finite.size else None,
    )


def measure(
    backend: ModuleType,
    generator: str,
    distribution: str,
    dtype: str,
    parameter: Any,
    draws: int,
    seed: int,
    cuts: Float,
) -> Summary:
    """Draw from a sampler once, and summarise.

    Args:
        backend: the loaded and configured backend.
        generator: "reference" or "native".
        distribution: its name.
        dtype: floating type.
        parameter: logits of a categorical distribution; else any array: its dtype alone counts.
        draws: how many.
        seed: of the framework's generator.
        cuts: as in `summarise`.
    """
    module, _, function = SAMPLERS[generator, distribution].partition(".")
    sampler = getattr(getattr(backend, module), function)
    like = backend.runtime.asarray(parameter, dtype)
    try:
        values = backend.runtime.to_numpy(sampler(seed, (draws,), like))
    except Exception as error:  # a framework may refuse a dtype with an error of any class; the report says so
        return Summary(refused=f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}")
    if values.ndim == 2:  # one-hot [draws, classes]
        values = values.argmax(axis=-1)
    return summarise(values.astype(np.float64), cuts)
