"""The gradient estimators under test, as a table of data, and which of them fit which problem."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from harness.errors import BadInputError, unknown
from harness.plugins import rows
from harness.problems import FEATURES, NOISE, PROBLEMS
from harness.validation import Setting
from implementations.entries import Table
from implementations.interface import outcomes


@dataclass(frozen=True)
class Estimator:
    """One row of the table.

    Attributes:
        text: the formula, in a few words.
        least_samples: samples that one gradient needs at least; the default of `--samples`.
        needs: what distribution and problem must allow, words of `problems.FEATURES` and of the problem's `features`.
        reference: where it comes from.
        module: module of `backend.estimators` that holds the function of the same name as the row.
        settings: what `--set` sets; they reach the estimator among the constants.
        biased: whether its mean differs from the true gradient.
        draws: settings -> draws of base noise for each sample.
        bound: whether it estimates the gradient of an importance-weighted bound.
        constants: what the oracle adds to the constants: "baseline", "baseline.PARAMETER".
        enumerates: whether it sums over every outcome of the distribution.
        functions: of an estimator of another package: "module:function" by backend, in place of `module`.
        gaps: of such a one: why it lacks a backend, by backend.
        variance: of such a one: (problem, parameters, constants, samples) -> the exact variance of one gradient,
            {parameter: [*param]}, or None where it is not known.
    """

    text: str
    reference: str
    module: str = ""
    least_samples: int = 1
    needs: frozenset[str] = frozenset()
    settings: Mapping[str, Setting] = field(default_factory=dict)
    biased: bool = False
    draws: Callable[[Mapping[str, float]], int] = lambda _: 1
    bound: bool = False
    constants: tuple[str, ...] = ()
    enumerates: bool = False
    functions: Mapping[str, str] = field(default_factory=dict)
    gaps: Mapping[str, str] = field(default_factory=dict)
    variance: Callable[..., Mapping[str, Any] | None] | None = None

    @property
    def needs_oracle(self) -> bool:
        """Whether it takes what nobody has whose expectation is to be estimated: exact moments, or every outcome."""
        return self.enumerates or "exact" in self.needs


_TEMPERATURE = {"temperature": Setting(0.5, "temperature", "of the relaxation")}
_COEFFICIENT = {"coefficient": Setting(1.0, "real", "of the control variate")}
_RELAXED = frozenset({"relaxation"})

#: Estimators or problems that a message names at most.
SHOWN = 5

#: What a missing word of `needs` means, for messages.
WORDS = {
    "reparameterizable": "a reparameterizable distribution",
    "implicit": "a distribution with implicit derivatives of its samples (gamma, beta)",
    "normal": "a normal distribution",
    "relaxation": "a distribution with a relaxation",
    "bits": "Bernoulli variables",
    "plain": "an objective of one factor that does not see the parameters",
    "weight": "an objective that is a log weight",
    "exact": "moments that are known exactly",
}

_BUILT_IN: dict[str, Estimator] = {
    "pathwise": Estimator(
        text="d f(g(noise, parameters)) / d parameters",
        module="pathwise",
        needs=frozenset({"reparameterizable"}),
        reference="Kingma and Welling, 2014, section 2.4",
    ),
    "pathwise_antithetic": Estimator(
        text="pathwise, the mean of those at noise and at -noise",
        module="pathwise",
        needs=frozenset({"reparameterizable"}),
        reference="Owen, 2013, section 8.2",
    ),
    "implicit_reparameterization": Estimator(
        text="f'(x) d x / d parameters, d x / d parameters = -(d F(x) / d parameters) / p(x), F the cdf",
        module="implicit",
        needs=frozenset({"implicit"}),
        reference="Figurnov, Mohamed and Mnih, 2018, section 3",
    ),
    "score_function": Estimator(
        text="f(x) d log p(x; parameters) / d parameters",
        module="score_function",
        reference="Williams, 1992",
    ),
    "score_function_constant": Estimator(
        text="(f(x) - E f) d log p(x; parameters) / d parameters",
        module="score_function",
        needs=frozenset({"exact"}),
        reference="Mohamed et al., 2020, section 7.4.1",
        constants=("baseline",),
    ),
    "score_function_leave_one_out": Estimator(
        text="(f(x_s) - mean of the other samples' f) d log p(x_s; parameters) / d parameters",
        module="score_function",
        least_samples=2,
        reference="Mnih and Rezende, 2016, section 2.4",
    ),
    "score_function_optimal": Estimator(
        text="(f(x) - E[f s_i^2] / E[s_i^2]) s_i, s the score",
        module="score_function",
        needs=frozenset({"exact"}),
        reference="Greensmith, Bartlett and Baxter, 2004, theorem 8",
        constants=("baseline.*",),
    ),
    "measure_valued": Estimator(
        text="f at coordinates moved by Rayleigh and Maxwell variables, differences, coupled",
        module="measure_valued",
        needs=frozenset({"normal", "plain"}),
        reference="Mohamed et al., 2020, section 6",
        draws=lambda _: 3,
    ),
    "sticking_the_landing": Estimator(
        text="pathwise, the parameters that log w sees held constant",
        module="bounds",
        needs=frozenset({"reparameterizable", "weight"}),
        reference="Roeder, Wu and Duvenaud, 2017, equation 6",
    ),
    "iwae": Estimator(
        text="sum_s v_s d log w_s / d parameters, v_s = w_s / sum w",
        module="bounds",
        least_samples=2,
        needs=frozenset({"reparameterizable", "weight"}),
        reference="Burda, Grosse and Salakhutdinov, 2016, equation 14",
        bound=True,
    ),
    "dreg": Estimator(
        text="sum_s v_s^2 (d log w_s / d z_s) d z_s / d parameters",
        module="bounds",
        least_samples=2,
        needs=frozenset({"reparameterizable", "weight"}),
        reference="Tucker, Lawson, Gu and Maddison, 2019, equation 8",
        bound=True,
    ),
    "vimco": Estimator(
        text="sum_s (L - L without s) d log q(z_s) / d parameters + sum_s v_s d log w_s / d parameters",
        module="bounds",
        least_samples=2,
        needs=frozenset({"weight"}),
        reference="Mnih and Rezende, 2016, equations 8 and 9",
        bound=True,
    ),
    "exact": Estimator(
        text="sum over the support of d (p(x) f(x)) / d parameters",
        module="enumeration",
        needs=_RELAXED | {"plain"},
        reference="the expectation itself",
        enumerates=True,
    ),
    "gumbel_softmax": Estimator(
        text="d f(relaxed sample) / d parameters",
        module="relaxed",
        needs=_RELAXED,
        reference="Jang, Gu and Poole, 2017, section 2.1",
        settings=_TEMPERATURE,
        biased=True,
    ),
    "straight_through": Estimator(
        text="f'(hard sample) d mean / d parameters",
        module="relaxed",
        needs=_RELAXED,
        reference="Bengio, Leonard and Courville, 2013, section 4",
        biased=True,
    ),
    "straight_through_gumbel": Estimator(
        text="f'(hard sample) d (relaxed sample) / d parameters",
        module="relaxed",
        needs=_RELAXED,
        reference="Jang, Gu and Poole, 2017, section 2.2",
        settings=_TEMPERATURE,
        biased=True,
    ),
    "gumbel_rao": Estimator(
        text="f'(hard sample) times the mean of d (relaxed sample given the hard one) / d parameters",
        module="relaxed",
        needs=_RELAXED,
        reference="Paulus, Maddison and Krause, 2021, equations 7 to 9",
        settings=_TEMPERATURE | {"inner": Setting(10.0, "count", "relaxations for each sample, K")},
        biased=True,
        draws=lambda settings: 1 + int(settings["inner"]),
    ),
    "rebar": Estimator(
        text="(f(b) - c f(s~)) score + c d f(s) - c d f(s~), s relaxed, s~ relaxed given b",
        module="control_variates",
        needs=_RELAXED,
        reference="Tucker et al., REBAR, 2017, equation 8",
        settings=_TEMPERATURE | _COEFFICIENT,
        draws=lambda _: 2,
    ),
    "relax": Estimator(
        text="REBAR with f + sum of linear s + quadratic s^2 in place of f at relaxed samples",
        module="control_variates",
        needs=_RELAXED,
        reference="Grathwohl et al., 2018, equation 8",
        settings=_TEMPERATURE
        | _COEFFICIENT
        | {
            "surrogate_linear": Setting(0.1, "real", "of the surrogate"),
            "surrogate_quadratic": Setting(-0.1, "real", "of the surrogate"),
        },
        draws=lambda _: 2,
    ),
    "muprop": Estimator(
        text="(f(b) - f(m) - f'(m) (b - m)) score + f'(m) d m / d parameters, m the mean",
        module="control_variates",
        needs=_RELAXED,
        reference="Gu, Levine, Sutskever and Mnih, 2016, equation 6",
    ),
    "arm": Estimator(
        text="(f(b) - f(b~)) (u - 1/2), b~ at the antithetic noise",
        module="antithetic",
        needs=frozenset({"bits", "plain"}),
        reference="Yin and Zhou, 2019, equation 5",
    ),
    "disarm": Estimator(
        text="ARM, its mean given b and b~",
        module="antithetic",
        needs=frozenset({"bits", "plain"}),
        reference="Dong, Mnih and Tucker, 2020, equation 8",
    ),
}


def _require(name: str, row: Any) -> None:
    """Check a row of another package."""
    rows.require_type(row, Estimator)
    rows.require_texts(row, ("text", "reference"))
    rows.require_settings(row)
    rows.require_functions(name, row, rows.ESTIMATOR_ARGUMENTS)
    rows.require_subset("needs", row.needs, WORDS)
    rows.require_subset("constants", row.constants, ("baseline", "baseline.*"))
    rows.require(not row.constants or "exact" in row.needs, "needs of an estimator with baselines", row.needs,
                 "'exact' among them, since only such problems have baselines")  # fmt: skip
    rows.require(type(row.least_samples) is int and row.least_samples >= 1, "least_samples", row.least_samples,
                 "a whole number from 1 up")  # fmt: skip
    rows.require(type(row.biased) is bool, "biased", row.biased, "True or False")
    rows.require(type(row.bound) is bool, "bound", row.bound, "True or False")
    rows.require(type(row.enumerates) is bool, "enumerates", row.enumerates, "True or False")
    rows.require(not row.module, "module", row.module, "none, since functions says where it is")
    rows.require(callable(row.draws), "draws", row.draws, "a function of the settings")
    draws = row.draws({name: setting.default for name, setting in row.settings.items()})
    rows.require(type(draws) is int and draws >= 1, "what draws returns", draws, "a whole number from 1 up")
    rows.require(row.variance is None or callable(row.variance), "variance", row.variance, "a function, or None")


ESTIMATORS: Table[Estimator] = Table(_BUILT_IN, "reparam.estimators", _require)


def noise_shape(
    estimator: str, settings: Mapping[str, float], replicates: int, samples: int, event: tuple[int, ...]
) -> tuple[int, ...]:
    """Return the shape of an estimator's base noise: an axis of draws before the event where there are several."""
    draws = ESTIMATORS[estimator].draws(settings)
    return (replicates, samples, *([draws] if draws > 1 else []), *event)


