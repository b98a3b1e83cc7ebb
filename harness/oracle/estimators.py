"""Truth for every replicate of every estimator: the gradient for given noise, by formulas worked out by hand.

Computed in `np.longdouble` from the numbers that a backend is given (rounded to its dtype, held in float64), so
on a machine whose long double has 64 bits of mantissa it serves float64 too. Objectives (`costs`), distributions
(`samplers`) and estimators are composed here without any differentiation. Beside each value stands the sum of the
absolute values of its terms (`sized`), which is what rounding errors are proportional to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from harness.errors import unknown
from harness.oracle.costs import COSTS, Cost
from harness.oracle.samplers import SAMPLERS, Arrays, Paths, Relaxed, Sampler
from harness.oracle.sized import Real, Sized, exp, log_sum_exp, sigmoid, sized, sqrt, square
from harness.problems import PROBLEMS


class Given(NamedTuple):
    """What an estimator is computed from.

    Attributes:
        sampler: the distribution.
        cost: the objective.
        parameters: {name: [*event]}.
        constants: of objective and estimator.
        noise: [replicates, samples, *event], or with an axis of draws before the event.
    """

    sampler: Sampler
    cost: Cost
    parameters: Arrays
    constants: Arrays
    noise: Real

    def draw(self, number: int) -> Given:
        """Return the same with one of several draws as noise."""
        return self._replace(noise=self.noise[:, :, number])

    def x(self) -> Sized:
        """Return the samples."""
        return self.sampler.sample(self.parameters, self.noise)

    def f(self, x: Sized) -> Sized:
        """Return the objective, [replicates, samples, *factors]."""
        return self.cost.value(x, self.parameters, self.constants)

    def slope(self, x: Sized) -> Sized:
        """Return d f / d x."""
        return self.cost.slope(x, self.parameters, self.constants)

    def explicit(self, x: Sized) -> Paths:
        """Return d f / d parameters at fixed x."""
        return self.cost.explicit(x, self.parameters, self.constants)

    def temperature(self) -> Real:
        """Return the relaxation's temperature."""
        return self.constants["temperature"]


def _event(weight: Sized, like: Sized) -> Sized:
    """Return [replicates, samples, *factors] with axes of length 1 for the rest of the event."""
    return weight.map(lambda part: part.reshape(*part.shape, *(1 for _ in like.value.shape[part.ndim :])))


def _within_factors(terms: Sized, f: Sized) -> Sized:
    """Sum over the event axes that f has summed over."""
    return terms.sum(tuple(range(f.value.ndim, terms.value.ndim)))


def _plus(*terms: Paths) -> Paths:
    found: Paths = {}
    for term in terms:
        for name, value in term.items():
            found[name] = found[name] + value if name in found else value
    return found


def _times(paths: Paths, weight: Sized) -> Paths:
    return {name: value * _event(weight, value) for name, value in paths.items()}


def _mean(paths: Paths) -> Paths:
    """Average over the samples."""
    return {name: value.mean(1) for name, value in paths.items()}


def _sum(paths: Paths) -> Paths:
    return {name: value.sum(1) for name, value in paths.items()}


def _through_sample(given: Given, cotangent: Sized) -> Paths:
    if given.sampler.path is None:
        raise ValueError("the sample is not differentiable")
    return given.sampler.path(given.parameters, given.noise, cotangent)


def pathwise(given: Given) -> Paths:
    """Return the mean of f' d x / d parameters, and of the explicit derivative."""
    x = given.x()
    return _mean(_plus(_through_sample(given, given.slope(x)), given.explicit(x)))


def pathwise_antithetic(given: Given) -> Paths:
    """Return half the sum at noise and at -noise."""
    both = pathwise(given), pathwise(given._replace(noise=-given.noise))
    return {name: value * 0.5 for name, value in _plus(*both).items()}


