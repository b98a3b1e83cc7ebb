"""The known defects of the samplers, as data, and what a report says that this table does not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby

from harness.results.schema import Generator


@dataclass(frozen=True)
class Known:
    """A defect that is expected to be detected.

    Attributes:
        backend: pattern of its name.
        generator: "reference" or "native".
        distribution: its name.
        dtype: pattern of its name.
        test: pattern of the names of the tests that may fail.
        pitfall: its id in the catalogue, or its tracker.
        reason: what is wrong.
        certain: whether every run must detect it; False where it is too rare for the sample size.
    """

    backend: str
    generator: str
    distribution: str
    dtype: str
    test: str
    pitfall: str
    reason: str
    certain: bool = True

    def fits(self, record: Generator, test: str) -> bool:
        """Tell whether a test of the record's sampler may fail for this defect."""
        pairs = (
            (record.backend, self.backend),
            (record.generator, self.generator),
            (record.distribution, self.distribution),
            (record.dtype, self.dtype),
            (test, self.test),
        )
        return all(fnmatchcase(*pair) for pair in pairs)


_WRAPPED = "a float32 draw that rounds to 1 is returned as 0"
_COARSE = "the uniform numbers are a coarse grid that holds 0 too often and never rounds to 1"
_OF_COARSE = "-log(-log u) of a coarse grid: -inf at u = 0, and the upper tail is cut off"
_AT_ZERO = "-log(-log u) is -inf at u = 0"

#: "*float16" stands for float16 and bfloat16.
KNOWN = (
    Known("torch", "native", "uniform", "*float16", "*", "G2", _WRAPPED),
    Known("jax", "native", "uniform", "*float16", "*", "G2", _COARSE),
    Known("tensorflow", "native", "uniform", "*float16", "*", "G2", _COARSE),
    Known("torch", "native", "gumbel", "*float16", "*", "G2", _OF_COARSE),
    Known("tensorflow", "native", "gumbel", "*float16", "*", "G2", _OF_COARSE),
    Known("torch", "native", "gumbel", "float32", "finite", "G2", f"{_AT_ZERO}, once in 2^24 draws", certain=False),
    Known(
        "tensorflow", "native", "gumbel", "float32", "finite", "G2", f"{_AT_ZERO}, once in 2^23 draws", certain=False
    ),
    Known("jax", "native", "gumbel", "*float16", "*", "G4", "mode low, on a coarse grid: both tails are wrong"),
    Known("jax", "native", "categorical", "*float16", "*", "G4", "Gumbel-max with the noise of mode low"),
    Known("jax", "native", "normal", "*float16", "*", "G6", "erfinv of a coarse grid: the tails are cut off"),
)


def pitfall(record: Generator) -> str:
    """Return the pitfall that explains a failing record, or ""."""
    return next((row.pitfall for row in KNOWN if not record.passed and row.fits(record, record.test)), "")


def _sampler(record: Generator) -> tuple[str, ...]:
    return record.backend, record.device, record.generator, record.distribution, record.dtype, str(record.seed)


def verdict(records: Iterable[Generator]) -> list[str]:
    """Return the problems of a report: failures that no known defect explains, and known defects not detected."""
    problems = []
    for sampler, group in groupby(sorted(records, key=_sampler), _sampler):
        rows = list(group)
        name = "{0} {2} {3} {4} on {1}, seed {5}".format(*sampler)
        problems += [
            f"{name}: {row.test} fails (p = {row.p_value}, level {row.level:.1e}) and no known defect explains it: "
            f"{row.note or 'no note'}"
            for row in rows
            if not row.passed and not row.pitfall
        ]
        problems += [
            f"{name}: the known defect {known.pitfall} ({known.reason}) was not detected; remove its row if it is fixed"
            for known in KNOWN
            if known.certain and any(known.fits(row, row.test) for row in rows)
            if all(row.passed for row in rows if known.fits(row, row.test))
        ]
    return problems
