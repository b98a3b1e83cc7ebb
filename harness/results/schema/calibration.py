"""Records of what the measurements are worth: coverage of intervals, ranks, speed and memory of the stream."""

from __future__ import annotations

from harness.results.schema.base import Record


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
        rank: 1 is the best of those that need no oracle; None of those that do, and where nothing can be said.
        gradients: how many are averaged; None where not even one fits the budget.
        seconds_per_gradient: of one gradient in a block, its draw included, so that what one call costs is amortised
            over the block; median, all estimators taking turns in one process. None where it was skipped.
        mean_squared_error: sum over all coordinates of bias^2 + variance / gradients.
        low: lower end of its interval.
        high: upper end of its interval.
        confidence: of the interval.
        bias_squared: what of it is bias.
        trusted: False where the tail of a variance is too heavy to say anything.
        as_good_as_the_best: whether it cannot be told apart from the first, at 5 % over all comparisons.
        block: gradients of one block, over which seconds_per_gradient is amortised.
        seconds_alone: of a call that computes one gradient, its draw included; median over as many turns.
        ratio: mean_squared_error over that of rank 1.
        needs_oracle: whether it takes exact moments of the objective, or a sum over every outcome, which nobody has
            whose expectation is to be estimated.
        bias_seen: whether a bias is seen of an estimator that is unbiased by its law; bias_squared and the error then
            hold it.
        skipped: why it was not measured; "" where it was.
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
    seconds_per_gradient: float | None
    mean_squared_error: float | None
    low: float | None
    high: float | None
    confidence: float
    bias_squared: float | None
    trusted: bool | None
    as_good_as_the_best: bool
    block: int | None = None
    seconds_alone: float | None = None
    ratio: float | None = None
    needs_oracle: bool = False
    bias_seen: bool = False
    skipped: str = ""


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