def _weighted(given: Given, weight: Callable[[Sized], Sized]) -> Paths:
    """Return the mean of weight(f) score, and of the explicit derivative."""
    x = given.x()
    scores = given.sampler.score(x, given.parameters)
    return _mean(_plus(_times(scores, weight(given.f(x))), given.explicit(x)))


def score_function_leave_one_out(given: Given) -> Paths:
    """Weigh each sample by f_s - (sum of all f - f_s) / (S - 1)."""
    return _weighted(given, lambda f: f - (f.sum(1, keepdims=True) - f) / (f.value.shape[1] - 1))


def score_function_optimal(given: Given) -> Paths:
    """Weigh every coordinate of the score by f - baseline_i."""
    x = given.x()
    f = given.f(x)
    scores = {
        name: (_event(f, score) - given.constants[f"baseline.{name}"]) * score
        for name, score in given.sampler.score(x, given.parameters).items()
    }
    return _mean(_plus(scores, given.explicit(x)))


def measure_valued(given: Given) -> Paths:
    """Return differences of f at two changed coordinates, one coordinate after the other."""
    loc, scale = (sized(given.parameters[name]) for name in ("loc", "scale"))
    first, second, third = (sized(given.noise[:, :, number]) for number in range(3))
    x = loc + scale * first
    rayleigh = sqrt(square(first) + square(second))
    maxwell = sqrt(square(first) + square(second) + square(third)) * np.sign(first.value)

    def changed(move: Sized, index: tuple[int, ...]) -> Sized:
        at: tuple[Any, ...] = (slice(None), slice(None), *index)
        moved = loc + scale * move
        parts = [part.copy() for part in np.broadcast_arrays(x.value, x.size)]
        parts[0][at], parts[1][at] = moved.value[at], moved.size[at]
        return given.f(Sized(*parts))

    def by(plus: Sized, minus: Sized, factor: Sized) -> Sized:
        value, size = np.zeros_like(x.value), np.zeros_like(x.value)
        for index in np.ndindex(given.parameters["loc"].shape):
            at: tuple[Any, ...] = (slice(None), slice(None), *index)
            own = Sized(factor.value[index], factor.size[index])
            value[at], size[at] = (changed(plus, index) - changed(minus, index)) * own
        return Sized(value, size)

    root = np.sqrt(2 * np.longdouble(np.pi))
    return _mean({"loc": by(rayleigh, -rayleigh, 1 / (scale * root)), "scale": by(maxwell, first, 1 / scale)})


def exact(given: Given) -> Paths:
    """Return the sum over the support of p (f score + explicit derivative), in every replicate."""
    if given.sampler.support is None:
        raise ValueError("the support cannot be enumerated")
    x = sized(given.sampler.support(given.parameters))
    probs = exp(given.sampler.log_prob(x, given.parameters))
    scores = given.sampler.score(x, given.parameters)
    total = _sum(_times(_plus(_times(scores, given.f(x)), given.explicit(x)), probs))
    copies = (len(given.noise),)
    return {
        name: value.map(lambda part: np.broadcast_to(part, copies + part.shape[1:])) for name, value in total.items()
    }


def sticking_the_landing(given: Given) -> Paths:
    """Return the pathwise gradient without the explicit derivative."""
    return _mean(_through_sample(given, given.slope(given.x())))


def _shares(log_weights: Sized) -> Sized:
    """Return v_s = w_s / sum_t w_t over the samples."""
    return exp(log_weights - log_sum_exp(log_weights, 1, keepdims=True))


def iwae(given: Given) -> Paths:
    """Return the sum of v_s times the pathwise gradient of log w_s."""
    x = given.x()
    total = _plus(_through_sample(given, given.slope(x)), given.explicit(x))
    return _sum(_times(total, _shares(given.f(x))))


def dreg(given: Given) -> Paths:
    """Return the sum of v_s^2 times the path through z_s."""
    x = given.x()
    return _sum(_times(_through_sample(given, given.slope(x)), square(_shares(given.f(x)))))


