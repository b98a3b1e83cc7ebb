"""Score-function gradients of discrete distributions with a control variate whose gradient is known otherwise."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from implementations.interface.contract import Arrays, Distribution
from implementations.jax.autodiff import per_replicate_gradient, require_draws, require_event_shape
from implementations.jax.estimators.relaxed import relaxation
from implementations.jax.estimators.score_function import over_event, scored_sample

__all__ = ["muprop", "rebar", "relax"]


def rebar(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """REBAR: (f(b) - c f(s(z~))) d log p(b) / d parameters + c d f(s(z)) / d parameters - c d f(s(z~)) / d parameters.

    The control variate is the objective itself, on relaxed values.
    """
    return _with_control(distribution, objective, objective, parameters, constants, noise)


def relax(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """RELAX: REBAR with a free surrogate, c (f(s) + sum_i (linear s_i + quadratic s_i^2)) in place of c f(s)."""

    def control(soft: Array, rows: Arrays, constants: Arrays) -> Array:
        f = objective(soft, rows, constants)
        return f + over_event((constants["surrogate_linear"] + constants["surrogate_quadratic"] * soft) * soft, f)

    return _with_control(distribution, objective, control, parameters, constants, noise)


def _with_control(
    distribution: Distribution,
    objective: Callable[..., Array],
    control: Callable[..., Array],
    parameters: Arrays,
    constants: Arrays,
    noise: Array,
) -> Arrays:
    """Return the gradient of stop(f(b) - c h(s(z~))) log p(b) + f(b) + c (h(s(z)) - h(s(z~))), h the control."""
    relaxed_sample = relaxation(distribution)
    require_draws(parameters, noise, draws=2)
    first, second = noise[:, :, 0], noise[:, :, 1]

    def surrogate(rows: Arrays) -> Array:
        b, f, log_prob = scored_sample(distribution, objective, rows, constants, first)

        def controlled(draw: Array) -> Array:
            return constants["coefficient"] * control(
                relaxed_sample(rows, draw, constants["temperature"]), rows, constants
            )

        free, given_b = controlled(first), controlled(distribution.conditional_noise(rows, b, second))
        return stop_gradient(f - given_b) * log_prob + f + (free - given_b)

    return per_replicate_gradient(surrogate, parameters, replicates=noise.shape[0])


def muprop(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """MuProp: (f(b) - f(m) - f'(m) (b - m)) d log p(b) / d parameters + f'(m) d m / d parameters, m the mean of b.

    Each factor depends on its own part of the event alone, so one pullback at m gives f' of all of them.
    """
    relaxation(distribution)
    require_event_shape(parameters, noise)

    def surrogate(rows: Arrays) -> Array:
        b, f, log_prob = scored_sample(distribution, objective, rows, constants, noise)
        held, mean = stop_gradient(rows), distribution.mean(rows)  # the mean: [replicates, 1, *event]
        center = stop_gradient(mean)
        at_center, pullback = jax.vjp(lambda m: objective(m, held, constants), center)
        (slope,) = pullback(jnp.ones_like(at_center))
        linear = at_center + over_event(slope * (b - center), f)
        return stop_gradient(f - linear) * log_prob + f + over_event(slope * mean, f)

    return per_replicate_gradient(surrogate, parameters, replicates=noise.shape[0])
