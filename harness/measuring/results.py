"""What measurements return: frozen results that print in 80 columns, show in a notebook and become DataFrames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.measuring.tree import Layout
from harness.statistics.intervals import Estimate

if TYPE_CHECKING:
    import pandas as pd

Float = NDArray[np.float64]


class Result:
    """What every result can do: print, show in a notebook, become a table and a page."""

    def frame(self) -> pd.DataFrame:
        """Return the result as a table; each class says what its rows are."""
        raise NotImplementedError

    def __str__(self) -> str:
        """Return the result as text of at most 80 columns."""
        from harness.measuring import show

        return show.text(self)

    def _repr_html_(self) -> str:
        """Return the result for a notebook: a table and a chart."""
        from harness.measuring import report

        return report.fragment(self)

    def to_html(self, path: str | Path) -> Path:
        """Write the result as one self-contained page, and return its path.

        Args:
            path: of the file; its folder exists.

        Raises:
            BadInputError: the file cannot be written.
        """
        from harness.measuring import report

        return report.write(self, Path(path))


@dataclass(frozen=True, repr=False)
class Measurement(Result):
    """Mean, variance and cost of a stochastic gradient.

    Attributes:
        name: of the subject.
        layout: of one gradient.
        flat_mean: mean of each coordinate [coordinates].
        flat_variance: variance of each coordinate [coordinates].
        total_variance: trace of the covariance, the variances of all coordinates added up.
        signal_to_noise: |E g|^2 over that, bias-corrected.
        leaf_variances: total variance of each leaf.
        replicates: gradients that were measured.
        seed: that repeats the measurement.
        seconds_per_gradient: where many are computed in one call, amortised.
        seconds_alone: of one gradient that is computed alone.
        block: gradients in one call.
        tail_shape: Pareto shape k of the largest squared deviations; None where too few were measured.
        trusted: whether the intervals of variances are trusted: k below 0.7. None where k is not known.
        notes: what else the reader should know, in sentences.
        confidence: of the intervals.
    """

    name: str
    layout: Layout
    flat_mean: Float = field(repr=False)
    flat_variance: Float = field(repr=False)
    total_variance: Estimate
    signal_to_noise: Estimate
    leaf_variances: tuple[Estimate, ...]
    replicates: int
    seed: int
    seconds_per_gradient: float
    seconds_alone: float
    block: int
    tail_shape: float | None
    trusted: bool | None
    notes: tuple[str, ...]
    confidence: float

    @property
    def mean(self) -> Any:
        """Mean gradient, NumPy float64 in the structure of one gradient."""
        return self.layout.unflatten(self.flat_mean)

    @property
    def variance(self) -> Any:
        """Variance of each coordinate of one gradient, NumPy float64 in its structure."""
        return self.layout.unflatten(self.flat_variance)

    @property
    def standard_error(self) -> Any:
        """Standard error of each coordinate of the mean, NumPy float64 in the structure of one gradient."""
        return self.layout.unflatten(np.sqrt(self.flat_variance / self.replicates))

    def frame(self) -> pd.DataFrame:
        """Return a row per leaf.

        Returns:
            Columns parameter, shape, coordinates, mean_norm (|mean|), variance (the leaf's coordinates added up) with
            variance_low and variance_high, and share of the total variance.
        """
        import pandas as pd

        total = self.total_variance.value
        rows = []
        for leaf, variance in zip(self.layout.leaves, self.leaf_variances, strict=True):
            mean = self.flat_mean[leaf.start : leaf.stop]
            rows.append(
                {
                    "parameter": leaf.path,
                    "shape": leaf.shape,
                    "coordinates": leaf.stop - leaf.start,
                    "mean_norm": float(np.linalg.norm(mean)),
                    "variance": variance.value,
                    "variance_low": variance.low,
                    "variance_high": variance.high,
                    "share": variance.value / total if total > 0 else np.nan,
                }
            )
        return pd.DataFrame(rows)


@dataclass(frozen=True, repr=False)
class Bias(Result):
    """Whether the mean of a gradient differs from the truth.

    Attributes:
        name: of the subject.
        p_value: an upper bound of the chance of such a deviation without a bias, family-wise over all coordinates.
        biased: whether it is below `level`.
        level: chance that a gradient without bias is called biased.
        worst: name of the coordinate that deviates most.
        z: its deviation in standard errors.
        value: its mean.
        truth: what it should be.
        distance: |E g - truth| / scale.
        scale: |truth|, or what was given in its place.
        detectable: the bias, relative to `scale`, that these replicates find with a power of 0.99, wherever it is.
        detect: the bias, relative to `scale`, that was asked for.
        replicates: gradients that were measured.
        seed: that repeats the judgement.
        trusted: False where a tail is so heavy that no level can be stated; None where too few were measured.
        pattern: what the bias looks like, one word of `harness.statistics.diagnosis`; "" where there is none.
        diagnosis: the same in a sentence.
        notes: what else the reader should know, in sentences.
    """

    name: str
    p_value: float
    biased: bool
    level: float
    worst: str
    z: float
    value: float
    truth: float
    distance: Estimate
    scale: float
    detectable: float
    detect: float
    replicates: int
    seed: int
    trusted: bool | None
    pattern: str
    diagnosis: str
    notes: tuple[str, ...]

    @property
    def decided(self) -> bool:
        """Whether the question is answered: a bias is found, or one of size `detect` would have been."""
        return self.biased or (self.trusted is not False and self.detectable <= self.detect)

    def frame(self) -> pd.DataFrame:
        """Return one row with the numbers of the judgement."""
        import pandas as pd

        row = {
            "name": self.name,
            "biased": self.biased,
            "p_value": self.p_value,
            "worst": self.worst,
            "z": self.z,
            "value": self.value,
            "truth": self.truth,
            "distance": self.distance.value,
            "distance_low": self.distance.low,
            "distance_high": self.distance.high,
            "detectable": self.detectable,
            "replicates": self.replicates,
            "seed": self.seed,
            "trusted": self.trusted,
            "diagnosis": self.diagnosis,
        }
        return pd.DataFrame([row])


@dataclass(frozen=True, repr=False)
class Comparison(Result):
    """Several gradients of one quantity, measured from the same seeds.

    Attributes:
        measurements: of each subject, by name, in the order given.
        squares: |g - c|^2 of every replicate, by name [replicates].
        biases: by name; empty without a truth.
        seconds: that one estimate may take; None where variances of one gradient are compared.
        errors: what is compared, by name: the mean squared error that `seconds` buy, or the total variance.
        best: the names that cannot be distinguished from the best one, family-wise at 5 %.
        level: that rate.
    """

    measurements: Mapping[str, Measurement]
    squares: Mapping[str, Float] = field(repr=False)
    biases: Mapping[str, Bias]
    seconds: float | None
    errors: Mapping[str, Estimate]
    best: frozenset[str]
    level: float

    def ratio(self, one: str, other: str) -> Estimate:
        """Return the ratio of the total variances of two subjects, paired by their seeds.

        Args:
            one: name of the numerator.
            other: name of the denominator.

        Raises:
            BadInputError: a name is unknown.
        """
        from harness.errors import unknown
        from harness.measuring.compare import variance_ratio

        for name in (one, other):
            if name not in self.measurements:
                raise unknown("subject", name, self.measurements)
        totals = [self.measurements[name].total_variance.value for name in (one, other)]
        return variance_ratio(totals[0], totals[1], self.squares[one], self.squares[other])

    def frame(self) -> pd.DataFrame:
        """Return a row per subject.

        Returns:
            Columns name, variance (total, of one gradient), variance_low, variance_high, ratio to the first subject
            with ratio_low and ratio_high, seconds_per_gradient (amortised), seconds_alone, work_normalized_variance
            (variance times amortised seconds), mean_squared_error with its interval where seconds are given, biased,
            bias_p_value, distance and detectable where a truth is, trusted, and best.
        """
        import pandas as pd

        first = next(iter(self.measurements))
        rows = []
        for name, found in self.measurements.items():
            ratio = self.ratio(name, first)
            row: dict[str, Any] = {
                "name": name,
                "variance": found.total_variance.value,
                "variance_low": found.total_variance.low,
                "variance_high": found.total_variance.high,
                "ratio": ratio.value,
                "ratio_low": ratio.low,
                "ratio_high": ratio.high,
                "seconds_per_gradient": found.seconds_per_gradient,
                "seconds_alone": found.seconds_alone,
                "work_normalized_variance": found.total_variance.value * found.seconds_per_gradient,
            }
            if self.seconds is not None:
                error = self.errors[name]
                row |= {
                    "mean_squared_error": error.value,
                    "mean_squared_error_low": error.low,
                    "mean_squared_error_high": error.high,
                }
            bias = self.biases.get(name)
            if bias is not None:
                row |= {
                    "biased": bias.biased,
                    "bias_p_value": bias.p_value,
                    "distance": bias.distance.value,
                    "distance_low": bias.distance.low,
                    "distance_high": bias.distance.high,
                    "detectable": bias.detectable,
                }
            rows.append(row | {"trusted": found.trusted, "best": name in self.best})
        return pd.DataFrame(rows)
