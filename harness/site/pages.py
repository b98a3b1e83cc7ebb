"""The pages of the site, and which area of records each shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.results.schema import (
    Article,
    Check,
    Coverage,
    Failure,
    Memory,
    Peak,
    Race,
    Ratio,
    Recommendation,
    Record,
    Reproduction,
    Throughput,
    Time,
    Train,
    TrainingVariance,
    Variance,
)
from harness.site import (
    agreement,
    article,
    calibration,
    failures,
    geometry,
    reproductions,
    scaling,
    timing,
    training,
    trajectory,
    variance,
)
from harness.site.page import Section


@dataclass(frozen=True)
class Topic:
    """A page on one question.

    Attributes:
        name: of its file, without the suffix.
        title: its heading, and its name in the menu.
        lead: what a reader finds there.
        command: what measures it, for where nothing was.
    """

    name: str
    title: str
    lead: str
    command: str

    @property
    def file(self) -> str:
        """Its file, relative to the site."""
        return f"{self.name}.html"


@dataclass(frozen=True)
class Area:
    """Records of one kind, as a section.

    Attributes:
        kind: of its records.
        make: (records of a run, backends in their order) -> its section, None where there is nothing to show.
        topic: the name of its page.
    """

    kind: type[Record]
    make: Callable[[Sequence[Record], Sequence[str]], Section | None]
    topic: str


OVERVIEW = Topic(
    "index",
    "Reparam",
    "Gradients of expectations in machine-learning frameworks: are they right, how noisy are they, what do they cost? "
    "Every number here comes from the records of measurements.",
    "make results",
)

TOPICS = (
    Topic(
        "agreement",
        "Agreement",
        "Is this framework’s gradient right? Every kernel of every framework, and the libraries that people use, "
        "against values that share no code with them.",
        "reparam run --profile quick",
    ),
    Topic(
        "variance",
        "Variance",
        "How noisy is each gradient estimator? Its variance, bias and work, with intervals, beside exact values.",
        "reparam run --profile quick",
    ),
    Topic(
        "cost",
        "Cost",
        "What does it cost? Times, memory, curvature products and the speed of the streaming engine.",
        "reparam run --profile quick",
    ),
    Topic(
        "training",
        "Training",
        "Whole trainings: losses in three frameworks, the noise of the gradient on the way, natural gradient and Adam.",
        "reparam run --profile trajectory",
    ),
    Topic(
        "rosetta",
        "Rosetta",
        "Every kernel and every estimator: its formula, and its source in each framework beside the others, read from "
        "the files that are run, with how it agrees with the truth and how long it takes.",
        "reparam run --profile quick",
    ),
    Topic(
        "reproductions",
        "Reproductions",
        "Figures and laws of the literature, made again with the estimators that are tested here.",
        "reparam run --profile reproduce",
    ),
    Topic(
        "method",
        "Method",
        "How each number is made, how often its interval holds the truth, where it was measured, and what was not.",
        "reparam run --profile calibration",
    ),
)

AREAS = (
    Area(Check, agreement.section, "agreement"),
    Area(Article, article.section, "agreement"),
    Area(Variance, variance.section, "variance"),
    Area(Recommendation, calibration.recommendations, "variance"),
    Area(Time, timing.section, "cost"),
    Area(Peak, scaling.peaks, "cost"),
    Area(Ratio, geometry.products, "cost"),
    Area(Memory, geometry.memory, "cost"),
    Area(Throughput, calibration.throughput, "cost"),
    Area(Train, training.section, "training"),
    Area(TrainingVariance, trajectory.section, "training"),
    Area(Race, geometry.rivals, "training"),
    Area(Reproduction, reproductions.section, "reproductions"),
    Area(Coverage, calibration.coverage, "method"),
    Area(Failure, failures.section, "method"),
)
