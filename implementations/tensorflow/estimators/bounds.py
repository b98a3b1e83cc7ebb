"""Gradients of bounds: the objective is a log weight, log w = log p(x, z) - log q(z; parameters)."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from implementations.interface.contract import Distribution
from implementations.tensorflow.autodiff import check_noise_shape, per_replicate_gradient
from implementations.tensorflow.estimators.score_function import check_samples, mean_of_others, weighted_score

__all__ = ["dreg", "iwae", "sticking_the_landing", "vimco"]


def sticking_the_landing(
    distribution: Distribution,
    objective: Callable[..., tf.Tensor],
    parameters: dict[str, tf.Tensor],
    constants: dict[str, tf.Tensor],
    noise: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """Pathwise gradient without the score term: parameters that the objective sees explicitly are held constant."""
    check_noise_shape(parameters, noise)

    def surrogate(rows: dict[str, tf.Tensor]) -> tf.Tensor:
        return objective(distribution.sample(rows, noise), _held_constant(rows), constants)

    return per_replicate_gradient(surrogate, parameters, noise.shape[0])


def iwae(
    distribution: Distribution,
    objective: Callable[..., tf.Tensor],
    parameters: dict[str, tf.Tensor],
    constants: dict[str, tf.Tensor],
    noise: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """Pathwise gradient of the importance-weighted bound: d log((1/S) sum_s w_s) / d parameters."""
    check_noise_shape(parameters, noise)

    def bound(rows: dict[str, tf.Tensor]) -> tf.Tensor:
        return _bound(objective(distribution.sample(rows, noise), rows, constants))

    return per_replicate_gradient(bound, parameters, noise.shape[0])


def dreg(
    distribution: Distribution,
    objective: Callable[..., tf.Tensor],
    parameters: dict[str, tf.Tensor],
    constants: dict[str, tf.Tensor],
    noise: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """Doubly reparameterized gradient of the bound of `iwae`: sum_s v_s^2 (d log w_s / d z_s) d z_s / d parameters."""
    check_noise_shape(parameters, noise)

    def surrogate(rows: dict[str, tf.Tensor]) -> tf.Tensor:
        log_weight = objective(distribution.sample(rows, noise), _held_constant(rows), constants)
        normalised = tf.stop_gradient(tf.nn.softmax(log_weight, axis=1))
        return tf.reduce_sum(tf.square(normalised) * log_weight, axis=1, keepdims=True)

    return per_replicate_gradient(surrogate, parameters, noise.shape[0])


def vimco(
    distribution: Distribution,
    objective: Callable[..., tf.Tensor],
    parameters: dict[str, tf.Tensor],
    constants: dict[str, tf.Tensor],
    noise: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """Score-function gradient of the importance-weighted bound, every sample's baseline made of the others.

    The bounds without one sample are formed from all samples-by-samples weights, since w_s taken off their sum would
    cancel where it is most of it.
    """
    check_samples(noise)
    check_noise_shape(parameters, noise)

    def surrogate(rows: dict[str, tf.Tensor]) -> tf.Tensor:
        value = tf.stop_gradient(distribution.sample(rows, noise))
        log_weight = objective(value, rows, constants)  # [replicates, samples, *factors]
        bound = _bound(log_weight)
        signal = bound - _bounds_without(log_weight)
        scores = weighted_score(distribution, value, rows, signal)
        return tf.reduce_sum(scores, axis=1, keepdims=True) + bound

    return per_replicate_gradient(surrogate, parameters, noise.shape[0])


def _held_constant(rows: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {name: tf.stop_gradient(row) for name, row in rows.items()}


def _bound(log_weight: tf.Tensor) -> tf.Tensor:
    """Log of the sum of weights, [replicates, 1, *factors]: the bound but for log S, which is constant."""
    return tf.reduce_logsumexp(log_weight, axis=1, keepdims=True)


def _bounds_without(log_weight: tf.Tensor) -> tf.Tensor:
    """For each sample the `_bound` with the mean of the others' log weight in place of its own."""
    samples, factors = log_weight.shape[1], log_weight.shape[2:]
    own = tf.reshape(tf.eye(samples, dtype=tf.bool), (samples, samples, *(1 for _ in factors)))
    others = mean_of_others(log_weight)[:, tf.newaxis]
    replaced = tf.where(own, others, log_weight[:, tf.newaxis])  # [replicates, left out, samples, *factors]
    return tf.reduce_logsumexp(replaced, axis=2)
