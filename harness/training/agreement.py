"""How far the losses of several backends lie apart, step by step."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from harness.results.schema import Train


class Difference(NamedTuple):
    """The spread of one step's loss over the backends.

    Attributes:
        model: its name.
        objective: its loss.
        optimizer: what trains it.
        dtype: floating type.
        device: "cpu" or "gpu".
        seed: of weights, batches and noise.
        batch: examples per step.
        step: counted from 0.
        backends: how many took this step.
        relative_difference: (largest - smallest) / largest magnitude; infinite if a loss is not finite.
    """

    model: str
    objective: str
    optimizer: str
    dtype: str
    device: str
    seed: int
    batch: int
    step: int
    backends: int
    relative_difference: float


def _spread(losses: Sequence[float | None]) -> float:
    finite = [loss for loss in losses if loss is not None]
    if len(finite) < len(losses):
        return math.inf
    magnitude = max(map(abs, finite))
    return (max(finite) - min(finite)) / magnitude if magnitude else 0.0


def differences(records: Iterable[Train]) -> list[Difference]:
    """Compare the backends' losses at every step that at least two of them took.

    Args:
        records: of runs that differ in nothing but the backend, for each value of the fields of `Difference`;
            of two records of one backend and step, the later counts.

    Returns:
        One row per step, in the order of the fields.
    """
    losses: dict[tuple[str, str, str, str, str, int, int, int], dict[str, float | None]] = defaultdict(dict)
    for row in records:
        key = (row.model, row.objective, row.optimizer, row.dtype, row.device, row.seed, row.batch, row.step)
        losses[key][row.backend] = row.loss
    return [
        Difference(*key, len(by_backend), _spread(list(by_backend.values())))
        for key, by_backend in sorted(losses.items())
        if len(by_backend) > 1
    ]


def largest_difference(records: Iterable[Train]) -> float:
    """Return the largest relative difference of a step's loss between backends.

    Args:
        records: as in `differences`.

    Raises:
        ValueError: no step was taken by two backends.
    """
    rows = differences(records)
    if not rows:
        raise ValueError("no step was taken by two backends; give records of at least two")
    return max(row.relative_difference for row in rows)
