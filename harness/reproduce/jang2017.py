"""Jang, Gu and Poole, 2017, and Maddison, Mnih and Teh, 2017: what the temperature of a relaxation trades."""

from __future__ import annotations

from functools import partial

from harness.reproduce import relaxed
from harness.reproduce.laws import first_product
from harness.reproduce.rows import Figure, Law, Measurement, Paper

_VARIANCE = "variance against temperature, f(b) = b, p = 0.3"
_BIAS = "mean gradient against temperature, f(b) = (b - 0.45)^2, p = 0.3"

_P = 0.3
_TEMPERATURES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)

PAPER = Paper(
    reference="Jang, Gu and Poole, Categorical Reparameterization with Gumbel-Softmax, ICLR 2017; Maddison, Mnih and "
    "Teh, The Concrete Distribution, ICLR 2017",
    where="Jang et al., section 2.1 and figure 1; the law of the variance is derived in this project",
    claim="As the temperature falls, the mean of a relaxed sample tends to the probabilities, the gradient's bias to "
    "0, and its variance to infinity, like p (1 - p) / (6 T); as it grows, samples become uniform.",
    figures={
        _VARIANCE: Figure("variance", "logits", "temperature", log_x=True),
        _BIAS: Figure("mean", "logits", "temperature", log_x=True, log_y=False),
        relaxed.TITLE: relaxed.FIGURE,
    },
    measurements=(
        *(
            Measurement(
                curve="Gumbel-softmax",
                x=temperature,
                estimator="gumbel_softmax",
                problem="bernoulli",
                figures=(_VARIANCE,),
                settings={"p": _P, "f0": 0.0, "f1": 1.0, "temperature": temperature},
            )
            for temperature in _TEMPERATURES
        ),
        *(
            Measurement(
                curve="Gumbel-softmax",
                x=temperature,
                estimator="gumbel_softmax",
                problem="bernoulli_quadratic",
                figures=(_BIAS,),
                settings={"p": _P, "t": 0.45, "temperature": temperature},
            )
            for temperature in _TEMPERATURES
        ),
        *(
            Measurement(
                curve="score function, unbiased",
                x=temperature,
                estimator="score_function",
                problem="bernoulli_quadratic",
                figures=(_BIAS,),
                settings={"p": _P, "t": 0.45},
            )
            for temperature in (_TEMPERATURES[0], _TEMPERATURES[-1])
        ),
    ),
    laws=(
        Law(
            "T Var, T = 0.01, tends to p (1 - p) / 6",
            _VARIANCE,
            ("Gumbel-softmax",),
            first_product,
            value=_P * (1 - _P) / 6,
            slack=0.02 * _P * (1 - _P) / 6,
        ),
    ),
    more=partial(relaxed.cells, "jang2017"),
    more_points=relaxed.POINTS,
)
