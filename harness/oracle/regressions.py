"""The log weights of the Bayesian regressions by hand: value, slope by the weights, explicit derivatives by q.

Reference:
    Mohamed, Rosca, Figurnov and Mnih, 2020, section 8; Harvey, Econometrica 44, 1976; the derivatives on paper.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from harness.oracle.sized import Real, Sized, exp, log, sigmoid, sized, softplus, square, times

Arrays = Mapping[str, Real]


def _standardized(x: Sized, parameters: Arrays) -> tuple[Sized, Sized]:
    scale = sized(parameters["scale"])
    return (x - parameters["loc"]) / scale, scale


def _over_prior(x: Sized, parameters: Arrays) -> Sized:
    """Return log N(x; 0, I) - log N(x; loc, scale): the normalisers of log(2 pi) / 2 cancel, log scale is left."""
    z, scale = _standardized(x, parameters)
    terms = square(z) * 0.5 + log(scale) - square(x) * 0.5
    return terms.sum(tuple(range(2, x.value.ndim)))


def _over_prior_slope(x: Sized, parameters: Arrays) -> Sized:
    z, scale = _standardized(x, parameters)
    return z / scale - x


def explicit(x: Sized, parameters: Arrays, constants: Arrays) -> dict[str, Sized]:
    """Return the derivatives of -log q at fixed x: -z / scale by loc, (1 - z^2) / scale by scale."""
    del constants
    z, scale = _standardized(x, parameters)
    return {"loc": -(z / scale), "scale": (1 - square(z)) / scale}


def logistic(w: Sized, parameters: Arrays, constants: Arrays) -> Sized:
    """Return sum_n y_n l_n - softplus(l_n), l = X w, and the ratio to the prior."""
    logits = times(w, constants["features"].T)  # [replicates, samples, examples]
    return (logits * constants["labels"] - softplus(logits)).sum(-1) + _over_prior(w, parameters)


def logistic_slope(w: Sized, parameters: Arrays, constants: Arrays) -> Sized:
    """Return X^T (y - sigmoid(X w)), and the slope of the ratio."""
    residual = sized(constants["labels"]) - sigmoid(times(w, constants["features"].T))
    return times(residual, constants["features"]) + _over_prior_slope(w, parameters)


def _heads(u: Sized, constants: Arrays) -> tuple[Sized, Sized]:
    """Return the residuals y - X w and the log scales X v, [replicates, samples, examples]."""
    heads = times(u, constants["features"].T)  # [replicates, samples, 2, examples]
    loc, log_scale = (heads.map(lambda part, at=at: part[:, :, at]) for at in range(2))  # type: ignore[misc]
    return sized(constants["targets"]) - loc, log_scale


def heteroscedastic(u: Sized, parameters: Arrays, constants: Arrays) -> Sized:
    """Return sum_n -r_n^2 exp(-2 s_n) / 2 - s_n - log(2 pi) / 2, r = y - X w and s = X v, and the ratio."""
    residual, log_scale = _heads(u, constants)
    terms = square(residual / exp(log_scale)) * 0.5 + log_scale + np.log(2 * np.longdouble(np.pi)) / 2
    weight: Sized = -terms.sum(-1) + _over_prior(u, parameters)
    return weight


def heteroscedastic_slope(u: Sized, parameters: Arrays, constants: Arrays) -> Sized:
    """Return X^T (r exp(-2 s)) by w and X^T (r^2 exp(-2 s) - 1) by v, and the slope of the ratio."""
    residual, log_scale = _heads(u, constants)
    scale = exp(log_scale)
    pulls = residual / square(scale), square(residual / scale) - 1
    slopes = [times(pull, constants["features"]) for pull in pulls]
    both = Sized(*(np.stack(parts, 2) for parts in zip(*slopes, strict=True)))  # [replicates, samples, 2, weights]
    return both + _over_prior_slope(u, parameters)