def vimco(given: Given) -> Paths:
    """Return the sum of (L - L_(-s)) score_s + v_s times the explicit derivative."""
    x = given.x()
    log_weights = given.f(x)
    samples = log_weights.value.shape[1]
    bound = log_sum_exp(log_weights, 1, keepdims=True)
    others = (log_weights.sum(1, keepdims=True) - log_weights) / (samples - 1)
    replaced = log_weights.map(lambda part: np.repeat(part[:, None], samples, 1))  # [replicates, s, samples]
    own = np.eye(samples, dtype=bool)
    swapped = Sized(*(np.where(own, new[:, :, None], old) for new, old in zip(others, replaced, strict=True)))
    signal = bound - log_sum_exp(swapped, 2)
    scores = given.sampler.score(x, given.parameters)
    return _sum(_plus(_times(scores, signal), _times(given.explicit(x), _shares(log_weights))))


def _relaxed(given: Given) -> Relaxed:
    if given.sampler.relaxed is None:
        raise ValueError("the distribution has no relaxation")
    return given.sampler.relaxed(given.parameters, given.noise, given.temperature())


def _conditional(given: Given, x: Sized, whole: bool) -> Relaxed:
    if given.sampler.conditional is None:
        raise ValueError("the distribution has no relaxation")
    return given.sampler.conditional(given.parameters, x, given.noise, given.temperature(), whole)


def _at_mean(given: Given) -> Relaxed:
    if given.sampler.mean is None:
        raise ValueError("the distribution has no mean")
    return given.sampler.mean(given.parameters)


def gumbel_softmax(given: Given) -> Paths:
    """Return f' at the relaxed sample through the relaxation."""
    soft = _relaxed(given)
    return _mean(_plus(soft.path(given.slope(soft.value)), given.explicit(soft.value)))


def straight_through(given: Given) -> Paths:
    """Return f' at the sample through the mean."""
    x = given.x()
    return _mean(_plus(_at_mean(given).path(given.slope(x)), given.explicit(x)))


def straight_through_gumbel(given: Given) -> Paths:
    """Return f' at the sample through the relaxation."""
    x = given.x()
    return _mean(_plus(_relaxed(given).path(given.slope(x)), given.explicit(x)))


def gumbel_rao(given: Given) -> Paths:
    """Return f' at the sample through the mean of conditional relaxations, their noise held constant."""
    x = given.draw(0).x()
    slope = given.slope(x)
    inner = range(1, given.noise.shape[2])
    paths = [_conditional(given.draw(number), x, whole=False).path(slope) for number in inner]
    average = {name: value * (np.longdouble(1) / len(paths)) for name, value in _plus(*paths).items()}
    return _mean(_plus(average, given.explicit(x)))


def relax(given: Given) -> Paths:
    """Return (f(b) - c g(s~)) score + c d g(s) - c d g(s~), with g = f + sum of linear s + quadratic s^2."""
    first, second = given.draw(0), given.draw(1)
    x = first.x()
    soft, given_x = _relaxed(first), _conditional(second, x, whole=True)
    zero = np.longdouble(0)
    linear, quadratic = (given.constants.get(f"surrogate_{name}", zero) for name in ("linear", "quadratic"))
    coefficient = sized(given.constants["coefficient"])

    def surrogate(s: Sized) -> Sized:
        f = given.f(s)
        return f + _within_factors(s * linear + square(s) * quadratic, f)

    def slope(s: Sized) -> Sized:
        return given.slope(s) + s * (2 * quadratic) + linear

    weight = given.f(x) - coefficient * surrogate(given_x.value)
    scores = _times(given.sampler.score(x, given.parameters), weight)
    paths = soft.path(slope(soft.value) * coefficient), given_x.path(-(slope(given_x.value) * coefficient))
    return _mean(_plus(scores, *paths, given.explicit(x)))


