"""What is kept of the blocks that have gone by: moments, and the largest squared deviations."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.problems import Floats
from harness.statistics import merging, moments, tails
from harness.variance.judging import Found

Float = NDArray[np.float64]


class Partial(NamedTuple):
    """Some of a run's blocks, as a process brings them back.

    Attributes:
        nodes: the moments, of every parameter.
        largest: {parameter: the largest squared deviations}.
        seconds_per_gradient: median over the timed calls, divided by the replicates of a block.
        biases: {parameter: what is known of its bias}, of the part that begins with the first block.
    """

    nodes: merging.Nodes
    largest: dict[str, Float]
    seconds_per_gradient: float
    biases: dict[str, Found]


class Kept:
    """What is kept so far.

    Attributes:
        nodes: the moments, of every parameter.
        largest: {parameter: the largest squared deviations}.
    """

    def __init__(self, replicates: int) -> None:
        """Keep nothing yet, of a run of so many replicates."""
        self.nodes: merging.Nodes = {}
        self.largest: dict[str, Float] = {}
        self._size = tails.size(replicates)

    def squares(self, name: str, values: Float) -> None:
        """Keep the largest of some squared deviations."""
        self.largest[name] = tails.keep(self.largest.get(name, np.empty(0)), values, self._size)

    def block(self, number: int, rows: dict[str, Float], centres: Floats) -> None:
        """Keep one block of gradients, {name: [replicates, coordinates]}, about pilot centres."""
        streams = {name: moments.block(values, centres[name]) for name, values in rows.items()}
        self.nodes = merging.add(self.nodes, {(0, number): streams})
        for name, values in rows.items():
            self.squares(name, moments.mean_squares(values, centres[name]))
