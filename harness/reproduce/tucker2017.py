"""Tucker et al., 2017: the one-bit problem on which a relaxation's bias shows, and its remedy's variance."""

from __future__ import annotations

from functools import partial
from math import exp

from harness.reproduce import descent
from harness.reproduce.laws import never_above
from harness.reproduce.rows import Figure, Law, Measurement, Paper

_VARIANCE = "variance along the exact descent"
_MEAN = "mean gradient along the exact descent"
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
    where=f"section 5.1: E (b - t)^2 of one bit, here with t = {descent.TARGET}, temperature {descent.TEMPERATURE}, "
    "coefficient 1, and as a loss",
    claim="REBAR is unbiased and has less variance than the score function's gradient; descent along the Concrete "
    "gradient, which is biased, ends in the wrong place.",
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
        for estimator, own in (
            ("score_function", {}),
            ("rebar", descent.SETTINGS),
            ("gumbel_softmax", {"temperature": descent.TEMPERATURE}),
        )
        for curve in (descent.CURVES[estimator],)
        for step, p in _probs().items()
    ),
    laws=(
        Law("variance, REBAR / score function <= 1", _VARIANCE, ("REBAR", "score function"), never_above, value=1.0),
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
