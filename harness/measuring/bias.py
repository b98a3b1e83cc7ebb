"""Whether a stochastic gradient is biased: its mean against numbers, or against the mean of another gradient."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import BadInputError, shown
from harness.measuring.measure import (
    centre_of,
    constant_note,
    fraction,
    pilot_rows,
    require_most,
    require_replicates,
    stream,
)
from harness.measuring.progress import progress
from harness.measuring.reader import Gradients, Reader, require_seed
from harness.measuring.results import Bias
from harness.measuring.tree import Layout, vector
from harness.statistics import sizes
from harness.statistics.bias import LEVEL, BiasTest, Verdict
from harness.statistics.diagnosis import diagnose
from harness.statistics.intervals import Estimate

Float = NDArray[np.float64]

#: The most replicates that a judgement may take.
AT_MOST = 10**6

#: The least level, and the least and largest scale: float64 has numbers for their squares and inverses.
LEAST_LEVEL, SCALES = 1e-300, (1e-100, 1e100)


class Truth:
    """What the mean of a gradient should be.

    Attributes:
        numbers: [coordinates]; None where it is a gradient too.
        reader: of that gradient.
        eps: machine epsilon of each leaf of gradient and truth, the coarser of both [leaves].
    """

    def __init__(self, truth: Any, layout: Layout, seed: int) -> None:
        """Read a truth: numbers of the structure of one gradient, or a subject.

        Raises:
            BadInputError: its structure differs from the gradient's.
        """
        self.numbers: Float | None = None
        self.reader: Reader | None = None
        if callable(truth):
            self.reader = Reader(truth, seed, f"truth {getattr(truth, '__name__', '')}".strip())
            _require_same(self.reader.layout, layout)
            self.reader.layout = layout
            eps = self.reader.layout.eps
        else:
            self.numbers, eps = vector(truth, layout)
        self.eps: Float = np.maximum(layout.eps, eps)

    def readers(self, reader: Reader) -> list[Reader]:
        """Return the readers of gradient and truth."""
        return [reader] if self.reader is None else [reader, self.reader]


def _require_same(one: Layout, other: Layout) -> None:
    shapes = [{leaf.path: leaf.shape for leaf in layout.leaves} for layout in (one, other)]
    for path in [*shapes[1], *shapes[0]]:
        if shapes[0].get(path) != shapes[1].get(path):
            raise BadInputError(
                f"truth at {path or 'its root'} has {_shape(shapes[0].get(path))}; the gradient has "
                f"{_shape(shapes[1].get(path))} there; give both the same structure"
            )


def _shape(shape: tuple[int, ...] | None) -> str:
    return "nothing" if shape is None else f"the shape {shape}"


def leaf_scale(layout: Layout, reference: Float) -> Float:
    """Return the root mean square of the truth in each leaf, by coordinate [coordinates].

    Roundings of a coordinate whose terms cancel are those of its terms, not of their sum.
    """
    values = [float(np.sqrt(np.mean(np.square(reference[leaf.start : leaf.stop])))) if leaf.stop > leaf.start else 0.0
              for leaf in layout.leaves]  # fmt: skip
    return layout.spread(np.array(values))


def norm_of(reference: Float, others: Gradients | None) -> float:
    """Return |truth|; of a gradient's pilot, its estimate sqrt(|mean|^2 - trace / n), 0 where noise hides it."""
    square = float(reference @ reference)
    if others is None:
        return math.sqrt(square)
    found = centre_of(others)
    return math.sqrt(max(square - float(found.second.sum()) / (found.n - 1) / found.n, 0.0))


def require_scale(scale: object, norm: float) -> float:
    """Return the norm that `detect` is relative to.

    Raises:
        BadInputError: it is not above 0.
    """
    if scale is None:
        if norm > 0:
            return norm
        raise BadInputError(
            "the truth is 0 in every coordinate, or hidden by noise, so that no bias is relative to it; give "
            "scale=..., the norm of a gradient of usual size, in its place"
        )
    if isinstance(scale, bool) or not isinstance(scale, int | float | np.number) or not SCALES[0] <= scale <= SCALES[1]:
        allowed = "a number above 0, from {:g} to {:g}".format(*SCALES)
        raise BadInputError(f"scale is {shown(scale)}; allowed: {allowed}; as in scale=1.0")
    return float(scale)


def require_level(level: object) -> float:
    """Return a level.

    Raises:
        BadInputError: it is not between `LEAST_LEVEL` and 0.5.
    """
    if isinstance(level, bool) or not isinstance(level, int | float | np.number) or not LEAST_LEVEL <= level <= 0.5:
        raise BadInputError(
            f"level is {shown(level)}; allowed: above 0, from {LEAST_LEVEL:g} on, and at most 0.5; as in level=1e-6"
        )
    return float(level)