def muprop(given: Given) -> Paths:
    """Return (f(b) - f(m) - f'(m) (b - m)) score + f'(m) d m / d parameters."""
    x, mean = given.x(), _at_mean(given)
    centre = mean.value.map(lambda part: part[None, None])
    slope = given.slope(centre)
    at_centre = given.f(centre)
    line = at_centre + _within_factors(slope * (x - centre), at_centre)
    scores = _times(given.sampler.score(x, given.parameters), given.f(x) - line)
    flat = {
        name: value.map(lambda part: np.broadcast_to(part, x.value.shape)) for name, value in mean.path(slope).items()
    }
    return _mean(_plus(scores, flat, given.explicit(x)))


def _pair(given: Given) -> tuple[Sized, Sized, Sized]:
    """Return b, b~ and f(b) - f(b~)."""
    both = given.x(), given._replace(noise=-given.noise).x()
    return *both, given.f(both[0]) - given.f(both[1])


def arm(given: Given) -> Paths:
    """Return (f(b) - f(b~)) (u - 1/2): half of sigmoid(noise) - sigmoid(-noise)."""
    *_, difference = _pair(given)
    return _mean(_times({"logits": (sigmoid(given.noise) - 0.5)}, difference))


def disarm(given: Given) -> Paths:
    """Return half of (f(b) - f(b~)) (b - b~) sigmoid(|logits|)."""
    b, other, difference = _pair(given)
    factor = sigmoid(np.abs(given.parameters["logits"])) * (b.value - other.value) * 0.5
    return _mean(_times({"logits": factor}, difference))


#: By the estimator's name.
GRADIENTS: dict[str, Callable[[Given], Paths]] = {
    "pathwise": pathwise,
    "pathwise_antithetic": pathwise_antithetic,
    "implicit_reparameterization": pathwise,  # the distribution's path is the implicit one
    "score_function": lambda given: _weighted(given, lambda f: f),
    "score_function_constant": lambda given: _weighted(given, lambda f: f - given.constants["baseline"]),
    "score_function_leave_one_out": score_function_leave_one_out,
    "score_function_optimal": score_function_optimal,
    "measure_valued": measure_valued,
    "exact": exact,
    "sticking_the_landing": sticking_the_landing,
    "iwae": iwae,
    "dreg": dreg,
    "vimco": vimco,
    "gumbel_softmax": gumbel_softmax,
    "straight_through": straight_through,
    "straight_through_gumbel": straight_through_gumbel,
    "gumbel_rao": gumbel_rao,
    "rebar": relax,
    "relax": relax,
    "muprop": muprop,
    "arm": arm,
    "disarm": disarm,
}


def truth(
    estimator: str, problem: str, parameters: Mapping[str, Any], constants: Mapping[str, Any], noise: Any
) -> Paths:
    """Return every replicate's gradient by each parameter.

    Args:
        estimator: its name, a key of `GRADIENTS`.
        problem: its name, whose objective is a key of `costs.COSTS`.
        parameters: {name: [*event]}, the numbers that the backend was given.
        constants: of the objective and of the estimator, likewise.
        noise: base noise [replicates, samples, *event], or with an axis of draws before the event, likewise.

    Returns:
        {parameter: value and size}, arrays [replicates, *event].

    Raises:
        BadInputError: there is no truth for the estimator or for the problem.
    """
    if estimator not in GRADIENTS:
        raise unknown("truth for estimator", estimator, GRADIENTS)
    row = PROBLEMS[problem]
    if row.objective not in COSTS:
        raise unknown("truth for objective", row.objective, COSTS)
    wide = {name: np.asarray(value, np.longdouble) for name, value in parameters.items()}
    fixed = {name: np.asarray(value, np.longdouble) for name, value in constants.items()}
    sampler, cost = SAMPLERS[row.distribution], COSTS[row.objective]
    return GRADIENTS[estimator](Given(sampler, cost, wide, fixed, np.asarray(noise, np.longdouble)))
