"""Error budgets, as data: how much a result may differ from the truth, and why.

The rule is |error| <= k eps condition, with the condition of `harness.oracle.truth`: what a rounding of each input
in its last place and of the result amounts to, and the absolute terms of sums that cancel. An error of one smallest
normal number is forgiven, since frameworks flush subnormal numbers to 0 (pitfall F1).
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import NamedTuple

from harness import dtypes

RELATIVE = "eps*condition"
ROUNDED = "ulp + 32 eps(float32)*condition"
NORMWISE = "eps*norm"
BITS = "bits differ"


class Budget(NamedTuple):
    """How far a result may be off.

    Attributes:
        limit: largest error, in `unit`.
        unit: `RELATIVE`; `ROUNDED`, a unit in the last place of a 16-bit type and what computing in float32 may
            cost; `NORMWISE`, the norm of the whole error, where the condition is that of the truth; or `BITS`,
            numbers that are not the truth's nearest, bit for bit.
        reason: why.
    """

    limit: float
    unit: str
    reason: str


#: (kernel, derivative) -> budget; globs; the first row that matches holds.
ROWS: tuple[tuple[str, str, Budget], ...] = (
    ("*.hard_sample", "value", Budget(0, BITS, "a choice, not a computation: 0 and 1 are exact")),
    ("*.straight_through_*", "value", Budget(0, BITS, "(hard - soft) + soft is exact for 0 and 1 (pitfall S1)")),
    ("annealing.constant", "value", Budget(0, BITS, "nothing is computed")),
    ("gaussian.reparameterize", "value", Budget(1, RELATIVE, "one product and one sum, each rounded once")),
    ("gaussian.cdf", "value", Budget(32, RELATIVE, "the frameworks' erfc is off by up to 32 ulp")),
    ("gaussian.icdf", "value", Budget(24, RELATIVE, "the frameworks' quantile functions are off by up to 24 ulp")),
    (
        "gaussian.icdf",
        "hvp:*",
        Budget(128, RELATIVE, "the quantile's rounding enters the exponent of the second derivative twice, as r^2"),
    ),
    (
        "*",
        "hvp:*",
        Budget(32, RELATIVE, "twice the roundings of a first derivative; judged by the norm along core axes"),
    ),
    ("*", "*", Budget(8, RELATIVE, "the frameworks' exp, log, log1p, expm1 and tanh are off by up to 6.4 ulp")),
)

#: Types of 16 bits are computed in float32, and rounded once.
SIXTEEN_BITS = Budget(1, ROUNDED, "computed in float32 and rounded once: half a unit in the last place, and a tie")


def of(kernel: str, derivative: str, dtype: str) -> Budget:
    """Return the budget of a kernel's "value", "vjp:ARGUMENT", "jvp" or "hvp:ARGUMENT" in a dtype."""
    found = next(row for name, what, row in ROWS if fnmatchcase(kernel, name) and fnmatchcase(derivative, what))
    return SIXTEEN_BITS if dtypes.find(dtype).bits == 16 and found.unit != BITS else found


EXACT = Budget(0, BITS, "the case says that the result is exact")
