"""Roeder, Wu and Duvenaud, 2017: the gradient that sticks the landing has no variance at the posterior."""

from __future__ import annotations

from harness.reproduce.laws import first_value
from harness.reproduce.rows import Figure, Law, Measurement, Paper

#: How far q is on its way from the posterior (0) to loc off by 1 and scale twice as large (1).
_PATH = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)

_FIGURES = {f"towards the posterior, by {parameter}": parameter for parameter in ("loc", "scale")}

PAPER = Paper(
    reference="Roeder, Wu and Duvenaud, Sticking the Landing, NeurIPS 2017",
    where="section 3, equations 5 and 6",
    claim="At q = posterior the gradient without the score term is 0 for every sample; that of the whole bound keeps "
    "the Fisher information as variance: 1 / scale^2 = 2 by loc, 2 / scale^2 = 4 by scale.",
    figures={
        title: Figure("variance", parameter, "distance of q from the posterior")
        for title, parameter in _FIGURES.items()
    },
    measurements=tuple(
        Measurement(
            curve=curve,
            x=x,
            estimator=estimator,
            problem="gaussian_elbo",
            figures=tuple(_FIGURES),
            settings={"off": x, "stretch": 1 + x},
        )
        for estimator, curve in (("pathwise", "whole derivative"), ("sticking_the_landing", "sticking the landing"))
        for x in _PATH
    ),
    laws=tuple(
        Law(f"Fisher information at the posterior, by {parameter}", title, ("whole derivative",), first_value, value)
        for (title, parameter), value in zip(_FIGURES.items(), (2.0, 4.0), strict=True)
    ),
)
