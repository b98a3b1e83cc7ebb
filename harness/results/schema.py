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
        mode: a key of `harness.modes.MODES`.
        derivative: "value"; "jvp", the Jacobian-vector product by all arguments together; "vjp:ARGUMENT", the
            vector-Jacobian product by that argument; "hvp:ARGUMENT", the Hessian-vector product by that argument.
        error: largest error, in `unit`; None where the result is NaN or infinite and the truth is not.
        unit: what error and budget are counted in.
        budget: largest error allowed.
        within_budget: whether error <= budget.
        worst_input: the input with the largest error, as text that Python reads back.
        comparisons: how many numbers were compared.
        observed: of a comparison that is out of budget: the worst number and its truth, or the framework's error.
        deviation: of a library: "listed" in the ledger of known deviations, "new" (out of budget and not listed),
            "vanished" (listed and within budget), or "" where it does not deviate.
        tracker: of a deviation: the pitfall's id and the link where it is reported, where there are such.
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
    observed: str = ""
    deviation: str = ""
    tracker: str = ""


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
        bias: mean - exact_mean, or mean - reference_mean.
        bias_standard_error: its standard error, with that of the reference.
        variance: variance of one gradient.
        variance_low: lower end of its interval.
        variance_high: upper end of its interval.
        confidence: nominal coverage of the interval.
        exact_variance: from the oracle.
        seconds_per_gradient: in blocks, without drawing the noise: median over blocks.
        work_normalized_variance: variance times seconds_per_gradient.
        source: of the noise: "shared" (NumPy, the same for every backend) or "framework" (its own generator).
        tail_shape: shape k of the Pareto tail of the squared deviations; None where there are too few replicates, or
            where the largest deviations are equal.
        trusted: whether the tail is light enough for the interval of the variance; None where that is not known.
        reference_mean: of a long run of the oracle, where the true gradient is not known.
        reference_standard_error: its standard error.
        squared_bias: average over coordinates of the squared bias, less what sampling errors add; it may be negative.
        squared_bias_standard_error: at most so large.
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
    source: str = "shared"
    tail_shape: float | None = None
    trusted: bool | None = None
    reference_mean: float | None = None
    reference_standard_error: float | None = None
    squared_bias: float | None = None
    squared_bias_standard_error: float | None = None


class Coverage(Record, frozen=True, tag="coverage"):
    """How often an interval of a gradient's mean or variance holds the exact value.

    Attributes:
        estimator: its name.
        problem: its name.
        parameter: by which the gradient is taken.
        settings: as "name=value" joined by blanks.
        quantity: "mean" or "variance".
        replicates: of one measurement.
        repeats: measurements, each on other noise.
        seed: of the noise.
        nominal: coverage that the intervals claim.
        coverage: share of the intervals that hold the exact value.
        coverage_low: lower end of its 95 % interval (Clopper-Pearson).
        coverage_high: upper end of it.
        untrusted: share of the measurements that the tail diagnostic marks.
    """

    estimator: str
    problem: str
    parameter: str
    settings: str
    quantity: str
    replicates: int
    repeats: int
    seed: int
    nominal: float
    coverage: float
    coverage_low: float
    coverage_high: float
    untrusted: float


class Recommendation(Record, frozen=True, tag="recommendation"):
    """How far off the gradient is that an estimator buys with some seconds, among all that fit the problem.

    Attributes:
        problem: its name.
        estimator: its name.
        settings: as "name=value" joined by blanks.
        dimension: coordinates of a parameter.
        samples: in one gradient.
        replicates: gradients from which variance and bias were measured.
        seed: of the noise.
        budget_seconds: for one estimate of the gradient.
        rank: 1 is the best; None where nothing can be said.
        gradients: how many are averaged; None where not even one fits the budget.
        seconds_per_gradient: its draw included; median, all estimators taking turns in one process.
        mean_squared_error: sum over all coordinates of bias^2 + variance / gradients.
        low: lower end of its interval.
        high: upper end of its interval.
        confidence: of the interval.
        bias_squared: what of it is bias.
        trusted: False where the tail of a variance is too heavy to say anything.
        as_good_as_the_best: whether it cannot be told apart from the first, at 5 % over all comparisons.
    """

    problem: str
    estimator: str
    settings: str
    dimension: int
    samples: int
    replicates: int
    seed: int
    budget_seconds: float
    rank: int | None
    gradients: float | None
    seconds_per_gradient: float
    mean_squared_error: float | None
    low: float | None
    high: float | None
    confidence: float
    bias_squared: float | None
    trusted: bool | None
    as_good_as_the_best: bool


