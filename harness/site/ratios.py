"""Errors of checks in units of their budgets."""

from __future__ import annotations

import math

from harness.results.schema import Check
from harness.site.text import number


def ratio(check: Check) -> float:
    """Return error / budget: infinite where the error is not finite, or where the budget is 0 and the error is not."""
    if check.error is None:
        return math.inf
    if check.error == 0:
        return 0.0
    return check.error / check.budget if check.budget > 0 else math.inf


def badness(check: Check) -> tuple[bool, float]:
    """Return the order of checks: those that fail are worse than those that do not, then the larger ratio."""
    return not check.within_budget, ratio(check)


def configuration(check: Check) -> str:
    """Return "float32 eager", with the device where it is not the CPU."""
    device = "" if check.device == "cpu" else f" {check.device}"
    return f"{check.dtype} {check.mode}{device}"


def error(check: Check) -> str:
    """Return the error with its unit, and "not finite" where it has no size."""
    return "not finite" if check.error is None else f"{number(check.error)} {check.unit}"


def in_budgets(check: Check) -> str:
    """Return "0.25 of its budget", or what there is to say where that is no number."""
    times = ratio(check)
    if math.isfinite(times):
        return f"{number(times)} of its budget"
    return "not finite" if check.error is None else "above a budget of 0"
