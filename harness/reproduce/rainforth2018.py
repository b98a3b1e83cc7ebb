"""Rainforth et al., 2018, and Tucker et al., 2019: signal to noise of gradients of a bound with ever more samples."""

from __future__ import annotations

from harness.reproduce.laws import slope
from harness.reproduce.rows import Figure, Law, Measurement, Paper

#: Samples of the bound, K, and gradients measured: small signals need many, and take K numbers each.
_IWAE = {2: 400_000, 4: 400_000, 8: 400_000, 16: 400_000, 32: 400_000, 64: 200_000, 256: 100_000}
_DREG = {2: 400_000, 4: 400_000, 16: 200_000, 64: 100_000, 256: 100_000}

_TITLE = "inference network, by {}"
_FIGURES = {_TITLE.format(parameter): parameter for parameter in ("loc", "scale")}
#: A q wider than the posterior, so that the weights are bounded, at which the leading terms of both gradients are
#: large: at stretch 1.25 that by scale changes its sign at small K, and the rates are reached later.
_SETTINGS = {"off": 0.5, "stretch": 1.75}

PAPER = Paper(
    reference="Rainforth et al., Tighter Variational Bounds are Not Necessarily Better, ICML 2018; Tucker, Lawson, Gu "
    "and Maddison, Doubly Reparameterized Gradient Estimators for Monte Carlo Objectives, ICLR 2019",
    where="Rainforth et al., section 3 (rates) and 4 (linear Gaussian model); Tucker et al., equation 8",
    claim="The signal-to-noise ratio of the inference network's gradient falls like K^(-1/2) as the bound gets "
    "tighter; the doubly reparameterized gradient's grows like K^(1/2).",
    figures={
        title: Figure("signal to noise", parameter, "samples of the bound, K", log_x=True)
        for title, parameter in _FIGURES.items()
    },
    measurements=tuple(
        Measurement(
            curve=estimator,
            x=float(samples),
            estimator=estimator,
            problem="linear_gaussian_iwae",
            figures=tuple(_FIGURES),
            settings=_SETTINGS,
            samples=samples,
            replicates=replicates,
        )
        for estimator, grid in (("iwae", _IWAE), ("dreg", _DREG))
        for samples, replicates in grid.items()
    ),
    laws=tuple(
        Law(f"slope of {estimator} by {parameter}, K >= 16: {value:+g}", title, (estimator,), slope, value, slack, 16.0)
        for title, parameter in _FIGURES.items()
        for estimator, value, slack in (("iwae", -0.5, 0.03), ("dreg", 0.5, 0.03))
    ),
)
