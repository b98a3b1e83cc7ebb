"""The records, typed and versioned. Field names carry units; `None` means not measured or not known exactly.

A number that is not finite is written as null too, and then `within_budget` (or `trusted`) says so.
A file for each area; importers take every name from here.
"""

from __future__ import annotations

from harness.results.schema.agreement import Check
from harness.results.schema.base import SCHEMA, Failure, Record
from harness.results.schema.calibration import Coverage, Recommendation, Stream, Throughput
from harness.results.schema.columns import meanings, types
from harness.results.schema.frames import finite, flat, frame
from harness.results.schema.generators import Generator
from harness.results.schema.publications import Article, Reproduction
from harness.results.schema.timing import Memory, Peak, Ratio, Time
from harness.results.schema.training import Race, Train
from harness.results.schema.variance import TrainingVariance, Variance

__all__ = [
    "SCHEMA",
    "AnyRecord",
    "Article",
    "Check",
    "Coverage",
    "Failure",
    "Generator",
    "Memory",
    "Peak",
    "Race",
    "Ratio",
    "Recommendation",
    "Record",
    "Reproduction",
    "Stream",
    "Throughput",
    "Time",
    "Train",
    "TrainingVariance",
    "Variance",
    "finite",
    "flat",
    "frame",
    "meanings",
    "types",
]

AnyRecord = (
    Check
    | Variance
    | TrainingVariance
    | Coverage
    | Recommendation
    | Time
    | Train
    | Race
    | Ratio
    | Memory
    | Peak
    | Throughput
    | Stream
    | Article
    | Generator
    | Reproduction
    | Failure
)
