"""Records of statistical tests of random numbers."""

from __future__ import annotations

from harness.results.schema.base import Record


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