def missing(estimator: str, problem: str) -> list[str]:
    """Return what an estimator needs and a problem does not allow, in words."""
    row, goal = ESTIMATORS[estimator], PROBLEMS[problem]
    found = [WORDS[word] for word in sorted(row.needs - FEATURES[goal.distribution] - goal.features)]
    if row.bound != goal.bound:
        found.append("a problem that is a bound" if row.bound else "a problem that is no bound")
    return found


def excess(estimator: str, problem: str, dimension: int) -> str:
    """Return why an estimator, or its baselines, would enumerate too many outcomes; "" where that is not so.

    Args:
        estimator: a key of `ESTIMATORS`.
        problem: a key of `PROBLEMS`, which it fits.
        dimension: coordinates, for a problem that takes them.
    """
    row, noise = ESTIMATORS[estimator], NOISE[PROBLEMS[problem].distribution]
    if not (row.enumerates or row.constants) or noise not in outcomes.VARIABLES:
        return ""
    return outcomes.excess(noise, _event(problem, dimension))


def _event(problem: str, dimension: int) -> tuple[int, ...]:
    """Return the shape of one sample; of a problem of this package that takes a dimension, without making it."""
    row = PROBLEMS[problem]
    if row.dimension is not None and not row.functions:
        return (dimension,)
    parameters, _ = row.make({name: setting.default for name, setting in row.settings.items()}, dimension)
    return np.shape(next(iter(parameters.values())))


def fits(estimator: str, problem: str) -> bool:
    """Tell whether the problem allows what the estimator needs."""
    return not missing(estimator, problem)


def fitting(problem: str) -> tuple[str, ...]:
    """Return the estimators that fit a problem."""
    return tuple(name for name in ESTIMATORS if fits(name, problem))


def require_fit(estimator: str, problem: str) -> None:
    """Check that both exist and fit together.

    Raises:
        BadInputError: one is unknown, or the estimator does not fit; the message says which estimators do.
    """
    if estimator not in ESTIMATORS:
        raise unknown("estimator", estimator, ESTIMATORS, "reparam list estimators")
    if problem not in PROBLEMS:
        raise unknown("problem", problem, PROBLEMS, "reparam list problems")
    lacking = missing(estimator, problem)
    if lacking:
        found = fitting(problem)
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise BadInputError(
            f"estimator {estimator!r} needs {' and '.join(lacking)}, which problem {problem!r} does not have; "
            f"estimators that fit: {', '.join(found[:SHOWN])}{more}"
        )
