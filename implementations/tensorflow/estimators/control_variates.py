"""Score-function gradients of discrete distributions with a control variate whose gradient is known otherwise."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from implementations.interface.contract import Distribution
from implementations.tensorflow.autodiff import check_noise_shape, per_replicate_gradient
from implementations.tensorflow.estimators.relaxed import relaxation
from implementations.tensorflow.estimators.score_function import sum_to_rank, weighted_score

__all__ = ["muprop", "rebar", "relax"]


def rebar(
    distribution: Distribution,
    objective: Callable[..., tf.Tensor],
    parameters: dict[str, tf.Tensor],
    constants: dict[str, tf.Tensor],
    noise: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """REBAR: (f(b) - c f(s(z~))) d log p(b) / d parameters + c d f(s(z)) / d parameters - c d f(s(z~)) / d parameters.

    On the tape the two last terms are c f(s(z)) - c f(s(z~)) itself.
    """
    return _coupled(distribution, objective, objective, parameters, constants, noise)


def relax(
    distribution: Distribution,
    objective: Callable[..., tf.Tensor],
    parameters: dict[str, tf.Tensor],
    constants: dict[str, tf.Tensor],
    noise: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """RELAX: REBAR with a free surrogate, c (f(s) + sum_i (linear s_i + quadratic s_i^2)) in place of c f(s)."""

    def control(soft: tf.Tensor, rows: dict[str, tf.Tensor], constants: dict[str, tf.Tensor]) -> tf.Tensor:
        f = objective(soft, rows, constants)  # [replicates, samples, *factors]
        terms = constants["surrogate_linear"] * soft + constants["surrogate_quadratic"] * tf.square(soft)
        return f + sum_to_rank(terms, f.shape.rank)

    return _coupled(distribution, objective, control, parameters, constants, noise)


def muprop(
    distribution: Distribution,
    objective: Callable[..., tf.Tensor],
    parameters: dict[str, tf.Tensor],
    constants: dict[str, tf.Tensor],
    noise: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """MuProp: (f(b) - f(m) - f'(m) (b - m)) d log p(b) / d parameters + f'(m) d m / d parameters, m the mean of b.

    The derivative at the mean is taken on an inner tape; its own dependence on the parameters is held constant.
    """
    relaxation(distribution)
    check_noise_shape(parameters, noise)

    def surrogate(rows: dict[str, tf.Tensor]) -> tf.Tensor:
        value = tf.stop_gradient(distribution.sample(rows, noise))
        mean = distribution.mean(rows)  # [replicates, 1, *event]
        at = tf.stop_gradient(mean)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(at)
            f_mean = objective(at, rows, constants)
        slope = tf.stop_gradient(tape.gradient(f_mean, at, unconnected_gradients=tf.UnconnectedGradients.ZERO))
        f = objective(value, rows, constants)
        tangent = f_mean + sum_to_rank(slope * (value - at), f.shape.rank)
        scores = weighted_score(distribution, value, rows, f - tangent)
        return scores + f + sum_to_rank(slope * mean, f.shape.rank)

    return per_replicate_gradient(surrogate, parameters, noise.shape[0])


def _coupled(
    distribution: Distribution,
    objective: Callable[..., tf.Tensor],
    control: Callable[..., tf.Tensor],
    parameters: dict[str, tf.Tensor],
    constants: dict[str, tf.Tensor],
    noise: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """Score function of f(b) - c control(s(z~)), and the pathwise gradients of c control at z and, less, at z~.

    The objective at b carries its explicit dependence on the parameters; those of the control at z and at z~ have
    the same mean.
    """
    relaxed_sample = relaxation(distribution)
    check_noise_shape(parameters, noise, draws=2)

    def surrogate(rows: dict[str, tf.Tensor]) -> tf.Tensor:
        free = noise[:, :, 0]
        value = tf.stop_gradient(distribution.sample(rows, free))
        given = distribution.conditional_noise(rows, value, noise[:, :, 1])
        f = objective(value, rows, constants)
        at_free, at_given = (
            constants["coefficient"] * control(relaxed_sample(rows, draw, constants["temperature"]), rows, constants)
            for draw in (free, given)
        )
        scores = weighted_score(distribution, value, rows, f - at_given)
        return scores + f + at_free - at_given

    return per_replicate_gradient(surrogate, parameters, noise.shape[0])
