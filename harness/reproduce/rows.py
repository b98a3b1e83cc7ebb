"""What a reproduction is made of, as data: figures, what is measured for them, and laws of their curves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.execution.work import Cell
from harness.results.schema import Reproduction


@dataclass(frozen=True)
class Figure:
    """One pair of axes.

    Attributes:
        quantity: a key of `quantities.QUANTITIES`, what stands on the y axis.
        parameter: by which the gradient is taken.
        x: what stands on the x axis.
        log_x: whether that axis is logarithmic.
        log_y: whether the y axis is.
    """

    quantity: str
    parameter: str
    x: str
    log_x: bool = False
    log_y: bool = True


@dataclass(frozen=True)
class Measurement:
    """One estimator at one point, as `harness.variance.plan.plan` takes it.

    Attributes:
        curve: what the legend says.
        x: the place on the x axis.
        estimator: its name.
        problem: its name.
        figures: titles of the figures that show it.
        settings: of problem and estimator; the rest keep their defaults.
        dimension: coordinates, for a problem that takes them.
        samples: samples in one gradient; None is the least that the estimator needs.
        replicates: gradients; from 100,000 on the intervals of the variance are symmetric on the log scale.
    """

    curve: str
    x: float
    estimator: str
    problem: str
    figures: tuple[str, ...]
    settings: Mapping[str, float] = field(default_factory=dict)
    dimension: int | None = None
    samples: int | None = None
    replicates: int = 400_000


@dataclass(frozen=True)
class Law:
    """What is said of whole curves of a figure.

    Attributes:
        text: the law, in a few words.
        figure: its title.
        curves: whose points it is about.
        judge: (law, points of each curve in the order of x, limit) -> the law as a record that holds what was found.
        value: the number that the law names.
        slack: how far the exact value may lie from that number where a law holds only in a limit.
        least_x: points below are left out.
    """

    text: str
    figure: str
    curves: tuple[str, ...]
    judge: Callable[[Law, Sequence[Sequence[Reproduction]], float], Reproduction]
    value: float
    slack: float = 0.0
    least_x: float = 0.0


#: (backends, dtypes, devices, seed, limit) -> cells whose records are `Reproduction`s.
More = Callable[[Sequence[str], Sequence[str], Sequence[str], int, float], list[Cell]]


@dataclass(frozen=True)
class Paper:
    """One row of the table.

    Attributes:
        reference: authors, title, where and when.
        where: section or equation that is made again.
        claim: what it says.
        figures: by title, those of `more` too.
        measurements: by the streaming engine.
        laws: of the curves.
        more: cells beside those, such as training curves.
        more_points: how many points those have, for each backend.
    """

    reference: str
    where: str
    claim: str
    figures: Mapping[str, Figure]
    measurements: tuple[Measurement, ...]
    laws: tuple[Law, ...] = ()
    more: More = lambda *_: []
    more_points: int = 0

    @property
    def comparisons(self) -> int:
        """Return how many numbers are held against exact ones, for each backend, dtype and device."""
        return sum(len(row.figures) for row in self.measurements) + len(self.laws) + self.more_points