class Judge:
    """Judges one subject: a pilot for the size, then a test to which the stream is given.

    Attributes:
        needed: replicates that find a bias of `detect`, wherever it is; may be infinite.
    """

    def __init__(
        self, reader: Reader, truth: Truth, rows: Gradients, others: Gradients | None, *,
        detect: float, level: float, scale: float | None,
    ) -> None:  # fmt: skip
        """Compute the size from a pilot.

        Args:
            reader: of the subject.
            truth: what its mean should be.
            rows: gradients of the pilot [n, coordinates].
            others: those of the truth from the same seeds, where it is a subject.
            detect: bias to be found, relative to the scale.
            level: chance of a false alarm.
            scale: norm that `detect` is relative to; None is |truth|.
        """
        self.reader, self.truth, self.detect, self.level = reader, truth, detect, level
        reference = truth.numbers if others is None or truth.numbers is not None else centre_of(others).mean
        if reference is None:
            raise AssertionError("a truth has numbers or gradients")
        self._leaf_scale = leaf_scale(reader.layout, reference)
        self.scale = require_scale(scale, norm_of(reference, others))
        difference = rows if others is None else np.asarray(rows, np.float64) - others
        self._seen = sizes.pilot(difference, reference)
        self.needed = sizes.replicates(self._seen, detect * self.scale, level)

    def test(self, replicates: int) -> BiasTest:
        """Return a test of so many replicates."""
        layout = self.reader.layout
        return BiasTest(
            self.truth.numbers,
            layout.size,
            replicates,
            eps=layout.spread(self.truth.eps),
            scale=self._leaf_scale,
            level=self.level,
        )

    def result(
        self, test: BiasTest, seed: int, samples: int | None = None, terms: Mapping[str, Any] | None = None
    ) -> Bias:
        """Return the judgement after all replicates."""
        found: Verdict = test.verdict()
        biased = found.trusted is not False and found.p_value < self.level
        layout = self.reader.layout
        pattern = diagnosis = ""
        if biased:
            parts = {name: vector(term, layout, f"term {name!r}")[0] for name, term in (terms or {}).items()}
            seen = diagnose(*test.moments(), layout.leaves, samples=samples, terms=parts)
            pattern, diagnosis = seen.pattern, seen.text
            if pattern == "none":  # what the test saw is less than what a pattern is looked for in
                pattern = "unrecognized"
                diagnosis = "the bias is too small beside noise and usual roundings for a pattern to be singled out"
        estimate, scale = found.distance, self.scale
        return Bias(
            name=self.reader.name,
            p_value=found.p_value,
            biased=biased,
            level=self.level,
            worst=layout.name(found.coordinate),
            z=found.z,
            value=found.value,
            truth=found.truth,
            distance=Estimate(*(part / scale for part in estimate)),
            scale=scale,
            detectable=sizes.detectable(self._seen, found.replicates, self.level) / scale,
            detect=self.detect,
            replicates=found.replicates,
            seed=seed,
            trusted=found.trusted,
            pattern=pattern,
            diagnosis=diagnosis,
            notes=_notes(self.reader.name, found, test),
        )


def _notes(name: str, found: Verdict, test: BiasTest) -> tuple[str, ...]:
    if found.trusted is False:
        return ("The gradient's tail is so heavy that its variance may be infinite: no level can be stated.",)
    return () if test.first.second.any() else (constant_note(name),)


def bias(
    subject: Callable[[int, int], Any],
    truth: Any,
    *,
    detect: float | str = 0.05,
    level: float = LEVEL,
    seed: int = 0,
    replicates: int | None = None,
    at_most: int = AT_MOST,
    scale: float | None = None,
    samples: int | None = None,
    terms: Mapping[str, Any] | None = None,
    name: str = "",
) -> Bias:
    """Judge whether the mean of a gradient is the truth, in every coordinate.

    The number of replicates is computed from a pilot, such that a bias of the norm detect * |truth| is found with a
    power of 0.99, in one coordinate or spread over all of them, and a gradient without bias is called biased with a
    chance of at most `level`, for skewed and heavy-tailed distributions of finite variance too. Both rates rest on
    replicates that show the variance: what an event carries that is in none of them, such as one of a chance of 1e-5,
    is seen by no test.

    Args:
        subject: (seed, n) -> pytree of n independent gradients, each leaf [n, *shape].
        truth: numbers in the structure of one gradient, or another subject, whose error is then counted too; where
            both take their noise from the seed alike, they are compared in pairs.
        detect: the bias to be found, relative to |truth|, such as 0.05 or "5%".
        level: chance of a false alarm, family-wise over all coordinates.
        seed: from which all seeds come.
        replicates: gradients to measure, at least 8, in place of the computed number.
        at_most: the largest number of replicates; where more are needed, `detectable` is above `detect`.
        scale: a norm in place of |truth|, for a truth that is 0.
        samples: in one gradient, so that the diagnosis can name a factor of 1 / samples.
        terms: mean gradients of terms that may be missing or leak, by name, in the structure of one gradient.
        name: for tables; "" takes the subject's own.

    Returns:
        A `Bias`.

    Raises:
        BadInputError: the subject, the truth or an argument cannot be used.

    Reference:
        `harness.statistics.bias` for the rule, `harness.statistics.diagnosis` for the diagnosis.
    """
    require_seed(seed)
    require_level(level)
    wanted = fraction("detect", detect)
    count = None if replicates is None else require_replicates(replicates, 8)
    most = require_most(at_most, 8)
    reader = Reader(subject, seed, name)
    goal = Truth(truth, reader.layout, seed)
    readers = goal.readers(reader)
    rows, *others = pilot_rows(readers, seed)
    judge = Judge(reader, goal, rows, others[0] if others else None, detect=wanted, level=level, scale=scale)
    del rows, others
    count = int(min(judge.needed, most)) if count is None else count
    test = judge.test(count)
    with progress(f"judging {reader.name}", count) as bar:
        for blocks in stream(readers, count, seed, bar):
            test.add(*blocks)
    return judge.result(test, seed, samples, terms)
