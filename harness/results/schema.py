"""The records, typed and versioned. Field names carry units; `None` means not measured or not known exactly.

A number that is not finite is written as null too, and then `within_budget` (or `variance_note`) says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import pandas as pd

#: Raised when a field changes its meaning, or goes. Records of another version are never mixed in.
SCHEMA = 1


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """What every record has.

    Attributes:
        backend: whose code was measured.
        dtype: its floating type.
        device: "cpu" or "gpu".
    """

    backend: str
    dtype: str
    device: str


class Check(Record, frozen=True, tag="check"):
    """A comparison with the oracle, or the worst of several.

    Attributes:
        kernel: what was compared, such as "gaussian.cdf", "estimators.pathwise", "models.vae.loss_bernoulli".
        case: the case, by name.
        mode: "eager" or "compiled".
        derivative: "value", or "vjp:ARGUMENT", the vector-Jacobian product by that argument.
        error: largest error, in `unit`; None where the result is NaN or infinite and the truth is not.
        unit: what error and budget are counted in.
        budget: largest error allowed.
        within_budget: whether error <= budget.
        worst_input: the input with the largest error, as text that Python reads back.
        comparisons: how many numbers were compared.
    """

    kernel: str
    case: str
    mode: str
    derivative: str
    error: float | None
    unit: str
    budget: float
    within_budget: bool
    worst_input: str
    comparisons: int = 1


class Variance(Record, frozen=True, tag="variance"):
    """Moments of a gradient estimator, per coordinate and averaged over the coordinates of one parameter.

    Attributes:
        mode: "eager" or "compiled", whichever is usual for the framework.
        estimator: its name.
        problem: its name.
        parameter: by which parameter the gradient is taken.
        dimension: number of coordinates of the parameter.
        settings: the problem's and the estimator's settings, as "name=value" joined by blanks.
        samples: samples that go into one gradient.
        replicates: gradients measured.
        seed: of the noise.
        mean: mean gradient.
        mean_standard_error: its standard error.
        exact_mean: the true gradient, from the oracle.
        bias: mean - exact_mean.
        bias_standard_error: its standard error.
        variance: variance of one gradient.
        variance_low: lower end of its interval.
        variance_high: upper end of its interval.
        confidence: nominal coverage of the interval.
        exact_variance: from the oracle.
        seconds_per_gradient: in blocks, without drawing the noise: median over blocks.
        work_normalized_variance: variance times seconds_per_gradient.
    """

    mode: str
    estimator: str
    problem: str
    parameter: str
    dimension: int
    settings: str
    samples: int
    replicates: int
    seed: int
    mean: float | None
    mean_standard_error: float | None
    exact_mean: float | None
    bias: float | None
    bias_standard_error: float | None
    variance: float | None
    variance_low: float | None
    variance_high: float | None
    confidence: float
    exact_variance: float | None
    seconds_per_gradient: float | None
    work_normalized_variance: float | None


class Time(Record, frozen=True, tag="time"):
    """Seconds of one call, results waited for.

    Attributes:
        kernel: what was timed.
        mode: "eager" or "compiled".
        derivative: "value" (forward) or "vjp" (forward and backward).
        size: elements of the largest argument.
        repeats: timed calls.
        seconds_first_call: the first call, which compiles.
        seconds: median of the timed calls.
        seconds_low: their first quartile.
        seconds_high: their third quartile.
    """

    kernel: str
    mode: str
    derivative: str
    size: int
    repeats: int
    seconds_first_call: float
    seconds: float
    seconds_low: float
    seconds_high: float


class Train(Record, frozen=True, tag="train"):
    """One step of training.

    Attributes:
        mode: "eager" or "compiled", whichever is usual for the framework.
        model: "vae" or "categorical_vae".
        objective: the loss, such as "bernoulli".
        seed: of weights, batches and noise.
        batch: images per step.
        step: counted from 0; the loss is the one before this step's update.
        loss: in nats per image (without a unit for the article's literal loss).
        temperature: of the relaxation at this step.
        seconds: of the step, results waited for.
    """

    mode: str
    model: str
    objective: str
    seed: int
    batch: int
    step: int
    loss: float | None
    temperature: float | None
    seconds: float


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


class Failure(Record, frozen=True, tag="failure"):
    """A cell that could not be measured.

    Attributes:
        cell: its key.
        reason: one line.
    """

    cell: str
    reason: str


AnyRecord = Check | Variance | Time | Train | Article | Failure


def finite(value: float) -> float | None:
    """Return the number, or None where it is not finite."""
    return float(value) if math.isfinite(value) else None


def flat(record: Record) -> dict[str, Any]:
    """Return a record as a flat dict of built-in types, without its kind."""
    row: dict[str, Any] = msgspec.to_builtins(record)
    row.pop("kind")
    return row


def frame(records: Iterable[Record]) -> pd.DataFrame:
    """Return records of one kind as a DataFrame, one row each, columns in the order of the fields."""
    import pandas as pd

    return pd.DataFrame([flat(record) for record in records])
