"""What the report on generators measures: one cell per sampler, dtype and device, and what its counts say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np

from harness import backends as known_backends
from harness import dtypes as floats
from harness.errors import unknown
from harness.execution.work import Cell, Work
from harness.generators import known, statistics, truth
from harness.generators.draws import GENERATORS, Summary
from harness.generators.support import reachable
from harness.results.schema import Generator
from harness.validation import require_count
from implementations import registry

#: Columns of a table of these records, in the order of reading.
COLUMNS = ("backend", "generator", "distribution", "dtype", "test", "p_value", "level", "passed", "pitfall", "note")


#: For each cut: how many draws are at most that number, and the true probability of that.
Tally = dict[float, tuple[int, float]]


@dataclass(frozen=True)
class Sampler:
    """What is judged: its identity, in the words of `Generator`."""

    backend: str
    device: str
    generator: str
    distribution: str
    dtype: str
    seed: int


def tests_in_report() -> int:
    """Return how many tests with a false-alarm level the whole report has, whatever part of it is planned.

    Over the reference backends, two generators, all dtypes and distributions: one bulk test, and one for each event.
    """
    references = sum(row.kind == "reference" for row in registry.backends().values())
    tests = sum(1 + len(truth.events(name, dtype)) for name in truth.DISTRIBUTIONS for dtype in floats.DTYPES)
    return references * len(GENERATORS) * tests


def level() -> float:
    """Return the false-alarm level of one test."""
    return statistics.per_test_level(tests_in_report())


def cuts(distribution: str, dtype: str) -> tuple[float, ...]:
    """Return every number at which draws are counted, in rising order."""
    ends = {end for event in truth.events(distribution, dtype) for end in (event.above, event.up_to)}
    return tuple(sorted({*truth.bulk_cuts(distribution, dtype).tolist(), *ends, float("-inf"), float("inf")}))


def _listed(kind: str, names: Sequence[str], allowed: Sequence[str]) -> list[str]:
    for name in names:
        if name not in allowed:
            raise unknown(kind, name, allowed)
    return list(dict.fromkeys(names)) or list(allowed)


def plan(
    backends: Sequence[str] = (),
    dtypes: Sequence[str] = tuple(floats.DTYPES),
    seed: int = 0,
    distributions: Sequence[str] = (),
    families: Sequence[str] = GENERATORS,
    devices: Sequence[str] = ("cpu",),
) -> list[Cell]:
    """Return one cell per backend, device, dtype, distribution and generator.

    Args:
        backends: their names; none means every installed reference backend.
        dtypes: floating types.
        seed: of the frameworks' generators, in [0, 2^31).
        distributions: of `truth.DISTRIBUTIONS`; none means all.
        families: "reference" (the backends' samplers), "native" (the framework's, in the dtype itself).
        devices: "cpu", "gpu".

    Raises:
        BadInputError: a name or value cannot be used.
    """
    require_count("seed", seed, 0)
    known_backends.require_references(backends, "generators of its own")
    chosen = _listed("distribution", distributions, truth.DISTRIBUTIONS)
    samplers = _listed("generator", families, GENERATORS)
    draws = statistics.sample_size(level())
    return [
        cell(Sampler(backend, device, generator, distribution, floats.find(dtype).name, seed), draws)
        for backend in known_backends.chosen(backends)
        for device in devices
        for dtype in dtypes
        for distribution in chosen
        for generator in samplers
    ]


def cell(sampler: Sampler, draws: int) -> Cell:
    """Return the cell that judges one sampler."""
    categorical = sampler.distribution == "categorical"
    return Cell(
        f"generator {sampler.backend} {sampler.generator} {sampler.distribution} {sampler.dtype} {sampler.device} "
        f"draws={draws} seed={sampler.seed}",
        Work(
            "harness.generators.draws:measure",
            sampler.backend,
            sampler.device,
            {
                "generator": sampler.generator,
                "distribution": sampler.distribution,
                "dtype": sampler.dtype,
                "parameter": truth.logits(sampler.dtype) if categorical else np.zeros(1),
                "draws": draws,
                "seed": sampler.seed,
                "cuts": np.asarray(cuts(sampler.distribution, sampler.dtype)),
            },
        ),
        partial(judge, sampler),
    )


def judge(sampler: Sampler, summary: Summary) -> list[Generator]:
    """Return one record per test of a sampler, or a single one that says that it was refused."""
    common = _common(sampler, summary)
    if summary.refused:
        return [_explained(Generator(**common, **_refused(summary)))]
    tally = _tally(sampler, summary)
    rows = (_bulk(sampler, tally, summary.draws), *_events(sampler, tally, summary.draws), _finite(sampler, summary))
    return [_explained(Generator(**common, **row)) for row in rows]


def _explained(record: Generator) -> Generator:
    return msgspec.structs.replace(record, pitfall=known.pitfall(record))


def _common(sampler: Sampler, summary: Summary) -> dict[str, Any]:
    low, high, _ = _reachable(sampler)
    return vars(sampler) | {
        "draws": summary.draws,
        "smallest": summary.smallest,
        "largest": summary.largest,
        "support_low": low,
        "support_high": high,
        "distinct": summary.distinct,
    }


def _reachable(sampler: Sampler) -> tuple[float | None, float | None, str]:
    return reachable(sampler.backend, sampler.device, sampler.generator, sampler.distribution, sampler.dtype)


def _tally(sampler: Sampler, summary: Summary) -> Tally:
    """Return, for each cut, how many draws are at most that number, and the true probability of that."""
    numbers = cuts(sampler.distribution, sampler.dtype)
    probs = truth.at_most(numbers, sampler.distribution, sampler.dtype)
    return dict(zip(numbers, zip(summary.at_most, probs.tolist(), strict=True), strict=True))


def _between(tally: Tally, above: float, up_to: float) -> tuple[int, float]:
    """Return how many draws lie in (above, up_to], and the true probability."""
    return tally[up_to][0] - tally[above][0], tally[up_to][1] - tally[above][1]


def _bulk(sampler: Sampler, tally: Tally, draws: int) -> dict[str, Any]:
    ends = (float("-inf"), *truth.bulk_cuts(sampler.distribution, sampler.dtype).tolist(), float("inf"))
    bins = [_between(tally, *pair) for pair in pairwise(ends)]
    counts, probs = (np.asarray(column) for column in zip(*bins, strict=True))
    statistic, p_value = statistics.chi_square(counts, probs, draws)
    distance = statistics.detectable_distance(len(bins), draws, level())
    detectable = f"sum (p' - p)^2 / p of {distance:.2g} over {len(bins)} bins, power {statistics.POWER}"
    return _tested("bulk", statistic, p_value, detectable, "")


def _events(sampler: Sampler, tally: Tally, draws: int) -> list[dict[str, Any]]:
    return [
        _event(event, *_between(tally, event.above, event.up_to), draws)
        for event in truth.events(sampler.distribution, sampler.dtype)
    ]


def _event(event: truth.Event, count: int, probability: float, draws: int) -> dict[str, Any]:
    ratio = statistics.detectable_ratio(draws, probability, level())
    return _tested(
        event.name,
        float(count),
        statistics.binomial_p_value(count, draws, probability),
        f"probability {probability:.3g} times {ratio:.2f}, power {statistics.POWER}",
        f"expected {probability * draws:.1f}",
    )


def _finite(sampler: Sampler, summary: Summary) -> dict[str, Any]:
    """Return the test that has no false alarms: the true rounded distributions are finite with certainty."""
    *_, reason = _reachable(sampler)
    return {
        "test": "finite",
        "statistic": float(summary.not_finite),
        "p_value": float(summary.not_finite == 0),
        "level": 0.0,
        "detectable": f"{statistics.seen_rate(summary.draws):.1e} of the draws, power {statistics.POWER}",
        "passed": summary.not_finite == 0,
        "note": f"support: {reason}; {summary.zeros} zeros",
    }


def _refused(summary: Summary) -> dict[str, Any]:
    return {
        "test": "refused",
        "statistic": None,
        "p_value": None,
        "level": 0.0,
        "detectable": "",
        "passed": False,
        "note": summary.refused,
    }


def _tested(test: str, statistic: float, p_value: float, detectable: str, note: str) -> dict[str, Any]:
    return {
        "test": test,
        "statistic": statistic,
        "p_value": p_value,
        "level": level(),
        "detectable": detectable,
        "passed": p_value >= level(),
        "note": note,
    }
