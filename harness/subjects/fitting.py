"""Which of the project's estimators fit an expectation that someone wrote, and what else they are called."""

from __future__ import annotations

from harness import aliases
from harness.errors import unknown
from harness.estimators import ESTIMATORS, WORDS, Estimator
from harness.plugins import texts
from harness.problems import FEATURES, NOISE
from harness.subjects import estimated_baselines
from harness.subjects.estimated_baselines import ESTIMATED
from harness.subjects.expectation import Expectation
from implementations.interface import outcomes

#: The estimators that evaluate f' at discrete samples; the others with a relaxation do so at relaxed ones.
_AT_DISCRETE = frozenset({"straight_through", "straight_through_gumbel", "gumbel_rao"})


def rows() -> dict[str, Estimator]:
    """Return the estimators of the table, and those with estimated baselines."""
    return {**ESTIMATORS, **estimated_baselines.rows()}


def resolve(name: str) -> str:
    """Return the estimator of that name, or the one that the field calls so, in any case.

    Raises:
        BadInputError: there is none, or the field calls several ones so.
    """
    known = rows()
    found = aliases.meant(str(name), known)
    if name not in known and len(found) != 1:
        raise unknown("estimator", str(name), known, "reparam list estimators")
    return found[0]


def why_not(goal: Expectation, name: str, log_weight: bool) -> str:
    """Return why an estimator does not fit, as the end of a sentence that begins with it; "" where it does."""
    row = rows()[name]
    plain = frozenset() if goal.objective.sees_parameters else frozenset({"plain"})
    weight = frozenset({"weight"}) if log_weight else frozenset()
    lacking = sorted(row.needs - FEATURES[goal.distribution] - plain - weight)
    gap = texts.gap(goal.name, name, ESTIMATORS) if name in ESTIMATORS else ""
    if gap:
        return f"is not available: {gap}"
    if lacking:
        known = [estimated for estimated, exact in ESTIMATED.items() if exact == name]
        fix = "; give log_weight=True if it is one" if lacking == ["weight"] else ""
        return f"needs {' and '.join(WORDS[word] for word in lacking)}{fix}" + "".join(f"; use {k}" for k in known)
    excess = outcomes.excess(NOISE[goal.distribution], goal.event) if row.enumerates else ""
    if excess:
        return f"enumerates {excess}"
    return _not_smooth(goal, name, row)


def _not_smooth(goal: Expectation, name: str, row: Estimator) -> str:
    """Return why an estimator cannot use the derivative of the objective, "" where it can or needs none."""
    relaxed = "relaxation" in row.needs and not row.enumerates
    if relaxed and name not in _AT_DISCRETE:
        reason, where = goal.findings.at_relaxed, "relaxed samples"
    elif relaxed or row.needs & {"reparameterizable", "implicit"}:
        reason, where = goal.findings.at_samples, "samples"
    else:
        return ""
    return f"needs the derivative of the objective at {where}, and {reason}" if reason else ""
