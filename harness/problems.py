"""The problems: an expectation E f(x), x ~ p(x; parameters), whose gradient is estimated, as a table of data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from harness import dtypes
from harness.validation import Setting

Floats = dict[str, NDArray[np.float64]]

#: What the distributions allow, by attribute of `backend.distributions`; an estimator's `needs` is one of these words.
FEATURES: dict[str, frozenset[str]] = {
    "NORMAL": frozenset({"reparameterizable"}),
    "BERNOULLI": frozenset({"relaxation"}),
}

#: Images of the vae problem, and the seed of its weights.
IMAGES = 8
WEIGHTS_SEED = 0


@dataclass(frozen=True)
class Problem:
    """One row of the table.

    Attributes:
        text: the expectation, in a few words.
        distribution: attribute of `backend.distributions`, a key of `FEATURES`.
        objective: function of `backend.objectives`.
        settings: what `--set` sets.
        parameters: names of the distribution's parameters.
        make: (settings, dimension) -> parameters {name: [*event]} and constants of the objective, in float64.
        dimension: default of `--dimension`; None where the problem has a dimension of its own.
        intermediates: numbers that the objective holds per sample, beside the sample itself.
        reference: where it comes from.
    """

    text: str
    distribution: str
    objective: str
    settings: Mapping[str, Setting]
    parameters: tuple[str, ...]
    make: Callable[[Mapping[str, float], int], tuple[Floats, Floats]]
    dimension: int | None
    intermediates: int
    reference: str


def _quadratic(settings: Mapping[str, float], dimension: int) -> tuple[Floats, Floats]:
    """Return a scalar loc and scale, and the target k."""
    del dimension
    return {name: np.asarray(settings[name]) for name in ("loc", "scale")}, {"k": np.asarray(settings["k"])}


def _norm_squared(settings: Mapping[str, float], dimension: int) -> tuple[Floats, Floats]:
    """Return the same loc and the same scale in every coordinate."""
    return {name: np.full(dimension, settings[name]) for name in ("loc", "scale")}, {}  # [dimension]


def _bernoulli(settings: Mapping[str, float], dimension: int) -> tuple[Floats, Floats]:
    """Return the logit log p - log(1 - p), and the objective at 0 and 1."""
    del dimension
    logits = np.log(settings["p"]) - np.log1p(-settings["p"])
    return {"logits": np.asarray(logits)}, {name: np.asarray(settings[name]) for name in ("f0", "f1")}


@cache
def _vae_arrays() -> tuple[Floats, Floats]:
    """Return the encoder's posterior of the first images at the initial weights, the binary images and the decoder."""
    from harness.data import binarized, digits
    from harness.training.weights import initial_weights
    from implementations.interface.models import vae
    from implementations.interface.models.network import parameter_shapes

    weights = initial_weights(vae.ENCODER + vae.DECODER, WEIGHTS_SEED)
    every_image, _ = digits()
    # the digits are sorted by class: equal steps through them take one image from each of several classes
    images = binarized(every_image[:: len(every_image) // IMAGES][:IMAGES])  # [images, pixels]
    hidden = images
    for name, _, _ in vae.ENCODER[:2]:
        hidden = np.maximum(hidden @ weights[f"{name}.kernel"] + weights[f"{name}.bias"], 0.0)
    loc = hidden @ weights["loc.kernel"] + weights["loc.bias"]  # [images, latents]
    scale = np.logaddexp(hidden @ weights["scale.kernel"] + weights["scale.bias"], 0.0)
    decoder = {name: weights[name] for name in parameter_shapes(vae.DECODER)}
    return {"loc": loc, "scale": scale}, {"images": images, **decoder}


def _vae(settings: Mapping[str, float], dimension: int) -> tuple[Floats, Floats]:
    """Return the posterior and the constants; there is nothing to set."""
    del settings, dimension
    return _vae_arrays()


PROBLEMS: dict[str, Problem] = {
    "quadratic": Problem(
        text="E (x - k)^2, x ~ N(loc, scale^2)",
        distribution="NORMAL",
        objective="quadratic",
        settings={
            "loc": Setting(0.5, "real", "mean of x"),
            "scale": Setting(1.0, "positive", "standard deviation of x"),
            "k": Setting(0.0, "real", "target"),
        },
        parameters=("loc", "scale"),
        make=_quadratic,
        dimension=None,
        intermediates=0,
        reference="Mohamed, Rosca, Figurnov and Mnih, 2020, section 3",
    ),
    "norm_squared": Problem(
        text="E |x|^2, x ~ N(loc, scale^2 I) in --dimension coordinates",
        distribution="NORMAL",
        objective="norm_squared",
        settings={
            "loc": Setting(0.0, "real", "mean of every coordinate"),
            "scale": Setting(1.0, "positive", "standard deviation of every coordinate"),
        },
        parameters=("loc", "scale"),
        make=_norm_squared,
        dimension=10,
        intermediates=0,
        reference="Rezende, Mohamed and Wierstra, 2014, appendix D",
    ),
    "bernoulli": Problem(
        text="E f(b), b ~ Bernoulli(p), by the logit of p",
        distribution="BERNOULLI",
        objective="bernoulli",
        settings={
            "p": Setting(0.5, "open_unit_interval", "probability of 1"),
            "f0": Setting(0.2025, "real", "objective at 0, 0.45^2 by default"),
            "f1": Setting(0.3025, "real", "objective at 1, (1 - 0.45)^2 by default"),
        },
        parameters=("logits",),
        make=_bernoulli,
        dimension=None,
        intermediates=0,
        reference="Tucker et al., REBAR, 2017, section 5.1",
    ),
    "vae": Problem(
        text=f"evidence lower bound of {IMAGES} binary digits at the initial weights, by the posterior's loc and scale",
        distribution="NORMAL",
        objective="vae",
        settings={},
        parameters=("loc", "scale"),
        make=_vae,
        dimension=None,
        intermediates=IMAGES * (128 + 256 + 2 * 784),
        reference="Kingma and Welling, 2014, equation 3",
    ),
}


def instance(problem: str, settings: Mapping[str, float], dimension: int, dtype: str) -> tuple[Floats, Floats]:
    """Return the parameters and constants of a problem, rounded once to `dtype` and held in float64.

    Exact values belong to these rounded numbers, which are what a backend sees: in bfloat16 a loc of 0.7 is 0.69921875.

    Args:
        problem: a key of `PROBLEMS`.
        settings: every setting of the problem; others are not looked at.
        dimension: coordinates, for a problem that takes `--dimension`.
        dtype: the dtype under test.
    """
    parameters, constants = PROBLEMS[problem].make(settings, dimension)
    round_all = {name: dtypes.rounded(value, dtype) for name, value in parameters.items()}
    return round_all, {name: dtypes.rounded(value, dtype) for name, value in constants.items()}
