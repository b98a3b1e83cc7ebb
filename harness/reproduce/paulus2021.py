"""Paulus, Maddison and Krause, 2021: averaging relaxations given the sample lowers the variance, not the mean."""

from __future__ import annotations

from harness.reproduce.laws import never_above
from harness.reproduce.rows import Figure, Law, Measurement, Paper

_SETTINGS = {"p": 0.3, "t": 0.45}
_COLD = 0.1

_VARIANCE = f"variance with K inner relaxations, temperature {_COLD}"
_MEAN = f"mean with K inner relaxations, temperature {_COLD}"
_ERROR = "squared error against temperature"

_INNER = (1, 2, 5, 10, 20, 50, 100)
_TEMPERATURES = (0.05, 0.1, 0.2, 0.5, 1.0)
#: Legend, estimator and its settings.
_COMPARED: tuple[tuple[str, str, dict[str, float]], ...] = (
    ("straight-through Gumbel", "straight_through_gumbel", {}),
    ("Gumbel-Rao, K = 10", "gumbel_rao", {"inner": 10.0}),
    ("Gumbel-Rao, K = 100", "gumbel_rao", {"inner": 100.0}),
)

PAPER = Paper(
    reference="Paulus, Maddison and Krause, Rao-Blackwellizing the Straight-Through Gumbel-Softmax Gradient Estimator, "
    "ICLR 2021",
    where="section 4, on one bit: E (b - 0.45)^2, p = 0.3",
    claim="The Gumbel-Rao gradient has the mean of the straight-through Gumbel gradient for every K, and a variance "
    "that falls with K; so its squared error is less at every temperature, most of all at low ones.",
    figures={
        _VARIANCE: Figure("variance", "logits", "inner relaxations K", log_x=True),
        _MEAN: Figure("mean", "logits", "inner relaxations K", log_x=True, log_y=False),
        _ERROR: Figure("squared error", "logits", "temperature", log_x=True),
    },
    measurements=(
        *(
            Measurement(
                curve="Gumbel-Rao",
                x=float(inner),
                estimator="gumbel_rao",
                problem="bernoulli_quadratic",
                figures=(_VARIANCE, _MEAN),
                settings={**_SETTINGS, "temperature": _COLD, "inner": float(inner)},
                replicates=100_000,
            )
            for inner in _INNER
        ),
        *(
            Measurement(
                curve=curve,
                x=temperature,
                estimator=estimator,
                problem="bernoulli_quadratic",
                figures=(_ERROR,),
                settings={**_SETTINGS, **own, "temperature": temperature},
                replicates=100_000,
            )
            for temperature in _TEMPERATURES
            for curve, estimator, own in _COMPARED
        ),
    ),
    laws=(
        Law(
            "squared error, K = 10 / straight-through <= 1", _ERROR, (_COMPARED[1][0], _COMPARED[0][0]), never_above, 1
        ),
        Law("squared error, K = 100 / K = 10 <= 1", _ERROR, (_COMPARED[2][0], _COMPARED[1][0]), never_above, 1),
    ),
)
