"""How the numbers are made: what a reader of any page may ask, answered once."""

from __future__ import annotations

from harness.estimators import ESTIMATORS
from harness.generators import statistics
from harness.problems import PROBLEMS
from harness.site.page import Section, Table
from harness.statistics import bias, intervals
from harness.variance import laws, ranking


def sections() -> list[Section]:
    """Return the sections of text, which no run has measured."""
    return [_truth(), _noise(), _errors(), _estimators()]


def _truth() -> Section:
    notes = (
        "Kernels are judged by mpmath on the inputs rounded to the tested type, with derivatives that no automatic "
        "differentiation made; estimators by formulas worked out by hand, in extended precision; networks by "
        "hand-written backpropagation. No line of that code is shared with a framework.",
        "An error is counted in units of a budget that was stated before: so many units in the last place, times "
        "the condition of the problem at that input. harness/agreement/budgets.py has every budget and its reason.",
        "Expectations have exact values by Gaussian moments, enumeration and quadrature. The models on real data have "
        "none: a long run by another road stands in, and its own standard error is carried into every comparison.",
    )
    return Section("truth", "Where the truth comes from", notes)


def _noise() -> Section:
    notes = (
        "Noise is an argument of every kernel. It is drawn once, in float64, by NumPy's Philox generator, keyed by "
        "what it is for, and every framework gets the same numbers: gradients are compared sample by sample.",
        "Variance is taken over replicates, not over samples, so that estimators with coupled samples are measured as "
        "they are. Blocks are keyed by their number and merged in one order: the number of processes changes no bit.",
        "A time is the median of repeated calls, each of which waits for its result; what is compared takes turns in "
        "one process, and ratios are taken within a turn.",
    )
    return Section("noise", "Noise, replicates and turns", notes)


def _errors() -> Section:
    rows = (
        ("an interval of a mean, a variance, a ratio", f"misses in {100 * (1 - intervals.CONFIDENCE):.2g} % of runs"),
        ("a bias that is found", f"{bias.LEVEL:g} of the gradients without one, over all coordinates of a parameter"),
        ("an estimator that is told apart from the best", f"{100 * ranking.LEVEL:g} % over all comparisons"),
        ("reparam laws calling a sound framework unsound", f"{laws.LEVEL:g} by the number of misses in each kind of "
         f"interval, {laws.FAMILY_WISE:g} by a bias in any gradient"),
        ("reparam check --generators calling a sound generator unsound", f"{statistics.FAMILY_LEVEL:g} in all tests"),
    )  # fmt: skip
    table = Table("Chance of a wrong statement", ("statement", "how often it is wrong"), rows,
                  frozenset({"how often it is wrong"}))  # fmt: skip
    note = "No measurement is repeated until it looks good: sizes are computed before, from the effect to be seen."
    return Section("errors", "Error rates", (note,), (), (table,))


def _estimators() -> Section:
    rows = [
        (name, "yes" if row.biased else "no", str(row.least_samples), row.reference, ESTIMATORS.package(name))
        for name, row in sorted(ESTIMATORS.items())
    ]
    headings = ("estimator", "biased", "samples needed", "source", "package")
    table = Table("Estimators", headings, rows, frozenset({"biased", "source", "package"}), True)
    note = f"{len(ESTIMATORS)} estimators on {len(PROBLEMS)} problems."
    return Section("estimators", "What is compared", (note,), (), (table,))
