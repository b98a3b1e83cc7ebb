"""Records of what is published: formulas of the source article, figures and laws of the literature."""

from __future__ import annotations

from harness.results.schema.base import Record


class Article(Record, frozen=True, tag="article"):
    """A formula of the source article, taken literally, or the right one beside it.

    Attributes:
        formula: the kernel, such as "article.gumbel_softmax".
        quantity: what is measured of it.
        seed: of the noise.
        samples: how many samples the measurement rests on.
        measured: the measurement.
        measured_low: lower end of its interval.
        measured_high: upper end of its interval.
        confidence: nominal coverage of the interval.
        exact: what the formula gives in the limit of many samples, from the oracle.
        right: what a right formula gives.
    """

    formula: str
    quantity: str
    seed: int
    samples: int
    measured: float | None
    measured_low: float | None
    measured_high: float | None
    confidence: float
    exact: float | None
    right: float


class Reproduction(Record, frozen=True, tag="reproduction"):
    """A point of a figure of the literature, made again, or a law of its curves.

    Attributes:
        name: a key of `harness.reproduce.table.PAPERS`.
        figure: title of the figure.
        quantity: what stands on its y axis.
        curve: which of its curves; for a law, what it says.
        axis: what stands on the x axis.
        x: the place there; None for a law.
        log_x: whether the x axis is logarithmic.
        log_y: whether the y axis is.
        estimator: measured, or "" where it is more than one, or none.
        problem: likewise.
        settings: of both, as "name=value" joined by blanks.
        samples: that go into one gradient.
        replicates: that the measurement rests on.
        seed: of the noise.
        measured: the measurement.
        low: lower end of its interval.
        high: upper end of its interval.
        confidence: nominal coverage of the interval.
        exact: what it should be, from the oracle.
        deviation: distance from it in standard errors; None where that is infinite, or one of both is not known.
        limit: largest deviation that agrees, with all comparisons of the reproduction in mind.
        agrees: whether the deviation is within the limit.
    """

    name: str
    figure: str
    quantity: str
    curve: str
    axis: str
    x: float | None
    log_x: bool
    log_y: bool
    estimator: str
    problem: str
    settings: str
    samples: int
    replicates: int
    seed: int
    measured: float | None
    low: float | None
    high: float | None
    confidence: float
    exact: float | None
    deviation: float | None
    limit: float
    agrees: bool
