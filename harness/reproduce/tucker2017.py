"""Tucker et al., 2017: the one-bit problem on which a relaxation's bias shows, and its remedy's variance."""

from __future__ import annotations

from functools import partial
from math import exp

from harness.reproduce import descent
from harness.reproduce.laws import never_above
from harness.reproduce.rows import Figure, Law, Measurement, Paper

_VARIANCE = "variance along the exact descent"
_MEAN = "mean gradient along the exact descent"
_TUNED = "REBAR, tuned"
_FIXED = "REBAR, as it comes"

#: Estimators by legend, with their settings. The paper tunes temperature and coefficient while it trains: here they are
#: near the best constants of the first step, temperature 50 and coefficient 93 (a relaxation so wide that f is almost
#: linear in it). At temperature 0.5 the best coefficient is 0.02, and 1 doubles the variance.
_ESTIMATORS = {
    "score function": ("score_function", {}),
    _TUNED: ("rebar", {"temperature": 50.0, "coefficient": 100.0}),
    _FIXED: ("rebar", descent.SETTINGS),
    "Concrete": ("gumbel_softmax", {"temperature": descent.TEMPERATURE}),
}

_STEPS = (0, 5, 10, 20, 50, 100, 200)


def _probs() -> dict[int, float]:
    """Return p before some steps of the descent by the exact gradient, p (1 - p) (1 - 2 t)."""
    logit, found = 0.0, {}
    for step in range(_STEPS[-1] + 1):
        p = 1 / (1 + exp(-logit))
        found[step] = p
        logit -= descent.RATE * p * (1 - p) * (1 - 2 * descent.TARGET)
    return {step: found[step] for step in _STEPS}


PAPER = Paper(
    reference="Tucker, Mnih, Maddison, Lawson and Sohl-Dickstein, REBAR, NeurIPS 2017",
    where=f"section 5.1: E (b - t)^2 of one bit, here a loss, with t = {descent.TARGET}; Concrete at temperature "
    f"{descent.TEMPERATURE}; REBAR at temperature 50 with coefficient 100 (tuned), and at 0.5 with 1 (as it comes)",
    claim="REBAR is unbiased and, once tuned, has less variance than the score function's gradient; descent along "
    "the Concrete gradient, which is biased, ends in the wrong place.",
    figures={
        _VARIANCE: Figure("variance", "logits", "step"),
        _MEAN: Figure("mean", "logits", "step", log_y=False),
        descent.TITLE: descent.FIGURE,
    },
    measurements=tuple(
        Measurement(
            curve=curve,
            x=float(step),
            estimator=estimator,
            problem=descent.PROBLEM,
            figures=(_VARIANCE, _MEAN),
            settings={"p": p, "t": descent.TARGET} | own,
        )
        for curve, (estimator, own) in _ESTIMATORS.items()
        for step, p in _probs().items()
    ),
    laws=(
        Law("tuned REBAR / score function <= 1", _VARIANCE, (_TUNED, "score function"), never_above, value=1.0),
        Law(
            "loss after all steps, REBAR / Concrete <= 1",
            descent.TITLE,
            ("REBAR", "Concrete"),
            never_above,
            value=1.0,
            least_x=float(descent.STEPS),
        ),
    ),
    more=partial(descent.cells, "tucker2017"),
    more_points=descent.POINTS,
)
