"""Yin and Zhou, 2019, and Dong, Mnih and Tucker, 2020: ARM, and its mean given the pair of samples."""

from __future__ import annotations

from harness.reproduce.laws import never_above
from harness.reproduce.rows import Figure, Law, Measurement, Paper

_TITLE = "one bit, f = (b - 0.45)^2"
_MEAN = "one bit, mean of the same gradients"
_PROBS = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98)

PAPER = Paper(
    reference="Yin and Zhou, ARM, ICLR 2019; Dong, Mnih and Tucker, DisARM, NeurIPS 2020",
    where="Yin and Zhou, equation 5; Dong et al., equation 8",
    claim="ARM and DisARM are unbiased, and DisARM, the mean of ARM given the pair of samples, has no more variance.",
    figures={
        _TITLE: Figure("variance", "logits", "probability p"),
        _MEAN: Figure("mean", "logits", "probability p", log_y=False),
    },
    measurements=tuple(
        Measurement(
            curve=estimator,
            x=p,
            estimator=estimator,
            problem="bernoulli_quadratic",
            figures=(_TITLE, _MEAN),
            settings={"p": p, "t": 0.45},
        )
        for estimator in ("arm", "disarm", "score_function")
        for p in _PROBS
    ),
    laws=(Law("DisARM / ARM <= 1", _TITLE, ("disarm", "arm"), never_above, value=1.0),),
)
