"""The problems: an expectation E f(x), x ~ p(x; parameters), whose gradient is estimated, as a table of data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import dtypes, instances
from harness import noise as noises
from harness.plugins import rows
from harness.validation import Setting
from implementations.entries import Table

Floats = dict[str, NDArray[np.float64]]

#: What the distributions allow, by attribute of `backend.distributions`; an estimator's `needs` is one of these words.
FEATURES: dict[str, frozenset[str]] = {
    "NORMAL": frozenset({"reparameterizable", "normal"}),
    "BERNOULLI": frozenset({"relaxation", "bits"}),
    "CATEGORICAL": frozenset({"relaxation"}),
    "GAMMA": frozenset({"implicit"}),
    "BETA": frozenset({"implicit"}),
}

#: What is drawn for each distribution, a key of `harness.noise.KINDS`.
NOISE = {"NORMAL": "normal", "BERNOULLI": "logistic", "CATEGORICAL": "gumbel", "GAMMA": "uniform", "BETA": "uniform"}

#: The concentrations whose standard gamma variates are the noise of a distribution, made of what is drawn.
CONCENTRATIONS = {"GAMMA": ("concentration",), "BETA": ("concentration1", "concentration0")}

#: What problems allow: "plain", an objective of one factor that does not see the parameters explicitly; "weight", an
#: objective that is the log weight of a bound; "exact", moments of objective and score that the oracle knows.
PLAIN = frozenset({"plain", "exact"})
WEIGHT = frozenset({"weight", "exact"})

#: Images of the problems vae and categorical_vae, `posteriors.IMAGES`; their networks' hidden units and outputs.
IMAGES = 8
_DECODED = 128 + 256 + 2 * 784


#: Numbers that the derivative of one gamma variate holds (`implementations.interface.gamma.sample_derivative`).
QUADRATURE = 65


@dataclass(frozen=True)
class Problem:
    """One row of the table.

    Attributes:
        text: the expectation, in a few words.
        distribution: attribute of `backend.distributions`, a key of `FEATURES`.
        settings: what `--set` sets.
        parameters: names of the distribution's parameters.
        make: (settings, dimension) -> parameters {name: [*event]} and constants of the objective, in float64.
        reference: where it comes from.
        objective: function of `backend.objectives`.
        dimension: default of `--dimension`; None where the problem has a dimension of its own.
        intermediates: numbers that the objective holds per sample, beside the sample itself.
        features: what it allows, beside what its distribution does.
        source: of its data, a key of `harness.data.SOURCES`; "" where it needs none.
        bound: whether what is estimated is the gradient of E log((1/S) sum_s w_s), whose log weight the objective is,
            with S the samples of one gradient, instead of that of E f.
        functions: of a problem of another package: "module:function" of the objective by backend.
        gaps: of such a one: why it lacks a backend, by backend.
        exact: of such a one: (parameters, constants) -> E f and its gradient {parameter: [*event]}, in NumPy.
    """

    text: str
    distribution: str
    settings: Mapping[str, Setting]
    parameters: tuple[str, ...]
    make: Callable[[Mapping[str, float], int], tuple[Floats, Floats]]
    reference: str
    objective: str = ""
    dimension: int | None = None
    intermediates: int = 0
    features: frozenset[str] = PLAIN
    bound: bool = False
    source: str = ""
    functions: Mapping[str, str] = field(default_factory=dict)
    gaps: Mapping[str, str] = field(default_factory=dict)
    exact: Callable[[Floats, Floats], tuple[Any, Mapping[str, Any]]] | None = None


_NORMAL_SETTINGS = {
    "loc": Setting(0.5, "real", "mean of every coordinate"),
    "scale": Setting(1.0, "positive", "standard deviation of every coordinate"),
}
_WEIGHT_SETTINGS = {
    "prior": Setting(0.0, "real", "mean of z in the model"),
    "x": Setting(1.0, "real", "observation"),
    "off": Setting(0.25, "real", "loc less that of the posterior"),
    "stretch": Setting(1.25, "positive", "scale over that of the posterior"),
}

_BUILT_IN: dict[str, Problem] = {
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
        make=instances.quadratic,
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
        make=instances.norm_squared,
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
        make=instances.bernoulli,
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
        make=instances.vae,
        dimension=None,
        intermediates=IMAGES * _DECODED,
        reference="Kingma and Welling, 2014, equation 3",
        features=frozenset(),
        source="digits",
    ),
    "exponential": Problem(
        text="E sum_i exp(-k x_i^2), x ~ N(loc, scale^2 I)",
        distribution="NORMAL",
        objective="exponential",
        settings=_NORMAL_SETTINGS
        | {
            "k": Setting(1.0, "positive", "how narrow the bump is"),
        },
        parameters=("loc", "scale"),
        make=instances.coordinates("loc", "scale", constants={"k": "k"}),
        dimension=1,
        intermediates=0,
        reference="Mohamed, Rosca, Figurnov and Mnih, 2020, section 3",
    ),
    "cosine": Problem(
        text="E sum_i cos(k x_i), x ~ N(loc, scale^2 I)",
        distribution="NORMAL",
        objective="cosine",
        settings=_NORMAL_SETTINGS
        | {
            "k": Setting(1.0, "positive", "frequency"),
        },
        parameters=("loc", "scale"),
        make=instances.coordinates("loc", "scale", constants={"k": "k"}),
        dimension=1,
        intermediates=0,
        reference="Mohamed, Rosca, Figurnov and Mnih, 2020, section 3",
    ),
    "bernoulli_quadratic": Problem(
        text="E mean_i (b_i - t)^2, b_i ~ Bernoulli(p), by the logits",
        distribution="BERNOULLI",
        objective="bernoulli_quadratic",
        settings={
            "p": Setting(0.5, "open_unit_interval", "probability of 1"),
            "t": Setting(0.45, "real", "target"),
        },
        parameters=("logits",),
        make=instances.bits,
        dimension=1,
        intermediates=0,
        reference="Tucker et al., REBAR, 2017, section 5.1",
    ),
    "categorical_quadratic": Problem(
        text="E x^T M x + l^T x, x one-hot of --dimension classes, by the logits",
        distribution="CATEGORICAL",
        objective="categorical_quadratic",
        settings={
            "slope": Setting(0.5, "real", "difference of the logits of neighbouring classes"),
            "curvature": Setting(1.0, "real", "factor of the matrix M_ij = cos(i - 2 j)"),
        },
        parameters=("logits",),
        make=instances.classes,
        dimension=3,
        intermediates=0,
        reference="Paulus, Maddison and Krause, 2021, section 5.1",
    ),
    "gamma_quadratic": Problem(
        text="E sum_i (x_i - k)^2, x_i ~ Gamma(concentration, rate)",
        distribution="GAMMA",
        objective="quadratic",
        settings={
            "concentration": Setting(2.5, "concentration", "of every coordinate"),
            "rate": Setting(1.5, "positive", "of every coordinate"),
            "k": Setting(1.0, "real", "target"),
        },
        parameters=("concentration", "rate"),
        make=instances.coordinates("concentration", "rate", constants={"k": "k"}),
        dimension=1,
        intermediates=QUADRATURE,
        reference="Figurnov, Mohamed and Mnih, 2018, section 3",
    ),
    "beta_quadratic": Problem(
        text="E sum_i (x_i - k)^2, x_i ~ Beta(concentration1, concentration0)",
        distribution="BETA",
        objective="quadratic",
        settings={
            "concentration1": Setting(2.5, "beta_concentration", "of x, in every coordinate"),
            "concentration0": Setting(3.5, "beta_concentration", "of 1 - x, in every coordinate"),
            "k": Setting(0.25, "real", "target"),
        },
        parameters=("concentration1", "concentration0"),
        make=instances.coordinates("concentration1", "concentration0", constants={"k": "k"}),
        dimension=1,
        intermediates=2 * QUADRATURE,
        reference="Figurnov, Mohamed and Mnih, 2018, section 3",
    ),
    "gaussian_elbo": Problem(
        text="E log p(x, z) - log q(z), z ~ N(prior, I), x | z ~ N(z, I), q = N(loc, scale^2 I)",
        distribution="NORMAL",
        objective="linear_gaussian_weight",
        settings=_WEIGHT_SETTINGS,
        parameters=("loc", "scale"),
        make=instances.gaussian_weights,
        dimension=1,
        intermediates=0,
        reference="Roeder, Wu and Duvenaud, 2017, section 3",
        features=WEIGHT,
    ),
    "linear_gaussian_iwae": Problem(
        text="E log of the mean of --samples weights p(x, z) / q(z), model and q as in gaussian_elbo",
        distribution="NORMAL",
        objective="linear_gaussian_weight",
        settings=_WEIGHT_SETTINGS,
        parameters=("loc", "scale"),
        make=instances.gaussian_weights,
        dimension=1,
        intermediates=0,
        reference="Rainforth et al., 2018, section 4",
        features=WEIGHT,
        bound=True,
    ),
    "bernoulli_iwae": Problem(
        text="E log of the mean of --samples weights p(x, b) / q(b), uniform bits, x | b ~ N(weights . b, 1)",
        distribution="BERNOULLI",
        objective="bernoulli_weight",
        settings={
            "p": Setting(0.4, "open_unit_interval", "probability of 1 in q"),
            "x": Setting(1.5, "real", "observation"),
        },
        parameters=("logits",),
        make=instances.bit_weights,
        dimension=2,
        intermediates=0,
        reference="Mnih and Rezende, Variational Inference for Monte Carlo Objectives, 2016, section 2",
        features=WEIGHT,
        bound=True,
    ),
    "categorical_vae": Problem(
        text="E log p(x | z) - KL(q || uniform) of 8 MNIST digits at the initial weights, by the posterior's logits",
        distribution="CATEGORICAL",
        objective="categorical_vae",
        settings={},
        parameters=("logits",),
        make=instances.categorical_vae,
        dimension=None,
        intermediates=IMAGES * _DECODED,
        reference="Jang, Gu and Poole, 2017, section 4.2",
        features=frozenset(),
        source="digits",
    ),
    "logistic_regression": Problem(
        text="E log p(y, w | x) - log q(w) of logistic regression on breast cancer, 31 weights w ~ N(0, I)",
        distribution="NORMAL",
        objective="logistic_regression",
        settings={
            "loc": Setting(0.0, "real", "mean of every weight in q"),
            "scale": Setting(1.0, "positive", "standard deviation of every weight in q"),
        },
        parameters=("loc", "scale"),
        make=instances.logistic_regression,
        dimension=None,
        intermediates=3 * 569,
        reference="Mohamed, Rosca, Figurnov and Mnih, 2020, section 8",
        features=frozenset({"weight"}),
        source="breast_cancer",
    ),
    "heteroscedastic_regression": Problem(
        text="E log p(y, w, v | x) - log q(w, v), y ~ N(x . w, exp(x . v)^2), diabetes, 2 x 11 weights ~ N(0, I)",
        distribution="NORMAL",
        objective="heteroscedastic_regression",
        settings={
            "loc": Setting(0.0, "real", "mean of every weight in q"),
            "scale": Setting(0.1, "positive", "standard deviation of every weight in q"),
        },
        parameters=("loc", "scale"),
        make=instances.heteroscedastic_regression,
        dimension=None,
        intermediates=6 * 442,
        reference="Harvey, 1976, for the model",
        features=frozenset({"weight"}),
        source="diabetes",
    ),
}


def _require(name: str, row: Any) -> None:
    """Check a row of another package."""
    rows.require_type(row, Problem)
    rows.require_texts(row, ("text", "reference"))
    rows.require_settings(row)
    rows.require_functions(name, row, rows.OBJECTIVE_ARGUMENTS)
    rows.require(row.distribution in FEATURES, "distribution", row.distribution, ", ".join(FEATURES))
    rows.require_subset("features", row.features, ("plain", "weight"))
    rows.require(
        not (row.objective or row.source) and row.bound is False, "objective, source or bound", "given", "none of them"
    )
    rows.require(row.dimension is None or (type(row.dimension) is int and row.dimension >= 1), "dimension",
                 row.dimension, "a whole number from 1 up, or None")  # fmt: skip
    rows.require(type(row.intermediates) is int and row.intermediates >= 0, "intermediates", row.intermediates,
                 "a whole number from 0 up")  # fmt: skip
    rows.require(callable(row.exact), "exact", row.exact, "a function of parameters and constants")
    rows.require_instance(row)


PROBLEMS: Table[Problem] = Table(_BUILT_IN, "reparam.problems", _require)


def draw_noise(
    problem: str, parameters: Mapping[str, NDArray[np.float64]], shape: tuple[int, ...], random: np.random.Generator
) -> NDArray[np.float64]:
    """Draw the noise that an estimator is given, in float64.

    Standard gamma variates are a function of uniform noise and of the concentrations, since frameworks lack their
    quantiles: they are made here, once, so that every backend has the same.

    Args:
        problem: a key of `PROBLEMS`.
        parameters: of the distribution, [*event] each.
        shape: [replicates, samples, *event] of `harness.estimators.noise_shape`.
        random: from `harness.noise.generator`.

    Returns:
        Of that shape; with an axis of draws before the event where a sample is made of several variates.
    """
    distribution = PROBLEMS[problem].distribution
    concentrations = [parameters[name] for name in CONCENTRATIONS.get(distribution, ())]
    draws = (len(concentrations),) if len(concentrations) > 1 else ()
    drawn = noises.draw(NOISE[distribution], (*shape[:2], *draws, *shape[2:]), random)
    return noises.gamma_variates(drawn, concentrations) if concentrations else drawn


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
