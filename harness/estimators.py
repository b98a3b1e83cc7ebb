"""The gradient estimators under test, as a table of data, and which of them fit which problem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.errors import BadInputError, unknown
from harness.problems import FEATURES, PROBLEMS
from harness.validation import Setting


@dataclass(frozen=True)
class Estimator:
    """One row of the table.

    Attributes:
        text: the formula, in a few words.
        module: module of `backend.estimators` that holds the function of the same name as the row.
        least_samples: samples that one gradient needs at least; the default of `--samples`.
        needs: what the distribution must allow, a word of `problems.FEATURES`; "" where any distribution will do.
        settings: what `--set` sets; they reach the estimator among the constants.
        biased: whether its mean differs from the true gradient.
        reference: where it comes from.
    """

    text: str
    module: str
    least_samples: int
    needs: str
    reference: str
    settings: Mapping[str, Setting] = field(default_factory=dict)
    biased: bool = False


_TEMPERATURE = {"temperature": Setting(0.5, "temperature", "of the relaxation")}

ESTIMATORS: dict[str, Estimator] = {
    "pathwise": Estimator(
        text="d f(g(noise, parameters)) / d parameters",
        module="pathwise",
        least_samples=1,
        needs="reparameterizable",
        reference="Kingma and Welling, 2014, section 2.4",
    ),
    "score_function": Estimator(
        text="f(x) d log p(x; parameters) / d parameters",
        module="score_function",
        least_samples=1,
        needs="",
        reference="Williams, 1992",
    ),
    "score_function_leave_one_out": Estimator(
        text="(f(x_s) - mean of the other samples' f) d log p(x_s; parameters) / d parameters",
        module="score_function",
        least_samples=2,
        needs="",
        reference="Mnih and Rezende, 2016, section 2.4",
    ),
    "gumbel_softmax": Estimator(
        text="d f(relaxed sample) / d parameters",
        module="relaxed",
        least_samples=1,
        needs="relaxation",
        reference="Jang, Gu and Poole, 2017, section 2.1",
        settings=_TEMPERATURE,
        biased=True,
    ),
    "straight_through_gumbel": Estimator(
        text="f'(hard sample) d (relaxed sample) / d parameters",
        module="relaxed",
        least_samples=1,
        needs="relaxation",
        reference="Jang, Gu and Poole, 2017, section 2.2",
        settings=_TEMPERATURE,
        biased=True,
    ),
}


def fits(estimator: str, problem: str) -> bool:
    """Tell whether the problem's distribution allows what the estimator needs."""
    needs = ESTIMATORS[estimator].needs
    return not needs or needs in FEATURES[PROBLEMS[problem].distribution]


def require_fit(estimator: str, problem: str) -> None:
    """Check that both exist and fit together.

    Raises:
        BadInputError: one is unknown, or the estimator does not fit; the message says which estimators do.
    """
    if estimator not in ESTIMATORS:
        raise unknown("estimator", estimator, ESTIMATORS, "reparam list estimators")
    if problem not in PROBLEMS:
        raise unknown("problem", problem, PROBLEMS, "reparam list problems")
    if not fits(estimator, problem):
        fitting = ", ".join(name for name in ESTIMATORS if fits(name, problem))
        needs = {
            "reparameterizable": "a reparameterizable distribution",
            "relaxation": "a distribution with a relaxation",
        }
        raise BadInputError(
            f"estimator {estimator!r} needs {needs[ESTIMATORS[estimator].needs]}, "
            f"which problem {problem!r} does not have; estimators that fit: {fitting}"
        )
