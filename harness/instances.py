"""What makes the instances of problems: the distribution's parameters and the objective's constants, in float64.

Each function is, or returns, the `make` of rows of `harness.problems.PROBLEMS`: (settings, dimension) -> parameters
{name: [*event]} and constants. It reads its problem's settings, and the dimension where the problem takes one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Floats = dict[str, NDArray[np.float64]]


def _logit(p: float) -> np.float64:
    """Return log p - log(1 - p)."""
    logit: np.float64 = np.log(p) - np.log1p(-p)
    return logit


def quadratic(settings: Mapping[str, float], dimension: int) -> tuple[Floats, Floats]:
    """Return a scalar loc and scale, and the target k."""
    del dimension
    return {name: np.asarray(settings[name]) for name in ("loc", "scale")}, {"k": np.asarray(settings["k"])}


def norm_squared(settings: Mapping[str, float], dimension: int) -> tuple[Floats, Floats]:
    """Return the same loc and the same scale in every coordinate."""
    return {name: np.full(dimension, settings[name]) for name in ("loc", "scale")}, {}  # [dimension]


def bernoulli(settings: Mapping[str, float], dimension: int) -> tuple[Floats, Floats]:
    """Return the logit log p - log(1 - p), and the objective at 0 and 1."""
    del dimension
    logits = _logit(settings["p"])
    return {"logits": np.asarray(logits)}, {name: np.asarray(settings[name]) for name in ("f0", "f1")}


def coordinates(*names: str, constants: Mapping[str, str] | None = None) -> Callable[..., tuple[Floats, Floats]]:
    """Return a `make` whose parameters, and some constants, are the same in every coordinate.

    Args:
        names: of the parameters, which are settings.
        constants: setting by the name of the constant.
    """

    def make(settings: Mapping[str, float], dimension: int) -> tuple[Floats, Floats]:
        fixed = constants or {}
        return (
            {name: np.full(dimension, settings[name]) for name in names},
            {name: np.asarray(settings[setting]) for name, setting in fixed.items()},
        )

    return make


def bits(settings: Mapping[str, float], dimension: int) -> tuple[Floats, Floats]:
    """Return the same logit of every bit, and the target t."""
    logit = _logit(settings["p"])
    return {"logits": np.full(dimension, logit)}, {"t": np.asarray(settings["t"])}


def classes(settings: Mapping[str, float], dimension: int) -> tuple[Floats, Floats]:
    """Return logits that grow from class to class, and a quadratic form with unlike values at the corners."""
    index = np.arange(dimension, dtype=np.float64)
    matrix = settings["curvature"] * np.cos(index[:, None] - 2.0 * index)
    return {"logits": settings["slope"] * index}, {"matrix": matrix, "linear": 0.3 * index}


def gaussian_weights(settings: Mapping[str, float], dimension: int) -> tuple[Floats, Floats]:
    """Return q's loc and scale at some distance from the posterior's, (prior + x) / 2 and sqrt(1/2)."""
    prior, x = np.full(dimension, settings["prior"]), np.full(dimension, settings["x"])
    loc: NDArray[np.float64] = (prior + x) / 2 + settings["off"]
    scale = np.full(dimension, np.sqrt(0.5) * settings["stretch"])
    return {"loc": loc, "scale": scale}, {"prior": prior, "x": x}


def bit_weights(settings: Mapping[str, float], dimension: int) -> tuple[Floats, Floats]:
    """Return the same logit of every bit, and weights 1, 1/2, 1/3, ..."""
    logit = _logit(settings["p"])
    weights = 1.0 / np.arange(1, dimension + 1)
    return {"logits": np.full(dimension, logit)}, {"weights": weights, "x": np.asarray(settings["x"])}


def vae(settings: Mapping[str, float], dimension: int) -> tuple[Floats, Floats]:
    """Return the posterior at the initial weights, and the constants; there is nothing to set."""
    from harness.posteriors import initial_vae

    del settings, dimension
    return initial_vae()


def categorical_vae(settings: Mapping[str, float], dimension: int) -> tuple[Floats, Floats]:
    """Return the posterior at the initial weights, and the constants; there is nothing to set."""
    from harness.posteriors import initial_categorical_vae

    del settings, dimension
    return initial_categorical_vae()


def logistic_regression(settings: Mapping[str, float], dimension: int) -> tuple[Floats, Floats]:
    """Return the same loc and scale of every weight, the features behind a column of ones, and the labels."""
    from harness.data import breast_cancer, with_intercept

    del dimension
    features, labels = breast_cancer()
    design = with_intercept(features)  # [examples, weights]
    parameters = {name: np.full(design.shape[1], settings[name]) for name in ("loc", "scale")}
    return parameters, {"features": design, "labels": labels.astype(np.float64)}


def heteroscedastic_regression(settings: Mapping[str, float], dimension: int) -> tuple[Floats, Floats]:
    """Return the same loc and scale of every weight of both heads [2, weights], the features, and the targets."""
    from harness.data import diabetes, with_intercept

    del dimension
    features, targets = diabetes()
    design = with_intercept(features)  # [examples, weights]
    parameters = {name: np.full((2, design.shape[1]), settings[name]) for name in ("loc", "scale")}
    return parameters, {"features": design, "targets": targets[:, 0]}