class TrainingVariance(Record, frozen=True, tag="training_variance"):
    """Moments of a gradient estimator on the loss of a model, at the weights after some steps of its training.

    The gradient is that of the evidence lower bound of a few images by the parameters of their posterior, with the
    posterior and the decoder of these weights. Moments are as in `Variance`.

    Attributes:
        mode: "eager" or "compiled", whichever is usual for the framework.
        model: a key of `harness.training.models.MODELS`.
        objective: the loss that was trained.
        batch: examples per step of the training.
        step: updates before the measurement; 0 is at the initial weights.
        steps: updates of the whole training.
        estimator: its name.
        problem: the problem whose parameters and constants are made of the weights.
        parameter: by which parameter of the posterior the gradient is taken.
        dimension: number of coordinates of the parameter.
        settings: the estimator's, as "name=value" joined by blanks.
        samples: samples that go into one gradient.
        replicates: gradients measured.
        seed: of weights, batches and all noise.
        mean: mean gradient.
        mean_standard_error: its standard error.
        reference_mean: of a long run of the oracle at these weights.
        reference_standard_error: its standard error.
        bias: mean - reference_mean; by logits it is 0 whatever the estimator, since their gradients add up to 0.
        bias_standard_error: its standard error, with that of the reference.
        squared_bias: average over coordinates of the squared bias, less what sampling errors add; it may be negative.
        squared_bias_standard_error: at most so large.
        variance: variance of one gradient.
        variance_low: lower end of its interval.
        variance_high: upper end of its interval.
        confidence: nominal coverage of the interval.
        seconds_per_gradient: in blocks, without drawing the noise: median over blocks.
    """

    mode: str
    model: str
    objective: str
    batch: int
    step: int
    steps: int
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
    reference_mean: float | None
    reference_standard_error: float | None
    bias: float | None
    bias_standard_error: float | None
    squared_bias: float | None
    squared_bias_standard_error: float | None
    variance: float | None
    variance_low: float | None
    variance_high: float | None
    confidence: float
    seconds_per_gradient: float | None


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
        model: a key of `harness.training.models.MODELS`.
        objective: the loss, such as "bernoulli".
        seed: of weights, batches and noise.
        batch: examples per step.
        step: counted from 0; the loss is the one before this step's update.
        loss: in nats per example (without a unit for the article's literal loss).
        temperature: of the relaxation at this step.
        seconds: of the step, results waited for.
        optimizer: a key of `harness.training.optimizers.OPTIMIZERS`.
        kl: of a natural-gradient step: KL(old || new) in nats per example.
        predicted_kl: the same by the quadratic model.
        length: factor of the natural gradient; 0 where no length was accepted.
        halvings: of the length.
        solver_status: of conjugate gradient, one of `implementations.interface.contract.STATUSES`.
        solver_iterations: of conjugate gradient.
        solver_residual: of conjugate gradient, relative.
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
    optimizer: str = "adam"
    kl: float | None = None
    predicted_kl: float | None = None
    length: float | None = None
    halvings: int | None = None
    solver_status: str = ""
    solver_iterations: int | None = None
    solver_residual: float | None = None


class Race(Record, frozen=True, tag="race"):
    """Steps and seconds until an optimizer reaches the loss that another has after some steps; all examples each step.

    Attributes:
        mode: "eager" or "compiled", whichever is usual for the framework.
        model: a key of `harness.training.models.MODELS`.
        objective: the loss.
        batch: how many examples there are.
        seed: of the initial weights.
        optimizer: that has to reach the target.
        settings: of it, as "name=value" joined by blanks.
        against: the optimizer that sets the target.
        against_settings: of it.
        against_steps: that it takes.
        against_seconds: that these take.
        target: the loss after them, in nats per example.
        steps: after which the loss is at most the target; None where `against_steps` steps are not enough.
        seconds: that these take; None likewise.
    """

    mode: str
    model: str
    objective: str
    batch: int
    seed: int
    optimizer: str
    settings: str
    against: str
    against_settings: str
    against_steps: int
    against_seconds: float
    target: float
    steps: int | None
    seconds: float | None


class Ratio(Record, frozen=True, tag="ratio"):
    """What a call costs in calls of a reference, both taking turns in one process.

    Attributes:
        subject: what was timed, such as "gauss_newton": one curvature-vector product, its preparation not counted.
        mode: "eager" or "compiled".
        reference: what it is divided by, and its mode: "gradient compiled".
        network: widths from inputs to classes, such as "784-256-128-10".
        parameters: how many numbers the network has.
        batch: examples.
        turns: how often both were measured.
        seconds: median over turns.
        ratio: median over turns.
        ratio_low: lower end of its interval.
        ratio_high: upper end of its interval.
        confidence: least coverage of the interval.
    """

    subject: str
    mode: str
    reference: str
    network: str
    parameters: int
    batch: int
    turns: int
    seconds: float
    ratio: float
    ratio_low: float
    ratio_high: float
    confidence: float


class Throughput(Record, frozen=True, tag="throughput"):
    """Gradients per second of the streaming engine, beside a loop and beside the draw of its noise, taking turns.

    Attributes:
        estimator: its name.
        problem: its name.
        dimension: coordinates of each parameter.
        block: gradients of a block.
        blocks: in one call.
        turns: how often each was measured.
        gradients_per_second: all moments kept; median over turns.
        loop_ratio: to the gradients per second of an eager loop over single samples.
        loop_ratio_low: lower end of its interval.
        loop_ratio_high: upper end of it.
        floor_ratio: seconds of the draw of the same normals in the same blocks, over seconds of the stream.
        floor_ratio_low: lower end of its interval.
        floor_ratio_high: upper end of it.
        confidence: least coverage of the intervals.
    """

    estimator: str
    problem: str
    dimension: int
    block: int
    blocks: int
    turns: int
    gradients_per_second: float
    loop_ratio: float
    loop_ratio_low: float
    loop_ratio_high: float
    floor_ratio: float
    floor_ratio_low: float
    floor_ratio_high: float
    confidence: float


class Stream(Record, frozen=True, tag="stream"):
    """A long stream of scalar gradients in a fresh process.

    Attributes:
        mode: "eager" or "compiled".
        estimator: its name; the problem is "quadratic".
        replicates: gradients.
        seconds: of the whole measurement, compilation not counted.
        bytes: growth of the process up to its peak.
    """

    mode: str
    estimator: str
    replicates: int
    seconds: float
    bytes: int


class Memory(Record, frozen=True, tag="memory"):
    """How far a process grows over what it held before: peak resident memory.

    Attributes:
        subject: what was run: "gradient", or "conjugate_gradient" for a solve of `iterations` products.
        mode: "eager" or "compiled".
        network: widths from inputs to classes.
        parameters: how many numbers the network has.
        batch: examples.
        iterations: of the solve; 0 for the gradient.
        bytes: growth up to the peak.
        ratio: to the growth of the gradient in the same process.
    """

    subject: str
    mode: str
    network: str
    parameters: int
    batch: int
    iterations: int
    bytes: int
    ratio: float


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


class Generator(Record, frozen=True, tag="generator"):
    """A statistical test of a framework's own sampler against the true distribution, rounded to the dtype.

    Attributes:
        generator: "reference" (the backend's sampler) or "native" (the framework's, in the dtype itself).
        distribution: "uniform", "normal", "gumbel" or "categorical".
        test: "bulk" (chi-square), "lower tail 1e-03" and the like or "class 1e-03" (exact binomial), "finite";
            "refused" where the framework draws nothing.
        seed: of the framework's generator.
        draws: how many numbers the test rests on.
        statistic: chi-square; for the other tests a count of draws.
        p_value: two-sided.
        level: false-alarm level of this test; 0 for one that has no false alarms.
        detectable: the least effect that is detected, and with what power.
        passed: whether p_value >= level, or every draw is finite.
        smallest: of the finite draws.
        largest: of the finite draws.
        support_low: smallest finite value that the sampler can return, None where it is not known.
        support_high: largest such value.
        distinct: different finite values among the draws.
        pitfall: id of the known defect that explains a failure, or "".
        note: what else is to be said.
    """

    generator: str
    distribution: str
    test: str
    seed: int
    draws: int
    statistic: float | None
    p_value: float | None
    level: float
    detectable: str
    passed: bool
    smallest: float | None
    largest: float | None
    support_low: float | None
    support_high: float | None
    distinct: int | None
    pitfall: str = ""
    note: str = ""


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


class Failure(Record, frozen=True, tag="failure"):
    """A cell that could not be measured.

    Attributes:
        cell: its key.
        reason: one line.
    """

    cell: str
    reason: str


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
    | Throughput
    | Stream
    | Article
    | Generator
    | Reproduction
    | Failure
)


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
