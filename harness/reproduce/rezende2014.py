"""Rezende, Mohamed and Wierstra, 2014: how the score function's variance grows with the dimension."""

from __future__ import annotations

from harness.reproduce.laws import last_ratio
from harness.reproduce.rows import Figure, Law, Measurement, Paper

_TITLE = "f = |x|^2, x ~ N(0, I_D), by loc"
_LAST = 50

PAPER = Paper(
    reference="Rezende, Mohamed and Wierstra, Stochastic Backpropagation and Approximate Inference in Deep Generative "
    "Models, ICML 2014",
    where="the comparison of gradients by variance, on |x|^2",
    claim="The variance of the score function's gradient grows with the dimension, (D + 2) (D + 4) here, and that of "
    "the pathwise gradient does not, 4.",
    figures={_TITLE: Figure("variance", "loc", "dimension D", log_x=True)},
    measurements=tuple(
        Measurement(
            curve=estimator,
            x=float(dimension),
            estimator=estimator,
            problem="norm_squared",
            figures=(_TITLE,),
            dimension=dimension,
            replicates=200_000,
        )
        for estimator in ("score_function", "pathwise")
        for dimension in (1, 2, 5, 10, 20, _LAST)
    ),
    laws=(
        Law(
            f"ratio of both at D = {_LAST}: (D + 2) (D + 4) / 4",
            _TITLE,
            ("score_function", "pathwise"),
            last_ratio,
            value=(_LAST + 2) * (_LAST + 4) / 4,
        ),
    ),
)
