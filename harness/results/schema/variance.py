"""Records of gradient estimators: moments on a problem, and along the training of a model."""

from __future__ import annotations

from harness.results.schema.base import Record


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
        bias_p_value: an upper bound of the chance of such a deviation without a bias, over all coordinates of the
            parameter (`harness.statistics.bias`); None where the true gradient is not known, or a tail is too heavy.
        worst_coordinate: number of the coordinate that deviates most.
        worst_z: its deviation in standard errors.
        distance: norm of the bias over all coordinates of the parameter, |E g - true gradient|.
        distance_low: lower end of its interval.
        distance_high: upper end of its interval.
        detectable_distance: norm of a bias that would have been found with a power of 0.99, wherever it is.
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
    bias_p_value: float | None = None
    worst_coordinate: int | None = None
    worst_z: float | None = None
    distance: float | None = None
    distance_low: float | None = None
    distance_high: float | None = None
    detectable_distance: float | None = None


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
        bias_p_value: an upper bound of the chance of such a deviation without a bias, over all coordinates of the
            parameter (`harness.statistics.bias`); None where the true gradient is not known, or a tail is too heavy.
        worst_coordinate: number of the coordinate that deviates most.
        worst_z: its deviation in standard errors.
        distance: norm of the bias over all coordinates of the parameter, |E g - true gradient|.
        distance_low: lower end of its interval.
        distance_high: upper end of its interval.
        detectable_distance: norm of a bias that would have been found with a power of 0.99, wherever it is.
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
    bias_p_value: float | None = None
    worst_coordinate: int | None = None
    worst_z: float | None = None
    distance: float | None = None
    distance_low: float | None = None
    distance_high: float | None = None
    detectable_distance: float | None = None
