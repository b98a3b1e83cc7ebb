"""Mohamed, Rosca, Figurnov and Mnih, 2020: variance of three estimators as the objective changes shape."""

from __future__ import annotations

from harness.reproduce.laws import never_above
from harness.reproduce.rows import Figure, Law, Measurement, Paper

_ESTIMATORS = ("score_function", "pathwise", "measure_valued")

#: Problem, its formula, and the values of k.
_OBJECTIVES = {
    "quadratic": ("(x - k)^2", (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)),
    "exponential": ("exp(-k x^2)", (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)),
    "cosine": ("cos(k x)", (0.2, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0)),
}


def _title(formula: str, parameter: str) -> str:
    return f"f = {formula}, by {parameter}"


PAPER = Paper(
    reference="Mohamed, Rosca, Figurnov and Mnih, Monte Carlo Gradient Estimation in Machine Learning, JMLR 2020",
    where="section 3, figures 2 and 3, at loc = scale = 1",
    claim="No estimator has the least variance everywhere: the pathwise one has on smooth objectives, and loses to "
    "the others where the objective varies quickly.",
    figures={
        _title(formula, parameter): Figure("variance", parameter, "k", log_x=problem == "exponential")
        for problem, (formula, _) in _OBJECTIVES.items()
        for parameter in ("loc", "scale")
    },
    measurements=tuple(
        Measurement(
            curve=estimator,
            x=k,
            estimator=estimator,
            problem=problem,
            figures=tuple(_title(formula, parameter) for parameter in ("loc", "scale")),
            settings={"loc": 1.0, "scale": 1.0, "k": k},
        )
        for problem, (formula, grid) in _OBJECTIVES.items()
        for k in grid
        for estimator in _ESTIMATORS
    ),
    laws=tuple(
        Law(
            f"pathwise / score function <= 1, by {parameter}",
            _title("(x - k)^2", parameter),
            ("pathwise", "score_function"),
            never_above,
            value=1.0,
        )
        for parameter in ("loc", "scale")
    ),
)
