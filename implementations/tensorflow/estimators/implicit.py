"""Implicit reparameterization gradient."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from implementations.interface.contract import Distribution
from implementations.tensorflow.autodiff import check_noise_shape, per_replicate_gradient

__all__ = ["implicit_reparameterization"]


def implicit_reparameterization(
    distribution: Distribution,
    objective: Callable[..., tf.Tensor],
    parameters: dict[str, tf.Tensor],
    constants: dict[str, tf.Tensor],
    noise: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """Implicit reparameterization gradient: the mean over samples of f'(x) d x / d parameters, at fixed cdf of x.

    The tape meets the sampler as one operation with a rule of its own, `tf.custom_gradient`.
    """
    derivatives = distribution.sample_derivatives
    if derivatives is None:
        raise ValueError(
            f"implicit_reparameterization needs a distribution with sample_derivatives, but the one with "
            f"{distribution.noise} noise has none: use GAMMA or BETA, or the pathwise estimator"
        )
    check_noise_shape(parameters, noise, draws=distribution.draws or None)
    names = tuple(parameters)

    @tf.custom_gradient
    def sample(*values: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], list[tf.Tensor]]]:
        rows = dict(zip(names, values, strict=True))  # [replicates, 1, *event] each

        def rule(upstream: tf.Tensor) -> list[tf.Tensor]:
            slopes = derivatives(rows, noise)
            return [tf.reduce_sum(upstream * slopes[name], axis=1, keepdims=True) for name in names]

        return distribution.sample(rows, noise), rule

    def surrogate(rows: dict[str, tf.Tensor]) -> tf.Tensor:
        return objective(sample(*(rows[name] for name in names)), rows, constants)

    return per_replicate_gradient(surrogate, parameters, noise.shape[0])
